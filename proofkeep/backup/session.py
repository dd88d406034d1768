"""A sealing session: one process sealing for one run under one data key, held in memory only."""

import os
from collections.abc import Callable, Sequence

from proofkeep import events
from proofkeep.errors import PolicyError
from proofkeep.format import header, record, wrapped
from proofkeep.format.header import Context, ObjectType
from proofkeep.format.names import PackId
from proofkeep.format.wrapped import WrappedDataKey
from proofkeep.journal import Journal
from proofkeep.ports import KeyProvider
from proofkeep.repository import Repository
from proofkeep.repository.clock import check_clock

CLOCK_CHECKED = "clock_checked"
"""Fact of the journal: a key service stated its time, and it agreed with this host's."""


class SealingSession:
    """Opened at the first use: the wrapped data key is in the journal before the first frame is sealed."""

    def __init__(
        self,
        repository: Repository,
        writer: bytes,
        providers: Sequence[KeyProvider],
        journal: Journal,
        clock: Callable[[], int],
    ) -> None:
        self._repository = repository
        self._writer = writer
        self._providers = providers
        self._journal = journal
        self._clock = clock
        self._key: bytes | None = None
        self._counter = 0
        self.data_key = os.urandom(16)

    def _open(self) -> bytes:
        """The data key, made and wrapped for every recipient at the first call.

        Raises:
            KeyAccessError, ClockError: nothing was kept.
        """
        if self._key is None:
            recipients = {provider.recipient: provider for provider in self._providers}
            missing = [uri for uri in self._repository.descriptor.recipients if uri not in recipients]
            if missing:
                raise PolicyError(f"no key provider is configured for recipient {missing[0]}")
            context = wrapped.context(self._repository.id, self._writer, self.data_key)
            first, *others = (recipients[uri] for uri in self._repository.descriptor.recipients)
            generated = first.generate(context)
            forms = [generated.wrapped, *(provider.wrap(generated.plaintext, context) for provider in others)]
            clocks = {f"key service of {provider.recipient}": provider.clock for provider in (first, *others)}
            if check_clock(clocks):
                self._journal.set_fact(CLOCK_CHECKED, value=True)
            keys = self._repository.keys.current
            for form in forms:
                entry = WrappedDataKey(self._writer, self.data_key, keys.epoch, 1, form, self._clock())
                body = wrapped.seal_wrapped(keys.ledger, self._repository.id, entry)
                self._journal.keep_object(entry.name, "key", self._journal.fact("generation") or 1, body)
                events.emit(
                    "data-key-generate",
                    data_key=self.data_key.hex(),
                    recipient=form.recipient,
                    material_id=form.material_id,
                    request_id=form.request_id,
                )
            self._key = generated.plaintext
        return self._key

    def new_pack(self, kind: ObjectType) -> tuple[PackId, Context]:
        """The next pack under this data key."""
        key = self._open()
        pack = PackId(self._writer, self.data_key, self._counter)
        self._counter += 1
        return pack, header.new_context(key, kind, self._repository.id, self._writer, self.data_key, pack.counter)

    def seal_roots(self, roots: record.Roots) -> bytes:
        """The record's sealed half."""
        return record.seal_roots(self._open(), self._repository.id, self._writer, self.data_key, roots)

    def close(self) -> None:
        """Let go of the data key."""
        self._key = None
