"""Put an object so that repeating is harmless, and prove what the store then holds."""

import hashlib
from collections.abc import Callable

from proofkeep.errors import IntegrityError, ObjectExistsError, ObjectMissingError, TruncatedError
from proofkeep.journal.rows import Sent, Verified
from proofkeep.model import Capabilities
from proofkeep.ports import Body, ObjectStore

STORE = "store"
READ_BACK = "read-back"


def place(store: ObjectStore, name: str, body: Body, digest: bytes, *, attempts: int, clock: Callable[[], int]) -> Sent:
    """Create the object; the same name with the same SHA-256 is done already.

    Raises:
        ObjectExistsError: the name is taken by other bytes.
        StoreError, TransportError: of the kind met.
    """
    try:
        placed = store.put(name, body, sha256=digest)
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
) -> Verified:
    """Hold what the store has against what was sealed: its own SHA-256 where it was seen to check it, else read back.

    Raises:
        ObjectMissingError, TruncatedError: gone, or of another size.
        IntegrityError: other bytes.
    """
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
