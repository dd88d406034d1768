"""What a run left on this host, told from journals alone: it can be told when no store and no key service answers."""

from collections.abc import Collection
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from proofkeep.errors import ProofkeepError, StateFullError
from proofkeep.journal import Journal, TransferCounts
from proofkeep.repository.clock import TOLERANCE_NS
from proofkeep.unfinished import BEGAN, opened


@dataclass(frozen=True, slots=True)
class Left:
    """Where a run stands.

    Attributes:
        entry: keyed id of its inventory entry, hex; None before it was known.
        transfers: those that hold packs, the one still open included.
        sealed: whether the source was read to its end.
        missing: packs that are gone of a source that was, and that has to be read again for them.
        committed: `<run>.<generation>` of its snapshot, if there is one.
        unreadable: its journal is gone or cannot be read, so that none of this is known.
        name: of its inventory entry; None as for `entry`.
    """

    entry: str | None
    transfers: tuple[TransferCounts, ...]
    sealed: bool
    committed: str | None
    unreadable: bool = False
    name: str | None = None
    missing: int = 0

    @property
    def unproven(self) -> list[int]:
        """Numbers of the transfers of which something waits."""
        return [transfer.number for transfer in self.transfers if transfer.waiting]

    @property
    def waiting(self) -> int:
        """Packs that wait in the spool."""
        return sum(transfer.waiting for transfer in self.transfers)

    @property
    def waiting_bytes(self) -> int:
        """Bytes of ciphertext in them."""
        return sum(transfer.waiting_bytes for transfer in self.transfers)

    @property
    def sent(self) -> int:
        """Of these, packs that the store took and was not shown to hold."""
        return sum(transfer.sent for transfer in self.transfers)

    @property
    def proven(self) -> int:
        """Packs that the store was shown to hold."""
        return sum(transfer.packs - transfer.waiting for transfer in self.transfers)

    @property
    def failures(self) -> int:
        """Attempts to send a pack that failed."""
        return sum(transfer.failures for transfer in self.transfers)


@dataclass(frozen=True, slots=True)
class Remembered:
    """A snapshot that a run of this host committed, by its source instant; `name` is its inventory entry's."""

    source_at_ns: int
    snapshot: str
    complete: bool
    name: str | None


def left_by(state: Path, run: bytes) -> Left | None:
    """What the run left; None where this host holds nothing of it.

    Args:
        state: the host's state directory, of whichever repository.
        run: 16 bytes.
    """
    unreadable = False
    for file in _journals(state, run.hex()):
        try:
            with opened(file.parent) as journal:
                if journal is not None:
                    return _told(journal)
        except StateFullError:  # no room for its tables: nothing was journaled, unless the spool holds something
            continue
        except (ProofkeepError, OSError):
            unreadable = True
    if unreadable or any(state.glob(f"*/runs/{run.hex()}/spool/*")):
        return Left(None, (), sealed=False, committed=None, unreadable=True)
    return None


def _told(journal: Journal) -> Left:
    committed = journal.fact("committed")
    return Left(
        journal.fact("entry"),
        tuple(journal.counts()),
        journal.end is not None,
        None if committed is None else committed["snapshot"],
        name=_name(journal),
        missing=sum(journal.missing.values()),
    )


def _name(journal: Journal) -> str | None:
    return (journal.fact(BEGAN) or {}).get("entry")


def entry_of(state: Path, run: str) -> str | None:
    """Keyed id of a run's entry, hex: the store's keys made it, and the store may be away; None where none is read.

    Args:
        run: its id, hex.
    """
    for file in _journals(state, run):
        with suppress(ProofkeepError, OSError), closing(Journal(file, briefly=True)) as journal:
            entry: str | None = journal.fact("entry")
            return entry
    return None


def last_commit(state: Path, entries: Collection[str], now_ns: int) -> Remembered | None:
    """The newest snapshot by source instant that a journal of this host remembers; journals are kept for 30 days.

    One from the future says nothing of the recovery point, and is told only where there is no other.

    Args:
        entries: keyed ids in hex, whose snapshots count.
    """
    found = []
    for file in _journals(state, "*"):
        with suppress(ProofkeepError, OSError), closing(Journal(file, briefly=True)) as journal:
            committed = journal.fact("committed")
            if committed is not None and committed["entry"] in entries:
                instant = journal.fact("source_at") or 0
                found.append(Remembered(instant, committed["snapshot"], committed["complete"], _name(journal)))
    latest = now_ns + TOLERANCE_NS
    return max(found, key=lambda each: (each.source_at_ns <= latest, each.source_at_ns), default=None)


def _journals(state: Path, run: str) -> list[Path]:
    return sorted(state.glob(f"*/runs/{run}/journal.sqlite"))
