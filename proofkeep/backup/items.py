"""What travels between the stages of a backup, and how a stage passes on that the one before it failed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from proofkeep.errors import ProofkeepError, StreamEndedEarlyError
from proofkeep.format.header import ObjectType
from proofkeep.format.names import PackId
from proofkeep.format.record import Root
from proofkeep.format.table import TableWriter
from proofkeep.lookahead import close
from proofkeep.slabs import Slab

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EndOfStream:
    """Behind the last item: what went through, counted by each stage on its own.

    Attributes:
        totals: counts of the snapshot, as the record holds them.
        counted: new chunks by stage; all must agree at the end.
        sealed_roots: filled by `encrypt`.
    """

    totals: dict[str, int]
    counted: dict[str, int]
    root: Root
    sealed_roots: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Stopped:
    """An earlier stage failed and has said so itself; those behind it end without failing too."""

    error: ProofkeepError


class Draft(NamedTuple):
    """One frame before it is sealed: where its plaintext lies in the slab, and its bytes by `codec`."""

    offset: int
    length: int
    codec: int
    data: bytes | memoryview
    chunks: list[tuple[bytes, int]]


@dataclass(frozen=True, slots=True)
class Compressed:
    """One slab's frames; the slab still holds their plaintext, for the self-check."""

    slab: Slab
    drafts: list[Draft] = field(repr=False)


@dataclass(eq=False, slots=True)
class PackDraft:
    """A pack while it is sealed."""

    id: PackId
    type: ObjectType
    header: bytes
    table: TableWriter = field(default_factory=TableWriter)


class Sealed(NamedTuple):
    """Bytes to append to a pack, in order; `end` (table and trailer) completes it."""

    pack: PackDraft
    frames: list[bytearray]
    end: bytes | None


def upstream(items: Iterable[T | EndOfStream | Stopped]) -> Iterator[T | EndOfStream | Stopped]:
    """Pull from the stage before; its failure becomes a last `Stopped`, a missing end an error of ours.

    However it ends, the stage before is closed: a traceback would otherwise keep it and its threads alive.

    Raises:
        StreamEndedEarlyError: the items ended without their end-of-stream record.
    """
    try:
        for item in items:
            yield item
            if isinstance(item, EndOfStream | Stopped):
                return
    except ProofkeepError as error:
        yield Stopped(error)
        return
    finally:
        close(items)
    raise StreamEndedEarlyError("stream of items ended without its end-of-stream record")
