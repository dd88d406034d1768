"""One call of `make bench`: what it writes when something goes wrong."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as bench
from benchmarks.data.sets import data_set
from benchmarks.peers.duplicity import Duplicity
from benchmarks.peers.surroundings import Surroundings
from benchmarks.rounds import Course
from benchmarks.samples import Sample
from benchmarks.tables import settings_table


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    monkeypatch.setattr(bench, "FOLDER", tmp_path / "benchmark")
    (tmp_path / "benchmark").mkdir()
    return argparse.Namespace(
        data=["A"], store=["local"], work=["first"], against=["pipe"], scale=0.001, rounds=1, into=tmp_path / "results"
    )


def test_what_was_measured_before_an_unexpected_error_is_written(
    options: argparse.Namespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(course: Course, rounds: int) -> None:
        assert rounds == 1
        for who in ("proofkeep", "pipe"):
            course.tell(Sample("A", "local", "first", who, 0, 1.0, 1.0, 1, 1))
        raise RuntimeError("a server does not start")

    monkeypatch.setattr(Course, "run", breaks)
    monkeypatch.setattr(bench, "write_report", lambda *_: None)  # its plots need what make bench installs

    assert bench.Bench(options).run() == 1

    rows = json.loads((options.into / "results.json").read_text())["rows"]
    assert {row["measure"] for row in rows} == {"wall", "cpu", "rss", "stored"}
    assert "FAILED the run ended early: RuntimeError: a server does not start" in capsys.readouterr().err


def test_place_that_cannot_be_written_is_refused_before_anything_is_measured(
    options: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.Bench, "_run_heats", lambda _: pytest.fail("it measures"))
    options.into = Path("/proc/results")

    with pytest.raises(OSError, match="/proc/results"):
        bench.Bench(options).run()


@pytest.mark.parametrize("letter", ["A", "C"])
def test_file_that_duplicity_restores_may_lie_at_the_top(letter: str, tmp_path: Path) -> None:
    data = data_set(letter, 0.001, tmp_path / "data")
    contender = Duplicity(tmp_path / "duplicity", data, Surroundings(tmp_path / "servers"))
    contender.folder.mkdir()

    contender.before("restore-one")

    assert (contender.target / data.one).parent.is_dir()


def test_versions_are_those_of_all_rows() -> None:
    rows: list[dict[str, Any]] = [{"versions": {"ours": "2"}}, {"versions": {"ours": "1", "restic": "0.19"}}]

    table = settings_table({"ours": {"version": "2", "settings": "one|two"}}, rows)

    assert "| ours | 1, 2 | one\\|two |" in table
