"""Attempts of backups, verifies, drills and restores on this host: what `proofkeep.history` remembers of each."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from proofkeep.damage import OnFound, spelled, unkept
from proofkeep.errors import CancelledError, ProofkeepError, UnexpectedError

BACKUP, VERIFY, DRILL, RESTORE = "backup", "verify", "drill", "restore"

FORGOTTEN = "forgotten run"
"""Verb of an attempt whose entry was forgotten: kept for what it found in the repository, and for nothing else."""

NOTHING_TO_RESTORE = "nothing to restore"
"""Message of a drill that passed, whose entries have no regular file in their snapshots."""

SERVICE = " at "
"""Between bucket and service in the place of an S3 store; versions before named no service."""


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """An inventory entry that was backed up on this host.

    Attributes:
        place: where its repository lies, as the configuration says it.
    """

    place: str
    name: str
    allowed_seconds: int


def former(place: str) -> str:
    """How versions before spelled a place; the same where nothing has changed."""
    within, at, _ = place.rpartition(SERVICE)
    return within if at and within.startswith("s3://") else place


def current(places: Iterable[str]) -> list[str]:
    """Places without former spellings of others among them: what is remembered under such a one counts for each."""
    known = set(places)
    return sorted(known - {former(each) for each in known if former(each) != each})


def respelled(entries: Iterable[KnownEntry], places: Iterable[str]) -> list[KnownEntry]:
    """Entries without former spellings: what is known under one was backed up to a place that was spelled so.

    Args:
        places: the last that was spelled so is taken, unless the entry is known in one by now.
    """
    known = list(entries)
    here = {former(each): each for each in (*(entry.place for entry in known), *places) if former(each) != each}
    by_now = {(former(each.place), each.name) for each in known if former(each.place) != each.place}
    before = [each for each in known if (each.place, each.name) not in by_now]
    return [replace(each, place=here.get(each.place, each.place)) for each in before]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a verb.

    Attributes:
        number: its beginning among all beginnings and ends on this host; no clock moves it.
        order: its end among the same; where it has none, when it last found something damaged, or its beginning.
        entries: those it was about; none means all of the place.
        run: id of the run, hex, or of the drill; the same for each attempt of a run.
        ended: None where it is under way, or has died.
        code: of the error it ended with; empty after success, None while it is under way.
        message: of that error; of a drill that passed, what it says of entries in which nothing was to restore.
        source_at: of a backup that succeeded, the instant of its source in ns.
        found: what it found damaged in the repository, as `proofkeep.damage` spells it.
        sound: what earlier ones had found damaged, and this one looked at again and found sound.
    """

    number: int
    order: int
    verb: str
    place: str
    entries: tuple[str, ...]
    run: str
    began: int
    ended: int | None
    code: str | None
    message: str
    source_at: int | None
    found: frozenset[str] = frozenset()
    sound: frozenset[str] = frozenset()

    @property
    def subject(self) -> str:
        """What it was about."""
        return ", ".join(self.entries) or "all entries"

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than it should."""
        return bool(self.code)

    @property
    def at(self) -> int:
        """When it ended, or when it was last known to be."""
        return self.ended or self.began


class Recording:
    """An attempt under way, to be told how it ends where no exception does.

    Attributes:
        known: what attempts before it found damaged, and none found sound since; what it found itself by now besides,
            so that a second try looks at that too.
        source_at: set by a backup that succeeded.
        failure: set where it came to its end and yet failed.
        note: set by a drill that passed, see `Attempt.message`.
        found: what `find` was told, see `Attempt`.
        sound: set by who looked, see `Attempt`.
    """

    def __init__(self, known: Iterable[str], on_found: OnFound = unkept) -> None:
        self.known = list(known)
        self.source_at: int | None = None
        self.failure: ProofkeepError | None = None
        self.note = ""
        self.found: list[str] = []
        self.sound: Sequence[str] = ()
        self._on_found = on_found
        self._finding = threading.Lock()

    def find(self, things: Iterable[str]) -> None:
        """It found these damaged, and that is kept from now on, however it ends."""
        with self._finding:
            before = set(self.found)
            self.found = spelled([*self.found, *things])
            if new := [thing for thing in self.found if thing not in before]:
                self.known += [thing for thing in new if thing not in self.known]
                self._on_found(new)


def told(error: BaseException) -> ProofkeepError:
    """What an attempt ended with by an exception, as it is remembered; of a foreign one its class alone."""
    if isinstance(error, ProofkeepError):
        return error
    if isinstance(error, Exception):
        return UnexpectedError(type(error).__name__)
    return CancelledError("its process was told to end")
