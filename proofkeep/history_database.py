"""The file of a host's history: its tables, what attempts found damaged or sound, what becomes of a damaged file."""

from collections.abc import Iterable
from pathlib import Path

from proofkeep import events
from proofkeep.errors import StateDamagedError
from proofkeep.state_database import StateDatabase

_SETUP = """
PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS entries (
    place TEXT, name TEXT, allowed_seconds INTEGER, PRIMARY KEY (place, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attempts (
    number INTEGER PRIMARY KEY AUTOINCREMENT, lock TEXT, verb TEXT, place TEXT, entries TEXT, run TEXT, began INTEGER,
    ended INTEGER, code TEXT, message TEXT, source_at INTEGER);
CREATE TABLE IF NOT EXISTS ends (number INTEGER PRIMARY KEY, sequence INTEGER);
CREATE TABLE IF NOT EXISTS things (
    number INTEGER, thing TEXT, sound INTEGER, PRIMARY KEY (number, thing)) WITHOUT ROWID;
"""
_FILE = "history.sqlite"
_ASIDE = ".damaged"


def open_or_begin_anew(root: Path, *, briefly: bool = False) -> StateDatabase:
    """A damaged database is put aside and begun anew: it must not keep anybody from backing up.

    Raises:
        StateError, SpoolFullError: as `StateDatabase`.
    """
    file = root / _FILE
    try:
        return _opened(file, briefly=briefly)
    except StateDamagedError:
        _put_aside(file)
        return _opened(file, briefly=briefly)


def put_things(database: StateDatabase, number: int, found: Iterable[str], sound: Iterable[str] = ()) -> None:
    """What an attempt found damaged, and what it found sound afterwards."""
    told = dict.fromkeys(found, 0) | dict.fromkeys(sound, 1)
    rows = ((number, thing, value) for thing, value in told.items())
    database.change_many("INSERT OR REPLACE INTO things VALUES (?,?,?)", rows)


def things_of(database: StateDatabase, place: str) -> dict[int, tuple[frozenset[str], frozenset[str]]]:
    """What each attempt on a place found damaged, and what sound; by the attempt's number."""
    query = "SELECT number, thing, sound FROM things JOIN attempts USING (number) WHERE place=?"
    told: dict[int, tuple[set[str], set[str]]] = {}
    for number, thing, sound in database.rows(query, (place,)):
        told.setdefault(number, (set(), set()))[sound].add(thing)
    return {number: (frozenset(found), frozenset(sound)) for number, (found, sound) in told.items()}


def damage_on(database: StateDatabase, place: str) -> list[str]:
    """What on a place was found damaged, and sound by no attempt that began after that."""
    query = (
        "SELECT thing FROM things JOIN attempts USING (number) LEFT JOIN ends USING (number) WHERE place=? "
        "GROUP BY thing HAVING max(iif(sound, 0, coalesce(sequence, number))) > max(iif(sound, number, 0)) "
        "ORDER BY thing"
    )
    return [thing for (thing,) in database.rows(query, (place,))]


def lies_aside(root: Path) -> bool:
    """Whether a damaged database lies aside, with all that was remembered before; till somebody removes it."""
    return any(root.glob(f"{_FILE}{_ASIDE}*"))


_OF_OLDER = "INSERT OR IGNORE INTO things SELECT number, 'everything', 0 FROM attempts WHERE code='damaged'"
"""Versions before did not note what was found: who reads all finds it sound."""


def _opened(file: Path, *, briefly: bool) -> StateDatabase:
    database = StateDatabase(file, "history of attempts", _SETUP, briefly=briefly)
    try:
        _require_sound(database)
        if not briefly:
            _note_damage_of_older(database)
    except BaseException:
        database.close()
        raise
    return database


def _note_damage_of_older(database: StateDatabase) -> None:
    if database.rows("PRAGMA user_version")[0][0] == 0:
        with database.transaction():
            database.change(_OF_OLDER)
            database.change("PRAGMA user_version=1")


def _require_sound(database: StateDatabase) -> None:
    if database.rows("PRAGMA quick_check(1)") != [("ok",)]:
        raise StateDamagedError("history of attempts is damaged")


def _put_aside(file: Path) -> None:
    events.emit("history-damaged", outcome="failure")
    for part in file.parent.glob(f"{file.name}*"):
        if not part.name.startswith(f"{file.name}{_ASIDE}"):
            part.replace(part.with_name(f"{file.name}{_ASIDE}{part.name.removeprefix(file.name)}"))
