"""The file of a host's history: its tables, what attempts found damaged or sound, what becomes of a damaged file."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from proofkeep import events
from proofkeep.attempts import FORGOTTEN, former
from proofkeep.errors import DamagedError, StateDamagedError
from proofkeep.state import telling, translating_full
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
# Made after the first attempt was written: where it lies, a history that never had one is not the host's first.
_ATTEMPTED = "attempted"


def open_or_begin_anew(root: Path, *, briefly: bool = False) -> StateDatabase:
    """A damaged database is put aside and begun anew: it must not keep anybody from backing up. So is a lost one.

    Raises:
        StateError, SpoolFullError: as `StateDatabase`.
    """
    file = root / _FILE
    there_was_one = (root / _ATTEMPTED).exists()  # looked at first: another process may be writing the very first now
    try:
        database = _opened(file, briefly=briefly)
    except StateDamagedError:
        _put_aside(file)
        note_loss(root)
        return _opened(file, briefly=briefly)
    try:
        if _has_attempted(database):
            note_attempted(root)
        elif there_was_one:
            note_loss(root)
    except BaseException:
        database.close()
        raise
    return database


def note_attempted(root: Path) -> None:
    """An attempt is written, so that a history without any is a lost one from now on; a full disk hinders nobody."""
    with suppress(OSError):
        (root / _ATTEMPTED).touch(mode=0o600)


def note_loss(root: Path) -> None:
    """What was remembered is gone: that is told until somebody removes what lies aside, though it be empty.

    Raises:
        StateError, StateFullError: it cannot be noted.
    """
    events.emit("history-damaged", outcome="failure")
    with telling(), translating_full():
        (root / f"{_FILE}{_ASIDE}").touch(mode=0o600)
        (root / _ATTEMPTED).unlink(missing_ok=True)


def _has_attempted(database: StateDatabase) -> bool:
    """Whether it ever held an attempt, also one that was forgotten."""
    return bool(database.rows("SELECT 1 FROM sqlite_sequence WHERE name='attempts'"))


def put_things(database: StateDatabase, number: int, found: Iterable[str], sound: Iterable[str] = ()) -> None:
    """What an attempt found damaged, and what it found sound afterwards."""
    told = dict.fromkeys(found, 0) | dict.fromkeys(sound, 1)
    rows = ((number, thing, value) for thing, value in told.items())
    database.change_many("INSERT OR REPLACE INTO things VALUES (?,?,?)", rows)


def things_of(database: StateDatabase, place: str) -> dict[int, tuple[frozenset[str], frozenset[str]]]:
    """What each attempt on a place found damaged, and what sound; by the attempt's number."""
    query = "SELECT number, thing, sound FROM things JOIN attempts USING (number) WHERE place IN (?,?)"
    told: dict[int, tuple[set[str], set[str]]] = {}
    for number, thing, sound in database.rows(query, (place, former(place))):
        told.setdefault(number, (set(), set()))[sound].add(thing)
    return {number: (frozenset(found), frozenset(sound)) for number, (found, sound) in told.items()}


def damage_on(database: StateDatabase, place: str) -> list[str]:
    """What on a place was found damaged, and sound by no attempt that began after that."""
    query = (
        "SELECT thing FROM things JOIN attempts USING (number) LEFT JOIN ends USING (number) WHERE place IN (?,?) "
        "GROUP BY thing HAVING max(iif(sound, 0, coalesce(sequence, number))) > max(iif(sound, number, 0)) "
        "ORDER BY thing"
    )
    return [thing for (thing,) in database.rows(query, (place, former(place)))]


def forget_all_but_things(database: StateDatabase, number: int, name: str) -> None:
    """Forget an attempt about an entry of this name alone, but for what it found, or finds yet, in the repository."""
    ended = "DELETE FROM attempts WHERE number=? AND code IS NOT NULL AND number NOT IN (SELECT number FROM things)"
    database.change(ended, (number,))
    kept = (
        "UPDATE attempts SET verb=?, entries='[]', code=iif(code <> '', ?, code), "
        "message=verb || ' of ' || ? || ': ' || message WHERE number=?"
    )
    database.change(kept, (FORGOTTEN, DamagedError.code, name, number))


def lies_aside(root: Path) -> bool:
    """Whether what was remembered before was damaged or lost; till somebody removes what lies aside."""
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


_SENSELESS = """
SELECT 1 FROM attempts WHERE typeof(began) != 'integer' OR lock GLOB '*[^ -~]*'
    OR (typeof(lock), typeof(verb), typeof(place), typeof(run)) != ('text', 'text', 'text', 'text')
    OR typeof(ended) NOT IN ('integer', 'null') OR typeof(source_at) NOT IN ('integer', 'null')
    OR typeof(code) NOT IN ('text', 'null') OR typeof(message) NOT IN ('text', 'null')
UNION ALL SELECT 1 FROM entries WHERE
    (typeof(place), typeof(name), typeof(allowed_seconds)) != ('text', 'text', 'integer')
UNION ALL SELECT 1 FROM ends WHERE typeof(sequence) != 'integer'
UNION ALL SELECT 1 FROM things WHERE typeof(thing) != 'text' OR (sound IS NOT 0 AND sound IS NOT 1)
LIMIT 1
"""
_READ = "SELECT DISTINCT entries, verb, place, code, message FROM attempts"
_NAMES = msgspec.json.Decoder(list[str])


def _require_sound(database: StateDatabase) -> None:
    """SQLite sees to its pages; what they say may make no sense all the same."""
    try:
        sound = database.rows("PRAGMA quick_check(1)") == [("ok",)] and not database.rows(_SENSELESS)
        for names, *_ in database.each(_READ):  # its texts are decoded by that, too
            _NAMES.decode(names)
    except (msgspec.MsgspecError, TypeError):
        sound = False
    if not sound:
        raise StateDamagedError("history of attempts is damaged")


def _put_aside(file: Path) -> None:
    for part in file.parent.glob(f"{file.name}*"):
        if not part.name.startswith(f"{file.name}{_ASIDE}"):
            part.replace(part.with_name(f"{file.name}{_ASIDE}{part.name.removeprefix(file.name)}"))
