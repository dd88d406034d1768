"""Stages 5 and 6, upload and verify: one transfer at a time, both repeatable, both without any data key."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from hashlib import sha256

from proofkeep import events
from proofkeep.backup.confirm import GONE
from proofkeep.backup.underway import Underway
from proofkeep.errors import (
    CancelledError,
    DigestRefusedError,
    IntegrityError,
    ObjectMissingError,
    PackMissingError,
    ProofkeepError,
    TransferFailedError,
)
from proofkeep.journal import Journal, JournalObject, JournalPack, Transfer
from proofkeep.model import TlsSession
from proofkeep.ports import Cancelled, unwatched
from proofkeep.repository import Repository
from proofkeep.repository.stored import place, prove
from proofkeep.spool import Spool

_MAY_BE_LARGE = {"index", "ledger"}  # 8 MiB take their time on a narrow line; all of them go before the record


@dataclass(frozen=True, slots=True)
class Receipt:
    """What upload or verify of a transfer did: counts, ids and digests, never data.

    Attributes:
        done_now: packs sent or verified by this call; the others were so before.
        by: how they were verified (`store`, `read-back`), or the TLS session they travelled in.
    """

    transfer: int
    digest: str
    packs: int
    bytes: int
    done_now: int
    by: str


class Sender:
    """Sends and proves what lies in the spool."""

    def __init__(
        self,
        repository: Repository,
        journal: Journal,
        spool: Spool,
        clock: Callable[[], int],
        cancelled: Cancelled,
        senders: int,
        underway: Underway,
    ) -> None:
        self._repository = repository
        self._journal = journal
        self._spool = spool
        self._clock = clock
        self._cancelled = cancelled
        self._senders = senders
        self._underway = underway
        self._placing_keys = threading.Lock()

    def place_object(self, item: JournalObject, *, again: bool = False) -> None:
        """Put and prove one small object, unless that is done. Raises what `place` and `prove` raise.

        Args:
            again: the store lost it since.
        """
        if item.verified is not None and not again:
            return
        descriptor = self._repository.descriptor
        store, capabilities = (
            (self._repository.ledger_store, descriptor.ledger_capabilities)
            if item.in_ledger_store
            else (self._repository.store, descriptor.capabilities)
        )
        digest = sha256(item.body).digest()
        large = item.kind in _MAY_BE_LARGE
        watch = self._underway.placing if large else unwatched
        sent = place(store, item.name, item.body, digest, attempts=1, clock=self._clock, watch=watch)
        verified = prove(store, capabilities, item.name, len(item.body), digest, sent.version_id, self._clock)
        self._journal.set_object_sent(item.name, sent, verified)
        if large:
            self._underway.placed(len(item.body))

    def upload(self, transfer: Transfer) -> Receipt:
        """Send the packs of a transfer that were not sent before, wrapped keys first.

        Raises:
            StoreError, TransportError: of the kind met; what was sent stays sent.
            PackMissingError: one is damaged in the spool; it is dropped and a retry seals its chunks anew.
        """
        packs = self._journal.transfer_packs(transfer.number)
        prefixes = {f"keys/{pack.id.writer.hex()}/{pack.id.data_key.hex()}/" for pack in packs}
        with self._placing_keys:  # transfers that travel at once share keys
            for item in self._journal.objects("kind='key'"):
                if item.name[: item.name.rindex("/") + 1] in prefixes:
                    self.place_object(item)
        unsent = [pack for pack in packs if pack.sent is None]
        self._each(self._send, unsent)
        sessions = {pack.sent.tls for pack in self._journal.transfer_packs(transfer.number) if pack.sent}
        return self._receipt(transfer, packs, len(unsent), "; ".join(sorted(map(_describe, sessions))))

    def _send(self, pack: JournalPack) -> None:
        file = self._spool.file(pack.id)
        if not self._spool.holds(pack.id):
            raise PackMissingError(f"pack {pack.id.name} is neither sent nor in this host's spool")
        try:
            sent = place(
                self._repository.store,
                pack.id.name,
                file,
                pack.sha256,
                attempts=pack.failures + 1,
                clock=self._clock,
                watch=self._underway.watch(pack),
            )
        except CancelledError:
            self._underway.stopped(pack)
            raise
        except ProofkeepError as error:
            self._underway.stopped(pack)
            self._journal.add_pack_failure(pack.number)
            if isinstance(error, DigestRefusedError | TransferFailedError) and not self._spool.is_sound(
                pack.id, pack.sha256
            ):
                self._drop(pack, "damaged in this host's spool")
                raise PackMissingError(f"pack {pack.id.name} is damaged in this host's spool") from None
            raise
        self._journal.set_pack_sent(pack.number, sent)
        self._underway.sent(pack)
        events.emit("pack-sent", pack=pack.id.name, size=pack.size, attempts=sent.attempts)

    def verify(self, transfer: Transfer) -> Receipt:
        """Prove that the store holds the transfer's packs, then give their spool space back.

        Raises:
            PackMissingError: the store lost or altered one; it is dropped and a retry seals its chunks anew.
            StoreError, TransportError: of the kind met.
        """
        packs = self._journal.transfer_packs(transfer.number)
        unproven = [pack for pack in packs if pack.verified is None]
        self._each(self._prove, unproven)
        for pack in packs:
            self._spool.release(pack.id)
        ways = {pack.verified.by for pack in self._journal.transfer_packs(transfer.number) if pack.verified}
        return self._receipt(transfer, packs, len(unproven), ", ".join(sorted(ways)))

    def _prove(self, pack: JournalPack) -> None:
        if pack.sent is None:
            raise PackMissingError(f"pack {pack.id.name} was never sent")
        capabilities = self._repository.descriptor.capabilities
        store = self._repository.store
        try:
            verified = prove(
                store, capabilities, pack.id.name, pack.size, pack.sha256, pack.sent.version_id, self._clock
            )
        except (IntegrityError, ObjectMissingError) as error:
            events.emit("pack-refuted", outcome="failure", pack=pack.id.name, code=error.code)
            self._drop(pack, GONE if isinstance(error, ObjectMissingError) else "not in the store as they were sealed")
            raise PackMissingError(f"pack {pack.id.name} did not arrive as it was sealed: {error.code}") from None
        self._journal.set_pack_verified(pack.number, verified)
        self._underway.proven(pack)
        events.emit("pack-verified", pack=pack.id.name, by=verified.by)

    def _drop(self, pack: JournalPack, why: str) -> None:
        """Have a retry seal its chunks anew: no second attempt with these bytes can end otherwise."""
        self._journal.reopen_without([pack.id], why)
        self._spool.release(pack.id)

    def _each(self, step: Callable[[JournalPack], None], packs: list[JournalPack]) -> None:
        """Run a step for all packs, several at once; the first error once all have ended."""

        def guarded(pack: JournalPack) -> None:
            if self._cancelled():
                raise CancelledError("run was cancelled between packs")
            step(pack)

        with ThreadPoolExecutor(self._senders, thread_name_prefix="sender") as pool:
            futures = [pool.submit(copy_context().run, guarded, pack) for pack in packs]
        for future in futures:
            future.result()

    @staticmethod
    def _receipt(transfer: Transfer, packs: list[JournalPack], done_now: int, by: str) -> Receipt:
        return Receipt(transfer.number, transfer.digest, len(packs), transfer.bytes, done_now, by)


def _describe(session: TlsSession | None) -> str:
    return "local" if session is None else f"{session.version} {session.cipher} peer {session.peer_sha256[:16]}"
