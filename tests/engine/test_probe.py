"""The probe against stores that refuse, that only say so, and that cannot do what they must."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from proofkeep.errors import (
    DigestRefusedError,
    ObjectExistsError,
    StoreDeniedError,
    StoreUnavailableError,
)
from proofkeep.model import Capabilities, Placed
from proofkeep.ports import Body
from proofkeep.probe import probe
from proofkeep.stores.local import LocalStore


class WriteOnce(LocalStore):
    """Neither replaces nor removes."""

    def put(self, name: str, body: Body, *, sha256: bytes, replace: bool = False, **_: Any) -> Placed:
        if replace:
            raise StoreDeniedError(f"object {name} is not replaced")
        return super().put(name, body, sha256=sha256)

    def delete(self, name: str) -> None:
        raise StoreDeniedError(f"object {name} is not removed")


class Careless(LocalStore):
    """Takes whatever comes."""

    def put(self, name: str, body: Body, **_: Any) -> Placed:
        return super().put(name, body, sha256=digest(body), replace=True)


class Pretender(Careless):
    """Does what it says it refuses, and does not do what it says it did."""

    def put(self, name: str, body: Body, *, sha256: bytes = b"", **_: Any) -> Placed:
        known = any(found.name == name for found in self.list(""))
        placed = super().put(name, body)
        if known:
            raise ObjectExistsError(f"object {name} exists")
        if sha256 != digest(body):
            raise DigestRefusedError(f"object {name} has another digest")
        return placed

    def delete(self, name: str) -> None:
        """Nothing."""


class Failing(LocalStore):
    """Fails at the overwrite."""

    def put(self, name: str, body: Body, *, sha256: bytes, replace: bool = False, **_: Any) -> Placed:
        if replace:
            raise StoreUnavailableError("store is away")
        return super().put(name, body, sha256=sha256)


def digest(body: Body) -> bytes:
    assert isinstance(body, bytes)
    return sha256(body).digest()


def refusing(*kinds: str) -> Capabilities:
    known = ("second_create", "wrong_digest", "overwrite", "delete")
    return Capabilities(**{f"refuses_{kind}": kind in kinds for kind in known})


@pytest.mark.parametrize(
    "kind,expected",
    [
        (LocalStore, refusing("second_create", "wrong_digest")),
        (WriteOnce, refusing("second_create", "wrong_digest", "overwrite", "delete")),
        (Careless, refusing()),
        (Pretender, refusing("delete")),
    ],
)
def test_only_what_was_really_refused_is_recorded(
    kind: type[LocalStore], expected: Capabilities, tmp_path: Path
) -> None:
    assert probe(kind(tmp_path), "") == expected


def test_names_of_the_probe_lie_below_its_prefix(tmp_path: Path) -> None:
    store = WriteOnce(tmp_path)

    probe(store, "here/")

    (left,) = store.list("")
    assert left.name.startswith("here/probe/")


def test_store_that_fails_meanwhile_is_cleaned_and_the_failure_told(tmp_path: Path) -> None:
    store = Failing(tmp_path)

    with pytest.raises(StoreUnavailableError, match="store is away"):
        probe(store, "")

    assert list(store.list("")) == []
