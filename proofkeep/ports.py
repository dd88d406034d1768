"""What the engine needs from the world: object stores, key providers, host secrets, sources and targets.

Adapters implement these protocols and raise only errors of `proofkeep.errors`.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from proofkeep.model import (
    Clock,
    GeneratedKey,
    Location,
    Node,
    ObjectStat,
    Placed,
    SourceDescription,
    TlsSession,
    WrappedKey,
)

Body = bytes | memoryview | Path
"""What can be put: bytes in memory, or a whole file (never the source's plaintext)."""

Watch = Callable[[int], None]
"""Told how many bytes of a body are on their way, often and in any thread; what it raises ends the put."""


def unwatched(sent: int) -> None:
    """Nobody looks on."""


class ObjectStore(Protocol):
    """Create-only objects under slash-separated ASCII names. Safe to use from several threads."""

    @property
    def location(self) -> Location:
        """Where the objects lie, for reports and for keeping the ledger apart."""

    @property
    def clock(self) -> Clock | None:
        """The store's own time as of its latest answer; None while it gave none."""

    @property
    def tls(self) -> TlsSession | None:
        """What the connection of this thread's latest answer negotiated; None for a local directory."""

    def put(
        self,
        name: str,
        body: Body,
        *,
        sha256: bytes,
        retain_until_ns: int | None = None,
        replace: bool = False,
        watch: Watch = unwatched,
    ) -> Placed:
        """Write one object in one request, sending its SHA-256 (32 bytes) for the store to check.

        Create-only unless `replace` (used by `init`'s probe alone). The digest is not checked here first:
        refusing a wrong one is the store's task, and the probe finds out whether it does it. `watch` is told anew
        from the beginning where the body has to be sent again.

        Raises:
            ObjectExistsError: the name is taken.
            DigestRefusedError: the store computed another digest.
            StoreDeniedError, StoreCredentialsError, StoreFullError: the store says no.
            StoreUnavailableError, TransferFailedError: it may work later (also after an ambiguous answer).
            TlsPolicyError, PeerIdentityError: the connection is not acceptable.
        """

    def get(self, name: str, *, offset: int = 0, length: int | None = None, version_id: str | None = None) -> bytes:
        """Read `length` bytes at `offset`, or all from there.

        Raises:
            ObjectMissingError: no such object or version.
            TruncatedError: the object ends before `offset + length`; or all of it was asked for and is over 64 MiB.
        """

    def read(self, name: str, *, version_id: str | None = None) -> Iterator[bytes]:
        """Stream one whole object in pieces of at most 1 MiB; raises `TransferFailedError` if it ends early."""

    def stat(self, name: str, *, version_id: str | None = None) -> ObjectStat:
        """Size, version and, where the store checked it itself, SHA-256. Raises `ObjectMissingError`."""

    def list(self, prefix: str, *, after: str = "") -> Iterator[ObjectStat]:
        """All objects whose name starts with `prefix` and sorts after `after`, in bytewise order of names."""

    def delete(self, name: str) -> None:
        """Remove the object; used by `init`'s probe and by retention. Raises `StoreDeniedError`."""


class KeyProvider(Protocol):
    """Makes and wraps data keys under one key-encryption key (KEK)."""

    @property
    def recipient(self) -> str:
        """The URI of the KEK, e.g. `awskms:arn:...` or `file:sha256:<public key digest>`; stable, no secret."""

    def generate(self, context: Mapping[str, str]) -> GeneratedKey:
        """A fresh random 32-byte data key, in clear for sealing and wrapped under `context`."""

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> WrappedKey:
        """Wrap a data key made by another provider for this recipient too."""

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> bytes:
        """The 32-byte data key again.

        Raises:
            KeyDeniedError: this role may not unwrap (always so on a backup host).
            KeyMismatchError: wrong key, wrong context, or tampered ciphertext.
            KeyRevokedError, KeyServiceUnavailableError.
        """

    def unlock(self) -> None:
        """Begin what the first unwrap would wait for, without waiting; what goes wrong is told by the unwrap."""

    def wrap_secret(self, secret: bytes, context: Mapping[str, str]) -> WrappedKey:
        """Wrap a host secret of 32 bytes for this recipient; what comes of it never unwraps as a data key."""

    def unwrap_secret(self, wrapped: WrappedKey, context: Mapping[str, str]) -> bytes:
        """The 32-byte host secret again; raises as `unwrap`."""

    @property
    def clock(self) -> Clock | None:
        """The key service's own time as of its latest answer; None where there is none."""


class HostSecret(Protocol):
    """The secret every enrolled host may hold; index, ledger and id keys derive from it."""

    @property
    def uri(self) -> str:
        """Names the secret without telling it, e.g. `awskms-mac:arn:...` or `file:/etc/proofkeep/host.secret`."""

    def mac(self, message: bytes) -> bytes:
        """HMAC-SHA-256 of `message` (at most 4,096 bytes) under the secret: 32 bytes.

        Raises:
            KeyMissingError, KeyDeniedError, KeyRevokedError, KeyServiceUnavailableError.
        """


@runtime_checkable
class ReadableSecret(Protocol):
    """A host secret whose bytes can be had, to be wrapped for others; one in a KMS is none."""

    def read_secret(self) -> bytes:
        """The 32 bytes themselves; raises as `HostSecret.mac`."""


class Reader(Protocol):
    """One open regular file of a source."""

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` from the file's data extents in order; 0 at the end."""

    def extents(self) -> Sequence[tuple[int, int]] | None:
        """Data extents (offset, length) of a sparse file in order, or None when the file has no holes."""

    def unchanged(self) -> bool:
        """Whether size, mtime, ctime and inode are still those of the listing."""

    def close(self) -> None:
        """Release the file."""


Counts = tuple[int, int]
"""Files of a source, and bytes in them."""
UNKNOWN: Counts = 0, 0


class Source(Protocol):
    """A tree of named nodes, walked in the order of format.md section 9 (bytewise by path component)."""

    @property
    def label(self) -> str:
        """What the source is, for people; configuration, visible in Prefect."""

    @property
    def facts(self) -> SourceDescription:
        """Root and patterns, sealed into the snapshot for who restores it."""

    def walk(self, *, reading: bool = False) -> Iterator[Node]:
        """All nodes, the root directory (path b"") first. A node that cannot be read has `unread` set.

        `reading` where every file will be read right when its node was taken, so that small ones may be read before.

        Raises:
            SourceUnavailableError: the root cannot be listed at all.
        """

    def count(self) -> Generator[Counts, None, None]:
        """Begin to count the files that a walk would yield, and their bytes, beside everything else.

        `UNKNOWN` until they are known; the end where they never will be. Raises nothing; closing it stops the counting.
        """

    def open(self, node: Node) -> Reader:
        """Open a regular file.

        Raises:
            SourceChangedError: it vanished or became something else.
            SourceUnavailableError: it cannot be read.
        """

    def read_whole(self, node: Node, buffer: memoryview) -> bool:
        """Fill `buffer`, of the node's size, with a regular file that has no holes and is as it was listed.

        False where it is not so or cannot be read: `open` tells why, and the buffer may hold anything.
        """

    def again(self, node: Node) -> Node | None:
        """The node as it is now, or None when it vanished."""


class Progress(Protocol):
    """Receives counts while a verb runs; never names."""

    def __call__(self, step: str, **counts: int) -> None:
        """`step` is a stage or verb; counts are running totals such as files, bytes, new_bytes, stored."""


Cancelled = Callable[[], bool]
"""Asked between slabs and in every wait; True ends the run with `CancelledError`."""
