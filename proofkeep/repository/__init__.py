"""A connected repository: its two stores, its descriptor and the keys this host derives."""

from collections.abc import Mapping

import msgspec

from proofkeep.crypto.host_keys import HostKeys
from proofkeep.format.descriptor import Descriptor
from proofkeep.model import Clock
from proofkeep.ports import ObjectStore

__all__ = ["Repository"]


class Repository(msgspec.Struct, frozen=True, eq=False):
    """What every verb works on. Holds host keys, never a data key."""

    store: ObjectStore
    ledger_store: ObjectStore
    descriptor: Descriptor
    keys: HostKeys

    @property
    def id(self) -> bytes:
        """16 bytes."""
        return self.descriptor.repository

    @property
    def clocks(self) -> Mapping[str, Clock | None]:
        """What its services have stated of the time by now, by whose it is, as `check_clock` compares it."""
        return {"store": self.store.clock, "ledger": self.ledger_store.clock}

    @property
    def ledger_shares_neighbourhood(self) -> bool:
        """Whether one disk, host or account holds both packs and ledger; said in every result."""
        return self.store.location.neighbourhood == self.ledger_store.location.neighbourhood
