"""Which snapshot is meant by what a person says; where several could be, none is taken."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from proofkeep.errors import IntegrityError, ProofkeepError, SnapshotMissingError, UsageError
from proofkeep.snapshots import find_snapshot
from tests.building import Ground, Host, plant, put

RUNS = tuple(bytes.fromhex(start + "0" * (32 - len(start))) for start in ("aaaa1", "aaaa2", "bbbb"))
FIRST, SECOND, THIRD = (f"{run.hex()}.0001" for run in RUNS)


@pytest.fixture
def host(scratch: Path) -> Host:
    """Three runs of one entry."""
    host = Host(Ground(scratch / "ground"))
    plant(host.source, {"file": b"content"})
    for run in RUNS:
        host.run(run)
    return host


@pytest.fixture
def find(host: Host) -> Callable[..., str]:
    return lambda spelled, **how: find_snapshot(host.ground.connect(), spelled, **how).id.short


def damage(host: Host, short: str) -> None:
    (record,) = (host.ground.root / "store").glob(f"snapshots/*/*/{short}")
    data = bytearray(record.read_bytes())
    data[200] ^= 1
    record.chmod(0o600)
    record.write_bytes(data)


@pytest.mark.parametrize(
    "spelled,short",
    [
        ("latest", THIRD),
        (SECOND, SECOND),
        (SECOND.partition(".")[0], SECOND),
        ("aaaa1", FIRST),
        ("bbbb", THIRD),
    ],
)
def test_one_snapshot_is_found(find: Callable[..., str], spelled: str, short: str) -> None:
    assert find(spelled) == short


@pytest.mark.parametrize(
    "spelled,error,words",
    [
        ("aaaa", UsageError, "snapshot 'aaaa' could be of any of 2 runs"),
        ("bbb", UsageError, "has less than 4 digits"),
        ("", UsageError, "snapshot '' is not `latest`"),
        ("cccc", SnapshotMissingError, "snapshot 'cccc' is not committed"),
        ("LATEST", SnapshotMissingError, "is not committed"),
        (f"{THIRD[:-1]}2", SnapshotMissingError, "is not committed"),
        (f"{THIRD}0", SnapshotMissingError, "is not committed"),
    ],
)
def test_nothing_is_guessed(find: Callable[..., str], spelled: str, error: type[ProofkeepError], words: str) -> None:
    with pytest.raises(error, match=words):
        find(spelled)


def test_latest_of_several_entries_needs_to_know_whose(host: Host, find: Callable[..., str]) -> None:
    replace(host, entry="another").run()

    with pytest.raises(UsageError, match="repository holds 2 entries"):
        find("latest")
    assert find("latest", entry=host.entry) == THIRD


def test_latest_of_an_entry_without_snapshots_is_missing_and_says_of_which(find: Callable[..., str]) -> None:
    with pytest.raises(SnapshotMissingError, match="no snapshot of entry 'another' is committed"):
        find("latest", entry="another")


def test_damaged_record_is_never_passed_over_for_an_older_snapshot(host: Host, find: Callable[..., str]) -> None:
    damage(host, THIRD)

    for spelled in ("latest", "bbbb", THIRD):
        with pytest.raises(IntegrityError, match=f"record of snapshot {THIRD} is damaged"):
            find(spelled)
    assert find("aaaa2") == SECOND


def test_object_without_a_records_name_hides_no_snapshot(host: Host, find: Callable[..., str]) -> None:
    put(host.ground.store, "snapshots/astray", b"{}")
    entry = host.ground.connect().keys.entry_id(host.entry)
    put(host.ground.store, f"snapshots/{entry.hex()}/astray", b"{}")

    assert find("latest") == find("latest", entry=host.entry) == find("bbbb") == THIRD


def test_damaged_record_still_makes_first_digits_ambiguous(host: Host, find: Callable[..., str]) -> None:
    damage(host, FIRST)

    with pytest.raises(UsageError, match="any of 2 runs"):
        find("aaaa")
