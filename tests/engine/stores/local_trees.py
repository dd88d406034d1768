"""Short ways to put into a local store and to look at it from outside."""

from hashlib import sha256
from pathlib import Path

from proofkeep.stores.local import LocalStore

BODY = b"sealed bytes"
DIGEST = sha256(BODY).digest()


def put(store: LocalStore, name: str, body: bytes = BODY) -> None:
    """Put with the right digest."""
    store.put(name, body, sha256=sha256(body).digest())


def names(store: LocalStore, prefix: str = "") -> list[str]:
    """What a listing names."""
    return [found.name for found in store.list(prefix)]


def temporary_files(root: Path) -> list[str]:
    """Files that are being written, or were when somebody was killed."""
    return sorted(path.name for path in (root / ".tmp").iterdir())
