"""What runs of this host found damaged, as its history keeps it: which things, until who looks again finds them sound.

A thing is an object's name; what every verify looks at, such as `ledger of writer <id>`; or something of one snapshot,
`<what> in snapshot <id>`, which only those see who open it, but for a pack that nobody read back when it did not open,
`<pack> unread in snapshot <id>`. Ids alone, never a file's name.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress

from proofkeep.errors import MalformedError
from proofkeep.format import names
from proofkeep.format.names import PackId

OnFound = Callable[[Iterable[str]], None]
"""Told what is found damaged as soon as it is: whatever ends the search then, it is not forgotten."""

EVERYTHING = "everything"
_MOST = 2000
_OBJECTS = (names.INDEX, names.KEYS, names.PACKS, names.SNAPSHOTS)
_WITHIN = " in snapshot "
_UNREAD = " unread"


def unkept(things: Iterable[str]) -> None:
    """Nobody keeps it."""


def spelled(things: Iterable[str]) -> list[str]:
    """Each thing once; `everything`, which only who reads all finds sound, for more than can be remembered."""
    found = list(dict.fromkeys(things))
    return found if len(found) <= _MOST else [*found[: _MOST - 1], EVERYTHING]


def within(what: str, snapshot: str) -> str:
    """Something of one snapshot, `<run>.<generation>`."""
    return f"{what}{_WITHIN}{snapshot}"


def unread(pack: str, snapshot: str) -> str:
    """A pack of which something of that snapshot did not open, for whatever reason: it was not read back."""
    return within(f"{pack}{_UNREAD}", snapshot)


def snapshot_of(thing: str) -> str:
    """The snapshot that it is something of; empty where it is of none."""
    return thing.partition(_WITHIN)[2]


def unread_pack(thing: str) -> PackId | None:
    """The pack that nobody read back; None where it is something else."""
    what = thing.partition(_WITHIN)[0]
    return names.parse_pack(what.removesuffix(_UNREAD)) if what.endswith(_UNREAD) else None


def is_object(thing: str) -> bool:
    """Whether it is an object that the ledger vouches for, and that is sound once it was read back."""
    return thing.startswith(_OBJECTS) and not snapshot_of(thing)


def packs_among(things: Iterable[str]) -> list[PackId]:
    """The packs that nothing new may rely on, also those of which something did not open."""
    found: dict[PackId, None] = {}
    for thing in things:
        with suppress(MalformedError):
            found[names.parse_pack(thing.partition(_WITHIN)[0].removesuffix(_UNREAD))] = None
    return list(found)


def data_keys_among(things: Iterable[str]) -> list[tuple[bytes, bytes]]:
    """Writer and data key, ascending, of which a wrapped form was found damaged."""
    found = set()
    for thing in things:
        with suppress(MalformedError):
            found.add(names.parse_wrapped_key(thing))
    return sorted(found)
