"""The draw, made again from the evidence alone: nothing of `proofkeep` computes what is compared here."""

import csv
import hashlib
import json
import time
from collections import defaultdict
from math import comb
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from proofkeep.drill import Plan, StepFailure
from proofkeep.drill.population import Population, scope_of
from proofkeep.drill.seed import seed_input
from proofkeep.drill.strata import DAY_NS, age_class, confidence, least_seen, size_class
from proofkeep.errors import DrillFailedError
from proofkeep.format.names import SnapshotId
from proofkeep.format.record import LedgerHead
from proofkeep.snapshots import CommittedSnapshot
from proofkeep.snapshots.records import SnapshotFacts
from tests.engine.drill.house import ENVIRONMENT, House

YEAR_NS = 365 * DAY_NS


def draw_again(house: House, drill: str) -> set[tuple[str, str]]:
    """(snapshot, file) of every file that the rule of docs/auditor/drill-evidence.md draws."""
    folder = house.root / "evidence" / drill
    document = json.loads((folder / "drill.json").read_bytes())
    seed = hashlib.sha256((folder / "seed.txt").read_bytes()).hexdigest()
    snapshots = {each["snapshot"]: each for each in document["snapshots"]}
    epochs = {each["data_key"]: f"epoch-{each['epoch']}" for each in document["keys"]}
    by_epoch = document["population"]["strata_by"] == "epoch"
    strata = defaultdict(list)
    ends = defaultdict(list)
    with (folder / "population.csv").open(newline="") as listing:
        for row in csv.DictReader(listing):
            snapshot = snapshots[row["snapshot"]]
            ranked = hashlib.sha256(f"{seed} {row['snapshot']} {row['file']}".encode()).hexdigest()
            key = epochs.get(row["data_key"], row["data_key"]) if by_epoch else row["data_key"]
            item = (ranked, row["snapshot"], row["file"])
            strata[snapshot["entry"], key, row["size_class"], snapshot["age"]].append(item)
            for role in snapshot["roles"]:
                ends[snapshot["entry"], role].append(item)
    drawn = {item[1:] for items in strata.values() for item in sorted(items)[: document["plan"]["per_stratum"]]}
    for (_, _), items in sorted(ends.items()):
        first = min(items)
        if first[1] not in {snapshot for snapshot, _ in drawn}:
            drawn.add(first[1:])
    return drawn


def sampled(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["snapshot"], each["file"]) for each in document["sample"]}


@pytest.mark.parametrize("per_stratum", [1, 2, 5])
def test_draw_follows_from_the_seed(house: House, per_stratum: int) -> None:
    now = time.time_ns()
    house.backup(at_ns=now - 2 * YEAR_NS)
    (house.source / "folder/small-3").write_bytes(b"changed")
    house.backup(at_ns=now - YEAR_NS)
    (house.source / "folder/small-4").write_bytes(b"changed too")
    house.backup()

    house.drill(Plan("drawn", per_stratum=per_stratum))

    document = house.evidence("drawn")
    assert len(document["snapshots"]) == 2
    assert sampled(document) == draw_again(house, "drawn")


def test_draw_by_epoch_follows_from_the_seed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proofkeep.drill.strata.MAX_DATA_KEYS", 1)
    house.backup()
    (house.source / "folder/small-3").write_bytes(b"changed")
    house.backup()

    house.drill(Plan("drawn", per_stratum=2))

    document = house.evidence("drawn")
    assert {each["key"] for each in document["strata"]} == {"epoch-1", "none"}
    assert sampled(document) == draw_again(house, "drawn")


def test_strata_of_many_data_keys_are_merged_while_they_are_walked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proofkeep.drill.strata.MAX_DATA_KEYS", 1)
    house.backup()
    (house.source / "folder/small-3").write_bytes(b"changed")
    house.backup()
    keys: list[set[str]] = []
    walk = Population.walk

    def noted(population: Population, *arguments: Any) -> None:
        walk(population, *arguments)
        keys.append({stratum.key for stratum in population.strata})

    monkeypatch.setattr(Population, "walk", noted)

    house.drill(Plan("drawn"))

    assert keys[-1] == {"epoch-1", "none"}
    assert len(keys) == 2


def test_seed_is_of_the_ledger_heads_and_the_id(stored: House) -> None:
    stored.drill(Plan("2026-q4"))

    document = stored.evidence("2026-q4")
    ledger = sorted(path for path in (stored.root / "ledger/ledger").rglob("*") if path.is_file())
    head = f"{ledger[-1].parent.name}:{int(ledger[-1].name, 16)}:{hashlib.sha256(ledger[-1].read_bytes()).hexdigest()}"
    text = '{"drill":"2026-q4","heads":["' + head + '"]}'
    assert document["seed"]["input"] == text
    assert (stored.root / "evidence/2026-q4/seed.txt").read_text() == text
    assert document["seed"]["value"] == hashlib.sha256(text.encode()).hexdigest()


def test_seed_is_told_before_anything_is_opened(stored: House) -> None:
    with capture_logs() as events:
        stored.drill(Plan("2026-q4"))

    actions = [event["event"] for event in events]
    assert actions.index("drill-seed") < actions.index("data-key-unwrap")
    (told,) = [event for event in events if event["event"] == "drill-seed"]
    assert told["seed"] == stored.evidence("2026-q4")["seed"]["value"]


def test_seed_is_on_disk_although_the_draw_failed(stored: House) -> None:
    stored.providers = stored.backup_providers

    with pytest.raises(DrillFailedError):
        stored.drill(Plan("2026-q4"))

    assert (stored.root / "evidence/2026-q4/seed.txt").read_text().startswith('{"drill":"2026-q4","heads":[')


def test_another_id_draws_other_files(stored: House) -> None:
    drawn = set()
    for number in range(6):
        stored.drill(Plan(f"drill-{number}"))
        drawn.add(frozenset(sampled(stored.evidence(f"drill-{number}"))))

    assert len(drawn) > 1


def test_each_stratum_and_both_ends_are_met(house: House) -> None:
    now = time.time_ns()
    oldest = house.backup(at_ns=now - 3 * DAY_NS)
    house.backup(at_ns=now - 2 * DAY_NS)
    newest = house.backup(at_ns=now - DAY_NS)

    house.drill(Plan("ends"))

    document = house.evidence("ends")
    assert {each["snapshot"] for each in document["sample"]} == {oldest, newest}
    assert {each["size_class"] for each in document["strata"]} == {"empty", "small", "medium"}
    assert all(each["drawn"] >= 1 for each in document["strata"])
    assert sum(each["drawn"] for each in document["strata"]) == len(document["sample"])
    assert sum(each["files"] for each in document["strata"]) == document["population"]["files"] == 34


def test_both_ends_are_met_whatever_the_strata_draw(house: House) -> None:
    ends = {house.backup(), house.backup()}
    reasons: set[str] = set()
    # Three draws of four meet both ends by themselves, and heads are new each time: the first other one ends this.
    for number in range(200):
        with house.steps(Plan(f"draw-{number}")) as drill:
            sample = drill.draw().sample
        assert {sampled.snapshot for sampled in sample} == ends
        reasons |= {sampled.why for sampled in sample}
        if reasons > {"stratum"}:
            return

    assert reasons > {"stratum"}


def test_order_in_which_heads_are_read_does_not_matter() -> None:
    heads = ["b:1:" + "0" * 64, "a:2:" + "1" * 64]

    assert seed_input("drill", heads) == seed_input("drill", reversed(heads))


def test_every_snapshot_may_be_asked_for(house: House) -> None:
    snapshots = [house.backup() for _ in range(3)]

    house.drill(Plan("all", every_snapshot=True, per_stratum=50))

    assert {each["snapshot"] for each in house.evidence("all")["sample"]} == set(snapshots)


def test_entries_are_strata_of_their_own(house: House) -> None:
    house.backup()
    house.backup(entry="other")

    house.drill(Plan("both"))

    document = house.evidence("both")
    entries = {house.repository.keys.entry_id(name).hex() for name in ("home", "other")}
    assert {each["entry"] for each in document["sample"]} == entries


def test_large_files_are_left_out_only_when_said(stored: House) -> None:
    stored.drill(Plan("limited", largest=100_000, per_stratum=50))

    document = stored.evidence("limited")
    assert document["population"]["left_out"]["larger_than_limit"] == 2
    assert max(each["size"] for each in document["sample"]) <= 100_000
    assert "2 files larger than 100000 bytes were not drawn" in document["not_tested"]


def test_draw_again_after_a_failed_attempt(stored: House) -> None:
    with stored.steps(Plan("again")) as drill:
        first = drill.draw()
        second = drill.draw()
        report = drill.report(
            environment=ENVIRONMENT,
            draw=second,
            restored=StepFailure("restore", "target-full", "the restore target is full"),
            spotted=(),
            attacked=None,
        )

    assert first.sample == second.sample
    assert not report.passed


@given(st.integers(1, 60), st.data())
def test_least_seen_is_hypergeometric(files: int, data: st.DataObject) -> None:
    drawn = data.draw(st.integers(1, files))

    found = least_seen(files, drawn)

    def is_met(damaged: int) -> bool:
        return 100 * comb(files - damaged, drawn) <= 5 * comb(files, drawn)

    assert found == next(damaged for damaged in range(1, files + 1) if is_met(damaged))


def test_nothing_drawn_sees_nothing() -> None:
    assert least_seen(10, 0) is None
    assert confidence(10, 0, 2) == "nothing was drawn; no claim"


@pytest.mark.parametrize(
    "size, name",
    [
        (0, "empty"),
        (1, "small"),
        ((64 << 10) - 1, "small"),
        (64 << 10, "medium"),
        (16 << 20, "large"),
        (1 << 30, "huge"),
    ],
)
def test_size_classes(size: int, name: str) -> None:
    assert size_class(size) == name


@pytest.mark.parametrize(
    "days, name",
    [(-1, "week"), (7, "week"), (8, "month"), (35, "quarter"), (100, "year"), (400, "older")],
)
def test_age_classes(days: int, name: str) -> None:
    assert age_class(days * DAY_NS) == name


def committed(number: int, *, complete: bool) -> CommittedSnapshot:
    identity = SnapshotId(bytes(16), bytes(16), number.to_bytes(16, "big"), 1)
    head = LedgerHead(bytes(16), 0, bytes(32))
    facts = SnapshotFacts(complete, None, 1, head, number * DAY_NS, {}, [])
    return CommittedSnapshot(identity, facts, b"")


@pytest.mark.parametrize(
    "complete, drawn_from, roles, passed_over",
    [
        ([True, True, True], [0, 2], [("oldest",), ("newest",)], []),
        ([True, True, False], [0, 1], [("oldest",), ("newest",)], [2]),
        ([True, False, False], [0], [("oldest", "newest")], [1, 2]),
        ([False, True], [0, 1], [("oldest",), ("newest",)], []),
        ([False, False], [0, 1], [("oldest",), ("newest",)], []),
    ],
)
def test_newest_complete_and_oldest_retained(
    complete: list[bool], drawn_from: list[int], roles: list[tuple[str, ...]], passed_over: list[int]
) -> None:
    snapshots = [committed(number, complete=each) for number, each in enumerate(complete)]

    scoped, over = scope_of(snapshots, every=False, now_ns=10 * DAY_NS)

    assert [snapshots.index(each.snapshot) for each in scoped] == drawn_from
    assert [each.roles for each in scoped] == roles
    assert [snapshots.index(each) for each in over] == passed_over
