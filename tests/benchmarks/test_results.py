from pathlib import Path
from typing import Any

import pytest

from benchmarks import results
from benchmarks.floors import MIB, Floor, Verdict, peaks, verdicts
from benchmarks.samples import Sample, append, read
from benchmarks.tables import floor_table, measure_table, shown, start_up_sentence

VERSIONS = dict.fromkeys(
    ("proofkeep", "proofkeep-unchecked", "restic", "borg", "roofline", "roofline-unchecked", "flow", "cli"), "1"
)


def sample(contender: str, wall: float, number: int = 0, **changed: Any) -> Sample:
    values = {"data": "A", "store": "local", "step": "first", "cpu": wall * 2, "rss": 100 * MIB, "stored": 1000}
    return Sample(contender=contender, round=number, wall=wall, **{**values, **changed})


def wall_rows(samples: list[Sample], work: str = "first", against: str = "restic") -> list[results.Row]:
    found = results.rows(samples, [work], [against], VERSIONS)
    return [row for row in found if row["measure"] == "wall"]


def test_ratio_is_the_median_over_rounds_with_its_range() -> None:
    walls = [(1.0, 2.0), (3.0, 3.0), (1.0, 4.0)]
    taken = [
        each
        for number, (ours, theirs) in enumerate(walls)
        for each in (sample("proofkeep", ours, number), sample("restic", theirs, number))
    ]

    (row,) = wall_rows(taken)

    assert (row["ratio"], row["min"], row["max"], row["rounds"]) == (0.5, 0.25, 1.0, 3)
    assert (row["ours"], row["theirs"]) == (1.0, 3.0)
    assert row["most"] == 3.0
    assert row["versions"] == {"proofkeep": "1", "restic": "1"}


def test_round_that_one_side_lacks_does_not_count() -> None:
    taken = [sample("proofkeep", 1, 0), sample("restic", 2, 0), sample("proofkeep", 9, 1)]

    (row,) = wall_rows(taken)

    assert (row["ratio"], row["rounds"]) == (0.5, 1)


def test_every_measure_that_both_have_gets_a_row() -> None:
    taken = [sample("proofkeep", 1), sample("restic", 2), sample("borg", 2, stored=None)]

    found = results.rows(taken, ["first"], ["restic", "borg"], VERSIONS)

    assert [row["measure"] for row in found if row["against"] == "restic"] == ["wall", "cpu", "rss", "stored"]
    assert [row["measure"] for row in found if row["against"] == "borg"] == ["wall", "cpu", "rss"]


def test_memory_of_the_roofline_is_no_measure() -> None:
    taken = [sample("proofkeep", 1), sample("roofline", 2)]

    found = results.rows(taken, ["first"], ["roofline"], VERSIONS)

    assert [row["measure"] for row in found] == ["wall", "cpu"]


def test_flow_is_compared_in_no_work_but_its_own() -> None:
    taken = [sample("proofkeep-unchecked", 1), sample("flow", 2), sample("cli", 1)]

    assert results.rows(taken, ["first-unchecked"], ["cli"], VERSIONS) == []


def test_unchecked_first_backup_is_held_against_the_roofline_without_self_check() -> None:
    taken = [sample("proofkeep-unchecked", 3), sample("roofline", 6), sample("roofline-unchecked", 4)]

    (row,) = wall_rows(taken, "first-unchecked", "roofline")

    assert row["ratio"] == 0.75


def test_flow_is_held_against_the_command_line_without_its_start_up() -> None:
    first = [sample("flow", 15), sample("cli", 10)]
    start_up = [sample("flow", 5, step="start-up"), sample("cli", 1, step="start-up")]

    (row,) = wall_rows(first + start_up, against="cli")

    assert row["ratio"] == 1.1
    assert wall_rows(first, against="cli") == []


def test_new_rows_replace_known_ones_of_the_same_key_only() -> None:
    known = wall_rows([sample("proofkeep", 1), sample("restic", 2)])
    other = wall_rows([sample("proofkeep", 1, data="B"), sample("restic", 1, data="B")])
    new = wall_rows([sample("proofkeep", 1), sample("restic", 4)])

    merged = results.merged(known + other, new)

    assert [(row["data"], row["ratio"]) for row in merged] == [("A", 0.25), ("B", 1.0)]


def test_results_are_read_as_written(tmp_path: Path) -> None:
    rows = wall_rows([sample("proofkeep", 1), sample("restic", 2)])
    document = {"data": {"A": {"files": 3}}, "settings": {}, "machine": {"cores": 2}, "rows": rows}

    results.write(tmp_path / "results.json", document)

    assert results.read(tmp_path / "results.json") == document
    assert results.read(tmp_path / "none.json")["rows"] == []


def test_samples_are_read_as_appended(tmp_path: Path) -> None:
    taken = [sample("proofkeep", 1), sample("restic", 2, stored=None)]

    for each in taken:
        append(tmp_path / "samples.jsonl", each)

    assert read(tmp_path / "samples.jsonl") == taken


def verdict_of(floor: Floor, samples: list[Sample]) -> Verdict:
    rows = results.rows(samples, floor.works, floor.against, VERSIONS)
    return next(each for each in verdicts(rows) if each.floor == floor)


FIRST = Floor(("first",), "AC", ("restic", "borg"), 0.68)


def test_floor_counts_against_the_better_peer() -> None:
    verdict = verdict_of(FIRST, [sample("proofkeep", 6), sample("restic", 10), sample("borg", 8)])

    assert verdict.row is not None
    assert verdict.row["against"] == "borg"
    assert verdict.word == "FAIL"


def test_floor_reached_against_both_peers_passes() -> None:
    assert verdict_of(FIRST, [sample("proofkeep", 5), sample("restic", 10), sample("borg", 8)]).word == "pass"


def test_floor_is_not_measured_while_a_peer_is_missing() -> None:
    assert verdict_of(FIRST, [sample("proofkeep", 5), sample("restic", 10)]).word == "not measured"


def test_highest_peak_counts_whoever_it_was_measured_beside() -> None:
    older = results.rows([sample("proofkeep", 1, rss=90 * MIB), sample("borg", 1)], ["first"], ["borg"], VERSIONS)
    newer = results.rows([sample("proofkeep", 1, rss=99 * MIB), sample("restic", 1)], ["first"], ["restic"], VERSIONS)

    assert peaks([*newer, *older]) == {("first", "A", "local"): 99 * MIB}


def test_highest_round_counts_as_the_peak() -> None:
    rounds = [sample("proofkeep", 1, number, rss=size * MIB) for number, size in enumerate((90, 99, 91))]
    taken = [*rounds, *(sample("restic", 1, number) for number in range(3))]

    assert peaks(results.rows(taken, ["first"], ["restic"], VERSIONS)) == {("first", "A", "local"): 99 * MIB}


def test_peaks_tell_flow_and_command_line_apart() -> None:
    taken = [sample("proofkeep", 1), sample("restic", 1), sample("flow", 9, rss=200 * MIB), sample("cli", 1)]

    found = peaks(results.rows(taken, ["first"], ["restic", "cli"], VERSIONS))

    assert found == {("first", "A", "local"): 100 * MIB, ("first", "A", "flow"): 200 * MIB}


def test_table_shows_what_was_reached_and_by_whom() -> None:
    taken = [sample("proofkeep", 6), sample("restic", 10), sample("borg", 8)]
    rows = results.rows(taken, ["first"], ["restic", "borg"], VERSIONS)

    table = floor_table(rows, measured_only=True)

    assert "| <= 0.68 | 0.75 (0.75 to 0.75) | borg | FAIL, rounds: 1 |" in table
    assert "not measured" not in table
    assert "not measured" in floor_table(rows)
    assert "| first | A | local | restic | 0.60 | 0.60 to 0.60 | 6.00 s | 10.00 s | 1 |" in measure_table(rows, "wall")


def test_start_up_of_the_flow_is_told_in_seconds() -> None:
    steps = {"start-up": (5, 1), "start-up-ephemeral": (15, 1)}
    taken = [
        each
        for step, (flow, line) in steps.items()
        for each in (sample("flow", flow, step=step), sample("cli", line, step=step))
    ]
    rows = results.rows(taken, [*steps], ["cli"], VERSIONS)

    told = start_up_sentence(rows)

    assert "5.0 s with a server that runs already, 15.0 s with a server that it starts itself" in told
    assert "command line 1.0 s" in told
    assert start_up_sentence([]) == ""


@pytest.mark.parametrize(
    "measure,value,text",
    [("wall", 1.234, "1.23 s"), ("cpu", 1234.5, "1,234 s"), ("rss", 256 * MIB, "256 MiB"), ("stored", 2e9, "2,000 MB")],
)
def test_values_are_shown_with_their_unit(measure: str, value: float, text: str) -> None:
    assert shown(measure, value) == text
