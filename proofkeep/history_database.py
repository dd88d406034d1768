"""The file of a host's history: its tables, and what becomes of a damaged one."""

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


def lies_aside(root: Path) -> bool:
    """Whether a damaged database lies aside, with all that was remembered before; till somebody removes it."""
    return any(root.glob(f"{_FILE}{_ASIDE}*"))


def _opened(file: Path, *, briefly: bool) -> StateDatabase:
    database = StateDatabase(file, "history of attempts", _SETUP, briefly=briefly)
    try:
        _require_sound(database)
    except StateDamagedError:
        database.close()
        raise
    return database


def _require_sound(database: StateDatabase) -> None:
    if database.rows("PRAGMA quick_check(1)") != [("ok",)]:
        raise StateDamagedError("history of attempts is damaged")


def _put_aside(file: Path) -> None:
    events.emit("history-damaged", outcome="failure")
    for part in file.parent.glob(f"{file.name}*"):
        if not part.name.startswith(f"{file.name}{_ASIDE}"):
            part.replace(part.with_name(f"{file.name}{_ASIDE}{part.name.removeprefix(file.name)}"))
