"""What every object store promises of reading and listing, asked of the kinds of `test_object_store.py`."""

import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from unittest.mock import patch

import pytest

from proofkeep.errors import ObjectMissingError, TruncatedError, UsageError
from proofkeep.ports import ObjectStore
from tests.contracts.store_kinds import BODY, StoreKind, names, put

MEBIBYTE = 1024 * 1024
SECOND_NS = 1_000_000_000

WRITER, DATA_KEY = "1f" * 16, "a0" * 16


def test_version_put_is_the_version_stated_and_read(kind: StoreKind, store: ObjectStore) -> None:
    placed = put(store, "packs/0")
    assert (placed.version_id is not None) == kind.keeps_versions
    assert store.stat("packs/0").version_id == placed.version_id
    store.put("packs/0", b"other bytes", sha256=sha256(b"other bytes").digest(), replace=True)

    content = store.get("packs/0", version_id=placed.version_id)

    assert content == (BODY if kind.keeps_versions else b"other bytes")
    assert b"".join(store.read("packs/0", version_id=placed.version_id)) == content


def test_version_that_does_not_exist_is_missing(kind: StoreKind, store: ObjectStore) -> None:
    placed = put(store, "packs/0")
    if not kind.keeps_versions:
        assert placed.version_id is None
        return

    for version in ("nonsense", "0" * len(placed.version_id or "")):
        with pytest.raises(ObjectMissingError):
            store.get("packs/0", version_id=version)
        with pytest.raises(ObjectMissingError):
            store.stat("packs/0", version_id=version)
        with pytest.raises(ObjectMissingError):
            list(store.read("packs/0", version_id=version))


@pytest.mark.parametrize("name", ["packs/1", "packs", "packs/0/more", "nowhere/0"])
def test_missing_object_is_missing_for_every_way_of_reading(store: ObjectStore, name: str) -> None:
    put(store, "packs/0")

    with pytest.raises(ObjectMissingError, match=f"object {name} does not exist"):
        store.get(name)
    with pytest.raises(ObjectMissingError):
        list(store.read(name))
    with pytest.raises(ObjectMissingError):
        store.stat(name)


@pytest.mark.parametrize(
    "offset,length,expected",
    [
        (0, None, BODY),
        (0, 6, b"sealed"),
        (7, 5, b"bytes"),
        (7, None, BODY[7:]),
        (len(BODY) - 1, 1, b"t"),
        (len(BODY), None, b""),
        (len(BODY), 0, b""),
        (3, 0, b""),
    ],
)
def test_range_is_what_lies_there(store: ObjectStore, offset: int, length: int | None, expected: bytes) -> None:
    put(store, "packs/0")

    assert store.get("packs/0", offset=offset, length=length) == expected


@pytest.mark.parametrize(
    "offset,length",
    [(0, len(BODY) + 1), (len(BODY) - 1, 2), (len(BODY), 1), (len(BODY) + 1, None), (len(BODY) + 1, 0)],
)
def test_range_past_the_end_is_truncated(store: ObjectStore, offset: int, length: int | None) -> None:
    put(store, "packs/0")

    with pytest.raises(TruncatedError, match="object packs/0 "):
        store.get("packs/0", offset=offset, length=length)


def test_empty_object_has_an_empty_range(store: ObjectStore) -> None:
    put(store, "packs/0", b"")

    assert store.get("packs/0") == b""
    assert store.get("packs/0", length=0) == b""
    assert list(store.read("packs/0")) == []


def test_stream_comes_in_pieces_of_at_most_a_mebibyte(store: ObjectStore) -> None:
    put(store, "packs/0", bytes(3 * MEBIBYTE + 17))

    sizes = [len(piece) for piece in store.read("packs/0")]

    assert sum(sizes) == 3 * MEBIBYTE + 17
    assert max(sizes) <= MEBIBYTE


def test_stream_given_up_half_way_leaves_the_store_usable(store: ObjectStore) -> None:
    put(store, "packs/0", bytes(3 * MEBIBYTE))
    stream = store.read("packs/0")
    next(stream)

    stream.close()  # type: ignore[attr-defined]  # a generator, as the port does not promise

    assert store.stat("packs/0").size == 3 * MEBIBYTE


def test_listing_is_in_bytewise_order_of_the_formats_names(store: ObjectStore) -> None:
    other = "2e" * 16
    expected = sorted(
        [
            "repository",
            *(f"packs/{writer}/{DATA_KEY}/{number:08x}" for writer in (WRITER, other) for number in (0, 9, 10, 255)),
            f"packs/{WRITER}/{'a1' * 16}/00000000",
            *(f"snapshots/{WRITER}/{WRITER}/{other}.{number:04x}" for number in (1, 2, 16)),
            f"retired/{WRITER}",
            f"retired/{WRITER}.lifted",
            f"retired/{other}",
        ]
    )
    for name in reversed(expected):
        put(store, name)

    assert names(store, "") == expected
    assert names(store, "packs/") == [name for name in expected if name.startswith("packs/")]
    assert names(store, f"packs/{WRITER}/a") == [name for name in expected if name.startswith(f"packs/{WRITER}/a")]
    assert names(store, f"packs/{WRITER[:5]}") == [name for name in expected if name.startswith(f"packs/{WRITER}")]
    assert names(store, "nothing/") == []


def test_listing_goes_on_after_any_name(store: ObjectStore) -> None:
    expected = sorted(
        [f"ledger/{writer}/{number:08x}" for writer in (WRITER, "2e" * 16) for number in range(4)]
        + [f"retired/{WRITER}", f"retired/{WRITER}.lifted", f"retired/{'2e' * 16}"]
    )
    for name in expected:
        put(store, name)

    for after in [
        "",
        "a",
        "zzz",
        "ledger/",
        f"ledger/{WRITER}/00000001x",
        *expected,
        *(name + "-" for name in expected),
    ]:
        for prefix in ("", "ledger/", f"ledger/{WRITER}/", "retired/"):
            wanted = [name for name in expected if name.startswith(prefix) and name > after]
            assert names(store, prefix, after=after) == wanted


def test_long_listing_is_complete_and_in_order(store: ObjectStore) -> None:
    expected = [f"packs/{key:032x}/{number:08x}" for key in range(3) for number in range(340)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: put(store, name, b"x"), expected))

    assert names(store, "packs/") == expected
    assert names(store, "packs/", after=expected[900]) == expected[901:]


def test_listing_states_size_and_instant(store: ObjectStore) -> None:
    before = time.time_ns() - 2 * SECOND_NS
    put(store, "packs/0")

    (found,) = store.list("packs/")

    assert found.size == len(BODY)
    assert found.modified_ns is not None
    assert before <= found.modified_ns <= time.time_ns() + 2 * SECOND_NS
    assert store.stat("packs/0").modified_ns is not None


@pytest.mark.parametrize("prefix", ["/", "../", "packs/../", ".tmp/", "packs//"])
def test_prefix_that_no_name_can_begin_with_is_refused(store: ObjectStore, prefix: str) -> None:
    with pytest.raises(UsageError, match="object name prefix"):
        list(store.list(prefix))


def test_object_too_large_to_be_read_at_once_is_refused_and_its_ranges_are_not(store: ObjectStore) -> None:
    put(store, "packs/0")

    with patch("proofkeep.stores.bodies.WHOLE", len(BODY) - 1):
        with pytest.raises(TruncatedError, match="more than an object that is read at once may have"):
            store.get("packs/0")
        assert store.get("packs/0", offset=1) == BODY[1:]
        assert store.get("packs/0", offset=0, length=len(BODY)) == BODY
        assert b"".join(store.read("packs/0")) == BODY
