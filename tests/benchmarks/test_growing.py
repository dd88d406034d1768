import sys
from functools import partial
from pathlib import Path

import pytest

from benchmarks import curves, growth, growth_report
from benchmarks.data.mixed import add_shards

MIB = 1 << 20
WORKS = {"first", "unchanged", "restore", "verify", "verify-all"}


def test_every_work_of_every_curve_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "FOLDER", tmp_path / "growth")
    monkeypatch.setattr(growth, "SIZES", (1 / 1024,))
    monkeypatch.setattr(growth, "FILES", (100,))
    monkeypatch.setattr(growth, "SNAPSHOTS", (2,))
    monkeypatch.setattr(growth, "SHARD", MIB)
    monkeypatch.setattr(growth, "add_shards", partial(add_shards, shard_size=MIB))
    monkeypatch.setattr(growth_report, "plot", lambda *_: None)  # its library comes with make bench
    asked = ["--size", "1", "--files", "100", "--snapshots", "2", "--into", str(tmp_path / "results")]
    monkeypatch.setattr(sys, "argv", ["growth", *asked])

    growth.main()

    points = curves.read(tmp_path / "results" / "growth.json")
    assert {(each.curve, each.amount, each.work) for each in points} == (
        {("size", 1 / 1024, work) for work in WORKS}
        | {("files", 100, work) for work in WORKS}
        | {("snapshots", 2, work) for work in ("backup", "restore-one", "verify", "snapshots")}
    )
    assert all(each.wall > 0 and each.rss > MIB and each.version for each in points)
    assert "## Against snapshots" in (tmp_path / "results" / "GROWTH.md").read_text()
    assert not (tmp_path / "growth").exists()
