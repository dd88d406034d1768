"""What a store really does when asked for what it should refuse.

Engine logic over the port: run by `init`, which records the result. It decides nothing.
"""

import contextlib
import secrets
from hashlib import sha256

from proofkeep.errors import (
    DigestRefusedError,
    ObjectExistsError,
    ObjectMissingError,
    ProofkeepError,
    StoreDeniedError,
)
from proofkeep.model import Capabilities
from proofkeep.ports import ObjectStore

FIRST, SECOND, THIRD = b"first", b"second", b"third"


def probe(store: ObjectStore, prefix: str) -> Capabilities:
    """Try a second create, an overwrite, a wrong digest and a removal on names `<prefix>probe/<random>`.

    A refusal counts only if what the store holds afterwards agrees with it. Nothing is left behind where removal
    works. A bucket with versions keeps what is overwritten, but does not refuse to overwrite.

    Raises:
        StoreError, TransportError: the store cannot even do what it must, so nothing is known of it.
    """
    name, wrong = (f"{prefix}probe/{secrets.token_hex(16)}" for _ in range(2))
    try:
        store.put(name, FIRST, sha256=sha256(FIRST).digest())
        second_create = _refuses_put(store, name, SECOND, replace=False)
        overwrite = _refuses_put(store, name, THIRD, replace=True)
        wrong_digest = _refuses_wrong_digest(store, wrong)
    except ProofkeepError:
        with contextlib.suppress(ProofkeepError):
            _refuses_delete(store, name, wrong)
        raise
    return Capabilities(
        refuses_second_create=second_create,
        refuses_wrong_digest=wrong_digest,
        refuses_overwrite=overwrite,
        refuses_delete=_refuses_delete(store, name, wrong),
    )


def _refuses_put(store: ObjectStore, name: str, body: bytes, *, replace: bool) -> bool:
    try:
        store.put(name, body, sha256=sha256(body).digest(), replace=replace)
    except (ObjectExistsError, StoreDeniedError):
        return store.get(name) != body
    return False


def _refuses_wrong_digest(store: ObjectStore, name: str) -> bool:
    try:
        store.put(name, FIRST, sha256=sha256(SECOND).digest())
    except DigestRefusedError:
        return not _exists(store, name)
    return False


def _refuses_delete(store: ObjectStore, *names: str) -> bool:
    refused = False
    for name in names:
        with contextlib.suppress(StoreDeniedError):
            store.delete(name)
        refused |= _exists(store, name)
    return refused


def _exists(store: ObjectStore, name: str) -> bool:
    try:
        store.stat(name)
    except ObjectMissingError:
        return False
    return True
