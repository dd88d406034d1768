"""Put an object so that repeating is harmless, and prove what the store then holds."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from proofkeep.errors import (
    IntegrityError,
    ObjectExistsError,
    ObjectMissingError,
    ObjectUnreadableError,
    ProofkeepError,
    StoreDeniedError,
    StoreUnavailableError,
    TransferFailedError,
    TruncatedError,
)
from proofkeep.format import names
from proofkeep.model import Capabilities
from proofkeep.ports import Body, ObjectStore, Watch, unwatched

if TYPE_CHECKING:
    from proofkeep.journal.rows import Sent, Verified

STORE = "store"
READ_BACK = "read-back"


def place(
    store: ObjectStore,
    name: str,
    body: Body,
    digest: bytes,
    *,
    attempts: int,
    clock: Callable[[], int],
    watch: Watch = unwatched,
) -> "Sent":
    """Create the object; the same name with the same SHA-256 is done already.

    Raises:
        ObjectExistsError: the name is taken by other bytes.
        StoreError, TransportError: of the kind met.
    """
    from proofkeep.journal.rows import Sent  # noqa: PLC0415 - who only reads has no journal

    try:
        placed = store.put(name, body, sha256=digest, watch=watch)
    except ObjectExistsError:
        stat = store.stat(name)
        if read_digest(store, name, stat.version_id)[0] != digest:
            raise
        return Sent(clock(), attempts, stat.version_id, store.tls)
    return Sent(clock(), attempts, placed.version_id, placed.tls)


def prove(
    store: ObjectStore,
    capabilities: Capabilities,
    name: str,
    size: int,
    digest: bytes,
    version_id: str | None,
    clock: Callable[[], int],
) -> "Verified":
    """Hold what the store has against what was sealed: its own SHA-256 where it was seen to check it, else read back.

    Raises:
        ObjectMissingError, TruncatedError: gone, or of another size.
        IntegrityError: other bytes.
    """
    from proofkeep.journal.rows import Verified  # noqa: PLC0415 - as above

    stat = store.stat(name, version_id=version_id)
    if stat.size != size:
        raise TruncatedError(f"object {name} has {stat.size} bytes in the store where {size} were sent")
    if capabilities.refuses_wrong_digest and stat.sha256 is not None:
        found, by = stat.sha256, STORE
    else:
        found, by = read_digest(store, name, version_id)[0], READ_BACK
    if found != digest:
        raise IntegrityError(f"object {name} has another sha-256 in the store than was sent")
    return Verified(clock(), by)


def fetch(
    store: ObjectStore, name: str, *, offset: int = 0, length: int | None = None, version_id: str | None = None
) -> bytes:
    """What `ObjectStore.get` gives, with an object that cannot be read told from a store that is away.

    Raises:
        ObjectUnreadableError: the store answers, but not for this object.
        ObjectMissingError, TruncatedError, StoreError, TransportError: as `ObjectStore.get`.
    """
    with telling_unreadable(store, name):
        return store.get(name, offset=offset, length=length, version_id=version_id)


@contextmanager
def telling_unreadable(store: ObjectStore, name: str) -> Iterator[None]:
    """Within, one object is read; see `fetch`. A disk's bad sector must not end what reads everything else."""
    try:
        yield
    except (StoreUnavailableError, StoreDeniedError, TransferFailedError) as error:
        try:
            store.get(names.DESCRIPTOR)
        except ProofkeepError:
            raise error from None
        told = f"object {name} cannot be read, though the store answers: {error.code}"
        raise ObjectUnreadableError(told) from None


def read_digest(store: ObjectStore, name: str, version_id: str | None = None) -> tuple[bytes, int]:
    """SHA-256 and length of an object, read in pieces."""
    digest = hashlib.sha256()
    length = 0
    for part in store.read(name, version_id=version_id):
        digest.update(part)
        length += len(part)
    return digest.digest(), length


def exists(store: ObjectStore, name: str) -> bool:
    """Whether the store holds an object of that name."""
    try:
        store.stat(name)
    except ObjectMissingError:
        return False
    return True
