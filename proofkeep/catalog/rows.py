"""The catalog's nouns."""

import msgspec

from proofkeep.format.names import PackId


class FileState(msgspec.Struct, frozen=True, gc=False):
    """What a file was when it was last stored.

    Attributes:
        fingerprint: 16 keyed bytes over its stat fields.
        extents: flat array of offsets and lengths, empty without holes.
        packs: numbers of the packs its chunks lie in.
    """

    fingerprint: bytes
    chunks: bytes
    extents: tuple[int, ...]
    packs: tuple[int, ...]


class KnownPack(msgspec.Struct, frozen=True):
    """One stored pack: `sealed_table` opens under the index key, `version_id` is the one the ledger names."""

    number: int
    id: PackId
    size: int
    header: bytes
    sealed_table: bytes
    version_id: str | None


class SegmentState(msgspec.Struct, frozen=True):
    """A manifest segment as it was last stored, found by what it begins with.

    Attributes:
        start: path id of its first entry.
        mark: keyed digest over the nodes that it describes.
        sealed: its place in the manifest and its counts, sealed under the index key.
        packs: numbers of the packs that it and its files' chunks lie in.
    """

    start: bytes
    mark: bytes
    sealed: bytes
    packs: tuple[int, ...]
