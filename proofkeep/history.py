"""When backups, verifies and drills of this host began and how they ended, in the root of its state directory.

A failure is never told by silence: an attempt holds a lock from its beginning to its end, so that one that neither
ended nor holds it has died. Holds names of entries and objects, ids, instants, codes, texts of errors; no file's name.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from proofkeep import events
from proofkeep.attempts import Attempt, KnownEntry, Recording, former, told
from proofkeep.damage import EVERYTHING
from proofkeep.errors import (
    DamagedError,
    DrillFailedError,
    JournalBusyError,
    ProcessGoneError,
    ProofkeepError,
    UsageError,
)
from proofkeep.history_database import (
    damage_on,
    forget_all_but_things,
    lies_aside,
    note_attempted,
    open_or_begin_anew,
    put_things,
    things_of,
)
from proofkeep.state import locked, require_owner

_END = "UPDATE attempts SET ended=?, code=?, message=?, source_at=? WHERE number=?"
# An end takes its number from the sequence that numbers the beginnings, so that no clock says what came first; until
# then, what was found damaged does.
_NEXT = "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name='attempts'"
_TAKE = "INSERT OR REPLACE INTO ends SELECT ?, seq FROM sqlite_sequence WHERE name='attempts'"
_OF_NOTHING = (
    "DELETE FROM ends WHERE number NOT IN (SELECT number FROM attempts)",
    "DELETE FROM things WHERE number NOT IN (SELECT number FROM attempts)",
)
_KEPT_NS = 400 * 86_400 * 10**9
# Whoever found damage mended keeps its failure closed, however long ago.
_OLD = "DELETE FROM attempts WHERE code='' AND ended < ? AND number NOT IN (SELECT number FROM things)"
_TELL_DAMAGE = {DamagedError.code, DrillFailedError.code}
_NOTHING: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())


class History:
    """The database. Used as a context manager; several processes may."""

    def __init__(self, root: Path, clock: Callable[[], int] = time.time_ns, *, briefly: bool = False) -> None:
        """As `open_or_begin_anew`.

        Raises:
            StateOwnerError: the directory is another user's; nothing was written.
            StateError, SpoolFullError: as `open_or_begin_anew`.
        """
        require_owner(root)
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._root = root
        self._locks = root / "attempts"
        self._locks.mkdir(mode=0o700, exist_ok=True)
        self._clock = clock
        self._database = open_or_begin_anew(root, briefly=briefly)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    # --- writing

    def know(self, entry: KnownEntry) -> None:
        """Remember an entry as it is configured now."""
        values = (entry.place, entry.name, entry.allowed_seconds)
        self._database.change("INSERT OR REPLACE INTO entries VALUES (?,?,?)", values)

    def forget(self, name: str, place: str) -> None:
        """Forget an entry that is backed up or drilled here no more, and its failures, in one repository.

        What was found damaged there is not forgotten: backups of other entries may rely on nothing of it.

        Raises:
            UsageError: it never was.
        """
        places = (place, former(place))
        with self._database.transaction():
            known = self._database.rows("SELECT 1 FROM entries WHERE name=? AND place IN (?,?)", (name, *places))
            rows = self._database.rows("SELECT number, entries FROM attempts WHERE place IN (?,?)", places)
            about = {number: found for number, text in rows if name in (found := json.loads(text))}
            if not known and not about:
                raise UsageError(f"entry {name!r} of the repository at {place} was never backed up or drilled here")
            self._database.change("DELETE FROM entries WHERE name=? AND place IN (?,?)", (name, *places))
            for number, found in about.items():
                others = [each for each in found if each != name]
                self._database.change("UPDATE attempts SET entries=? WHERE number=?", (json.dumps(others), number))
                if not others:  # of no entry means of all
                    forget_all_but_things(self._database, number, name)
            self._forget_rest()

    def forget_place(self, place: str) -> None:
        """Forget a repository that this host serves no more: its entries, and every attempt on it.

        Raises:
            UsageError: nothing on it is remembered.
        """
        with self._database.transaction():
            if place not in self.places():
                raise UsageError(f"nothing on a repository at {place!r} is remembered on this host")
            self._database.change("DELETE FROM entries WHERE place=?", (place,))
            self._database.change("DELETE FROM attempts WHERE place=?", (place,))
            self._forget_rest()

    @contextmanager
    def recording(self, verb: str, place: str, entries: Sequence[str], run: str) -> Iterator[Recording]:
        """Write down that an attempt began, what it found damaged as soon as it tells, and how it ended.

        Raises:
            StateError, SpoolFullError: its beginning cannot be written; what else cannot is told as an event only.
        """
        name, known = os.urandom(8).hex(), self.damage(place)
        with locked(self._locks / name):
            number = self._begin(name, verb, place, entries, run)
            recording = Recording(known, lambda things: self._write(number, things))
            try:
                yield recording
            except BaseException as error:
                self._end(number, told(error), recording, cut=True)
                raise
            self._end(number, recording.failure, recording)
        (self._locks / name).unlink(missing_ok=True)

    def _begin(self, lock: str, verb: str, place: str, entries: Sequence[str], run: str) -> int:
        now = self._clock()
        with self._database.transaction():
            self._database.change(_OLD, (now - _KEPT_NS,))
            self._forget_rest()
            values = (lock, verb, place, json.dumps(list(entries)), run, now)
            self._database.change(
                "INSERT INTO attempts (lock, verb, place, entries, run, began) VALUES (?,?,?,?,?,?)", values
            )
            number: int = self._database.rows("SELECT last_insert_rowid()")[0][0]
        note_attempted(self._root)
        return number

    def _forget_rest(self) -> None:
        for statement in _OF_NOTHING:
            self._database.change(statement)

    def _end(self, number: int, failure: ProofkeepError | None, recording: Recording, *, cut: bool = False) -> None:
        source_at = None if cut and recording.failure is None else recording.source_at
        ended = (self._clock(), failure.code if failure else "", str(failure or recording.note), source_at)
        self._write(number, recording.found, recording.sound, ended)

    def _write(
        self, number: int, found: Iterable[str], sound: Iterable[str] = (), ended: tuple[Any, ...] | None = None
    ) -> None:
        """An attempt comes last in the order from now on; it goes on where that cannot be written."""
        try:
            with self._database.transaction():
                if ended is not None:
                    self._database.change(_END, (*ended, number))
                put_things(self._database, number, found, sound)
                self._database.change(_NEXT)
                self._database.change(_TAKE, (number,))
        except ProofkeepError as error:
            events.emit("history-not-written", outcome="failure", code=error.code)

    def end_killed(self, run: str, error: ProofkeepError, at: int) -> None:
        """Say how the last attempt of a run ended, whose process was killed before it could.

        It keeps its place in the order: what has ended well since has made it good.

        Args:
            at: when, in ns.
        """
        last = "SELECT number, lock, ended FROM attempts WHERE run=? ORDER BY number DESC LIMIT 1"
        for number, lock, ended in self._database.rows(last, (run,)):
            if ended is None and self._has_died(self._locks / lock):
                values = (at, error.code, str(error), number)
                self._database.change("UPDATE attempts SET ended=?, code=?, message=? WHERE number=?", values)

    # --- reading

    @property
    def damaged(self) -> bool:
        """Whether what was remembered before was damaged or lost; till somebody removes what lies aside."""
        return lies_aside(self._root)

    def entries(self) -> list[KnownEntry]:
        """All that were ever backed up here, and not forgotten."""
        rows = self._database.rows("SELECT place, name, allowed_seconds FROM entries ORDER BY name, place")
        return [KnownEntry(*row) for row in rows]

    def places(self) -> list[str]:
        """Where all repositories lie, or lay, of which anything is remembered."""
        rows = self._database.rows("SELECT place FROM entries UNION SELECT place FROM attempts ORDER BY place")
        return [place for (place,) in rows]

    def damage(self, place: str) -> list[str]:
        """What attempts found damaged in one repository, and none found sound since."""
        return damage_on(self._database, place)

    def attempts(self, place: str) -> list[Attempt]:
        """All attempts on one repository in the order in which they began; one that died is `process-gone`.

        Those under a former spelling are among them: they may have been on another repository that was spelled so.
        """
        things = things_of(self._database, place)
        rows = self._database.rows(
            "SELECT lock, number, coalesce(sequence, number), verb, ?, entries, run, began, ended, code, message, "
            "source_at FROM attempts LEFT JOIN ends USING (number) WHERE place IN (?,?) ORDER BY number",
            (place, place, former(place)),
        )
        return [self._attempt(things.get(row[1], _NOTHING), *row) for row in rows]

    def _attempt(
        self,
        things: tuple[frozenset[str], frozenset[str]],
        lock: str,
        number: int,
        order: int,
        verb: str,
        place: str,
        entries: str,
        run: str,
        began: int,
        ended: int | None,
        code: str | None,
        message: str | None,
        source_at: int | None,
    ) -> Attempt:
        if ended is None and self._has_died(self._locks / lock):
            code, message = ProcessGoneError.code, "its process is gone"
        if code and code not in _TELL_DAMAGE and (met := things[0] - {EVERYTHING}):
            message = f"{message}; {len(met)} found damaged by then"
        about = tuple(json.loads(entries))
        return Attempt(number, order, verb, place, about, run, began, ended, code, message or "", source_at, *things)

    @staticmethod
    def _has_died(lock: Path) -> bool:
        if not lock.exists():
            return True
        try:
            with locked(lock):
                return True
        except JournalBusyError:
            return False
