"""What holds for any tree: it comes back, what is stored is not stored again, and older snapshots stay as they were."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.building import Ground, Host, Portrait, content
from tests.properties.trees import Item, plant, trees

FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@contextmanager
def fresh_host() -> Iterator[Host]:
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a directory of our own is made below it
    with tempfile.TemporaryDirectory(prefix="proofkeep-", dir=memory) as place:
        yield Host(Ground(Path(place) / "ground"))


def assert_comes_back(host: Host, snapshot: str, expected: Portrait) -> None:
    assert host.ground.read_back(snapshot) == expected
    restored, report = host.ground.restored(snapshot)
    assert restored == expected
    assert report.intact


def comes_back(tree: list[Item]) -> None:
    with fresh_host() as host:
        plant(host.source, tree)

        receipt = host.run(allow_empty=True)

        assert_comes_back(host, receipt.snapshot, host.portrait())
        assert host.ground.findings() == []


def is_stored_once(tree: list[Item]) -> None:
    with fresh_host() as host:
        plant(host.source, tree)
        first = host.run(allow_empty=True)
        packs = host.ground.packs()

        second = host.run(allow_empty=True)

        assert (second.totals["new_chunks"], second.totals["read_bytes"], second.totals["stored"]) == (0, 0, 0)
        assert host.ground.packs() == packs
        assert {len(places) for places in host.ground.second_reader().places.values()} == {1}
        assert second.totals["bytes"] == first.totals["bytes"]


def changes_leave_the_past_alone(before: list[Item], after: list[Item]) -> None:
    with fresh_host() as host:
        plant(host.source, before)
        then = host.portrait()
        first = host.run(allow_empty=True)
        plant(host.source, after)
        now = host.portrait()

        second = host.run(allow_empty=True)

        assert_comes_back(host, second.snapshot, now)
        assert_comes_back(host, first.snapshot, then)


@FEW
@given(trees)
def test_any_tree_comes_back(tree: list[Item]) -> None:
    comes_back(tree)


@FEW
@given(trees)
def test_any_unchanged_tree_is_stored_once(tree: list[Item]) -> None:
    is_stored_once(tree)


@FEW
@given(trees, trees)
def test_any_change_comes_back_and_leaves_the_past_alone(before: list[Item], after: list[Item]) -> None:
    changes_leave_the_past_alone(before, after)


@pytest.mark.soak
@MANY
@given(trees)
def test_very_many_trees_come_back(tree: list[Item]) -> None:
    comes_back(tree)
    is_stored_once(tree)


@pytest.mark.soak
@MANY
@given(trees, trees)
def test_very_many_changes_come_back(before: list[Item], after: list[Item]) -> None:
    changes_leave_the_past_alone(before, after)


@FEW
@given(st.integers(0, 20_000), st.binary(max_size=200), st.integers(0, 3))
def test_bytes_inserted_into_a_file_store_little_more_than_themselves(place: int, inserted: bytes, seed: int) -> None:
    whole = content(seed, 20_000)
    with fresh_host() as host:
        (host.source / "file").write_bytes(whole)
        host.run()
        (host.source / "file").write_bytes(whole[:place] + inserted + whole[place:])

        receipt = host.run()

        assert receipt.totals["new_bytes"] <= len(inserted) + 8 * host.ground.sizes.maximum
        assert host.ground.read_back(receipt.snapshot) == host.portrait()


@FEW
@given(st.integers(1, 9000), st.integers(1, 4), st.integers(0, 3))
def test_same_bytes_under_several_names_are_stored_once(size: int, names: int, seed: int) -> None:
    with fresh_host() as host:
        for number in range(names):
            (host.source / str(number)).write_bytes(content(seed, size))

        receipt = host.run()

        assert receipt.totals["bytes"] == names * size
        assert receipt.totals["new_bytes"] <= size
