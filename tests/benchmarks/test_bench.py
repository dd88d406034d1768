"""One call of `make bench`: what it writes when something goes wrong."""

import argparse
import fcntl
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as bench
from benchmarks import report
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


def test_second_run_in_one_checkout_is_refused(
    options: argparse.Namespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--into", str(options.into)])
    with (bench.FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(SystemExit):
            bench.main()

    assert "another run works in" in capsys.readouterr().err


@pytest.mark.parametrize("asked", [["--scale", "0"], ["--rounds", "0"], ["--rounds", "-1"]])
def test_less_than_something_is_refused(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", *asked])

    with pytest.raises(SystemExit):
        bench.main()


def test_peer_that_says_no_version_is_left_out_and_told(
    options: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("benchmarks.peers.pipe.Pipe.version", lambda: said[1])
    monkeypatch.setattr(bench, "write_report", lambda *_: None)  # its plots need what make bench installs
    run = bench.Bench(options)

    assert run.run() == 1
    assert "pipe is not installed" in run.failures[0]


def test_results_of_a_part_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "plot_measure", lambda *_: False)  # its library comes with make bench
    document: dict[str, Any] = {"rows": [], "data": {}, "settings": {}, "machine": {}}

    report.write_report(tmp_path, {**document, "scale": 0.1})
    part = (tmp_path / "RESULTS.md").read_text()
    report.write_report(tmp_path, {**document, "scale": 1})

    assert "of a part" in part
    assert "of a part" not in (tmp_path / "RESULTS.md").read_text()
