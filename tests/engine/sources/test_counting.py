"""A count beside the backup: what a walk would yield, at nobody's cost, and of no consequence when it fails."""

import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from proofkeep.backup import drive, expected
from proofkeep.backup.expected import COUNT_AFTER_SECONDS, Expected
from proofkeep.beside import Beside
from proofkeep.errors import CancelledError
from proofkeep.model import Kind
from proofkeep.ports import UNKNOWN, Counts
from proofkeep.sources.directory import DirectorySource
from tests.building import NO_WAIT, Ground, Host, content, plant
from tests.engine.descriptors import open_descriptors
from tests.engine.sources.trees import plant_deep
from tests.waiting import until

FILES = {f"d{number % 7}/e{number % 3}/{number:03}": content(number, number) for number in range(300)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    plant(tmp_path / "source", FILES)
    (tmp_path / "source/link").symlink_to("d0")
    os.link(tmp_path / "source/d0/e0/000", tmp_path / "source/linked")
    os.mkfifo(tmp_path / "source/pipe")
    return tmp_path / "source"


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Beside]:
    """The processes that were begun to count."""
    begun: list[Beside] = []

    class Noted(Beside):
        def __init__(self, module: str, *how: Any) -> None:
            super().__init__(module, *how)
            if module.endswith("count_worker"):
                begun.append(self)

    monkeypatch.setattr("proofkeep.beside.Beside", Noted)
    return begun


def counted(counting: Generator[Counts, None, None]) -> Counts:
    """What it comes to."""
    found: list[Counts] = []

    def known() -> bool:
        found.append(next(counting))
        return found[-1] != UNKNOWN

    until(known, "the source is counted")
    return found[-1]


def walked(source: DirectorySource) -> Counts:
    files = [node for node in source.walk() if node.kind is Kind.FILE]
    return len(files), sum(node.size for node in files)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"include": ["d1/"]},
        {"include": ["d1/e2", "d2/*/1*"]},
        {"include": ["e1"], "exclude": ["d1/e1/"]},
        {"exclude": ["d3", "*5"]},
        {"exclude_roots": ["d4/e1", "nowhere"]},
        {"one_filesystem": True},
    ],
)
def test_count_is_that_of_the_walk(root: Path, how: dict[str, Any]) -> None:
    how = how | {"exclude_roots": [root / each for each in how.get("exclude_roots", ())]}
    source = DirectorySource(root, label="test", **how)

    assert counted(source.count()) == walked(source)


def test_count_goes_on_while_its_process_works_and_stays_once_it_is_known(root: Path, begun: list[Beside]) -> None:
    counting = DirectorySource(root, label="test").count()
    assert next(counting) == UNKNOWN
    counts = counted(counting)

    assert begun[0].process.poll() is not None
    assert next(counting) == counts


def test_process_has_the_lowest_priority_and_no_credentials(
    root: Path, begun: list[Beside], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for it")
    counting = DirectorySource(root, label="test").count()
    next(counting)
    environment = Path(f"/proc/{begun[0].process.pid}/environ").read_bytes()

    until(lambda: os.getpriority(os.PRIO_PROCESS, begun[0].process.pid) == 19, "it gives way")
    assert b"not for it" not in environment
    counting.close()


def test_closing_the_count_ends_its_process_and_leaves_no_descriptor(root: Path, begun: list[Beside]) -> None:
    before = open_descriptors()
    counting = DirectorySource(root, label="test").count()
    next(counting)
    counting.close()

    assert begun[0].process.poll() is not None
    assert open_descriptors() == before


@pytest.mark.parametrize("program", ["/nonexistent", "/bin/false"])
def test_without_a_process_nothing_is_counted(root: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(sys, "executable", program)
    counting = DirectorySource(root, label="test").count()

    assert [next(counting) for _ in range(3)] == [UNKNOWN] * 3


def test_what_lies_too_deep_for_a_path_is_passed_over(root: Path) -> None:
    plant_deep(root, "d" * 200, 40)
    source = DirectorySource(root, label="test")

    files, size = counted(source.count())

    assert len(FILES) < files < walked(source)[0]
    assert 0 < walked(source)[1] - size < 40


def test_source_that_is_gone_is_not_counted(root: Path) -> None:
    assert list(DirectorySource(root / "nowhere", label="test").count()) == []


# --- what a backup makes of it


class Told(list[dict[str, int]]):
    """What was told of the snapshot."""

    def __call__(self, step: str, **counts: int) -> None:
        if step == "snapshot":
            self.append(counts)


def ends(told: Told) -> list[tuple[int, int]]:
    return [(counts["total_files"], counts["total_bytes"]) for counts in told]


class CountedSource(DirectorySource):
    """Knows its count at the second look; notes how it went."""

    looks = 0
    stopped = False

    def count(self) -> Generator[Counts, None, None]:
        try:
            while True:
                self.looks += 1
                yield (40, 40_000) if self.looks > 1 else UNKNOWN
        finally:
            self.stopped = True


@pytest.fixture
def host(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """One whose walks are worth a count at once."""
    monkeypatch.setattr(expected, "COUNT_AFTER_SECONDS", 0.0)
    host = Host(Ground(scratch / "ground"))
    plant(host.source, {f"many/{number:04}": content(number, 1000) for number in range(40)})
    return host


def test_first_backup_tells_its_end_once_the_source_is_counted(host: Host) -> None:
    told, source = Told(), CountedSource(host.source, label="test")
    with host.backup(source=source, progress=told) as backup:
        drive(backup, wait=NO_WAIT)

    assert ends(told)[0] == UNKNOWN
    assert ends(told)[-1] == (40, 40_000)
    assert source.looks == 2
    assert source.stopped


def test_nobody_counts_where_nobody_looks(host: Host) -> None:
    source = CountedSource(host.source, label="test")
    with host.backup(source=source) as backup:
        drive(backup, wait=NO_WAIT)

    assert source.looks == 0


def test_later_backup_knows_its_end_from_the_last_snapshot(host: Host) -> None:
    host.run()
    told, source = Told(), CountedSource(host.source, label="test")
    with host.backup(source=source, progress=told) as backup:
        drive(backup, wait=NO_WAIT)

    assert set(ends(told)) == {(40, 40_000)}
    assert source.looks == 0


def test_cancelled_backup_stops_the_count(host: Host, begun: list[Beside]) -> None:
    source = DirectorySource(host.source, label="test")
    with (
        host.backup(source=source, progress=Told(), cancelled=lambda: bool(begun)) as backup,
        pytest.raises(CancelledError),
    ):
        drive(backup, wait=NO_WAIT)

    assert begun[0].process.poll() is not None


def test_walk_that_is_soon_over_is_not_counted(root: Path) -> None:
    now, source = 0.0, CountedSource(root, label="test")
    unknown = Expected(UNKNOWN, source.count, clock=lambda: now)
    assert unknown.totals() == {"total_files": 0, "total_bytes": 0}
    now = COUNT_AFTER_SECONDS - 0.1
    unknown.totals()
    assert source.looks == 0
    now = COUNT_AFTER_SECONDS
    unknown.totals()

    assert unknown.totals() == {"total_files": 40, "total_bytes": 40_000}
