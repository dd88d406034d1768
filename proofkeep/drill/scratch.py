"""Where restored plaintext may be for a while: in memory, or on a disk under a key that is thrown away."""

from collections.abc import Iterator
from typing import Protocol

from proofkeep.drill.filesystem import has_room, is_tmpfs
from proofkeep.drill.in_memory import MemoryScratch
from proofkeep.drill.plan import Places
from proofkeep.drill.receipts import Facts
from proofkeep.drill.sealed import SealedScratch
from proofkeep.errors import PolicyError
from proofkeep.format.manifest import Entry
from proofkeep.restore.files import Target


class Scratch(Protocol):
    """A place for one restored sample."""

    @property
    def kind(self) -> str:
        """`tmpfs` or `sealed`."""

    @property
    def facts(self) -> Facts:
        """What the evidence says of it."""

    def target(self, snapshot: str) -> Target:
        """Where a snapshot's files are restored to."""

    def data(self, snapshot: str, entry: Entry) -> Iterator[bytes | memoryview]:
        """A restored file's data in order, holes left out. Raises `TargetError`, `IntegrityError`."""

    def differing(self, snapshot: str, entry: Entry) -> list[str] | None:
        """Metadata that is not as the manifest says; None where there is none to compare. Raises `TargetError`."""

    def destroy(self) -> tuple[str, bool]:
        """Make the plaintext unreadable; how, and whether nothing is left."""


def open_scratch(places: Places, needed: int, files: int) -> Scratch:
    """Memory if it is proven to be memory and has room for `needed` bytes, else sealed scratch.

    Raises:
        PolicyError: neither can be had; plaintext is never put anywhere else.
        TargetError: the chosen one cannot be made.
    """
    memory = places.tmpfs
    if memory is not None and is_tmpfs(memory) and has_room(memory, needed, files, in_memory=True):
        return MemoryScratch(memory, places)
    if places.sealed is None:
        raise PolicyError(f"drill needs {needed} bytes of scratch: no tmpfs has that room, and sealed scratch is off")
    return SealedScratch(places.sealed)
