"""A walk by a process ahead: the same nodes and the same content, whatever happens to the process or the files."""

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace as with_options
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from proofkeep import beside
from proofkeep.backup import drive
from proofkeep.errors import CancelledError, SourceProcessGoneError
from proofkeep.model import Kind, Node
from proofkeep.sources import forerunner
from proofkeep.sources.directory import DirectorySource
from proofkeep.sources.forerunner import MOST_NODES, PART, PARTS, SMALL, Forerunner
from tests.building import NO_WAIT, OPTIONS, Ground, Host, content, plant
from tests.waiting import until

SIZES = (0, 1, 4096, SMALL - 1, SMALL, SMALL + 1)


@pytest.fixture(autouse=True)
def always_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a small tree is walked ahead, and on one core."""
    monkeypatch.setattr(forerunner, "MANY", 1)
    monkeypatch.setattr(beside, "cores", lambda: 2)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Content for more than the memory's parts, names for several steps, and one of each kind."""
    files = {f"sized/{number:04}": content(number, SIZES[number % len(SIZES)]) for number in range(4 * MOST_NODES)}
    source = tmp_path_factory.mktemp("ahead") / "source"
    plant(source, files | {f"left/{number}": b"x" for number in range(9)})
    os.link(source / "sized/0001", source / "linked")
    (source / "link").symlink_to("sized/0001")
    os.mkfifo(source / "pipe")
    with (source / "holes").open("wb") as file:
        file.truncate(SMALL // 2)
    assert sum(map(len, files.values())) > PARTS * PART
    return source


def source_of(root: Path) -> DirectorySource:
    return DirectorySource(root, label="test", exclude=["left/"], exclude_roots=[root / "sized/none"])


def unsettled(nodes: Iterator[Node]) -> list[Node]:
    """Whether a file has settled is a matter of the instant."""
    return [replace(node, settled=False) for node in nodes]


def process_of(source: DirectorySource) -> int:
    assert isinstance(source._latest, Forerunner)
    return source._latest._beside.process.pid


def is_there(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def test_nodes_are_those_of_a_walk_here_in_the_same_order(root: Path) -> None:
    source = source_of(root)

    assert unsettled(source.walk(reading=True)) == unsettled(source_of(root).walk())
    assert isinstance(source._latest, Forerunner)


@pytest.mark.parametrize("ahead", [1, 4 * MOST_NODES + 100])
def test_content_is_the_files_own_however_late_it_is_asked_for(root: Path, ahead: int) -> None:
    source, waiting = source_of(root), []
    read = 0
    walk = source.walk(reading=True)
    for node in [*walk] if ahead > 1 else walk:
        waiting.append(node)
        buffer = bytearray(node.size)
        if node.kind is Kind.FILE and source.read_whole(node, memoryview(buffer)):
            assert buffer == (root / os.fsdecode(node.path)).read_bytes()
            read += 1

    assert read == sum(node.kind is Kind.FILE for node in waiting) - 1  # the one that is a hole takes a closer look


def test_small_files_are_read_by_the_process(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_of(root)
    monkeypatch.setattr("proofkeep.sources.directory.open_descriptor", None)
    for node in source.walk(reading=True):
        if node.kind is Kind.FILE and node.size <= SMALL and node.hardlink is None and node.path != b"holes":
            assert source.read_whole(node, memoryview(bytearray(node.size)))


def test_file_changed_after_it_was_listed_is_not_given_as_it_was_listed(root: Path) -> None:
    source = source_of(root)
    walk = source.walk(reading=True)
    nodes = [*walk]
    node = next(each for each in reversed(nodes) if each.path.startswith(b"sized/") and each.size == SMALL + 1)
    (root / os.fsdecode(node.path)).write_bytes(b"another")

    assert not source.read_whole(node, memoryview(bytearray(node.size)))


def test_counts_are_those_of_the_walk(root: Path) -> None:
    own = root / "own"
    own.mkdir()
    source = DirectorySource(root, label="test", exclude_roots=[own])

    list(source.walk(reading=True))

    assert source.counts == (0, 0, 1)
    assert source.own_directories == 1


def test_process_ends_with_the_walk(root: Path) -> None:
    source = source_of(root)
    walk = source.walk(reading=True)
    next(walk)
    process = process_of(source)
    assert is_there(process)
    list(walk)

    assert not is_there(process)


def test_walk_that_is_given_up_ends_the_process(root: Path) -> None:
    source = source_of(root)
    walk = source.walk(reading=True)
    next(walk)
    process = process_of(source)
    del walk
    gc.collect()

    until(lambda: not is_there(process), "the process is gone")


def test_process_has_no_credentials(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for it")
    source = source_of(root)
    walk = source.walk(reading=True)
    next(walk)

    assert b"not for it" not in Path(f"/proc/{process_of(source)}/environ").read_bytes()
    list(walk)


def test_killed_process_ends_the_walk_with_an_error(root: Path) -> None:
    source = source_of(root)
    walk = source.walk(reading=True)
    next(walk)
    os.kill(process_of(source), signal.SIGKILL)

    with pytest.raises(SourceProcessGoneError):
        list(walk)


def test_backup_whose_process_is_killed_fails_and_the_next_attempt_commits(scratch: Path) -> None:
    host = Host(Ground(scratch / "ground"), options=with_options(OPTIONS, spool_limit=64 << 20))
    plant(host.source, {f"many/{number:04}": content(number, 3000 * (number % 3)) for number in range(6 * MOST_NODES)})
    source = DirectorySource(host.source, label="test")

    def kill(step: str, **counts: int) -> None:
        if step == "snapshot" and isinstance(source._latest, Forerunner) and counts["files"] < MOST_NODES:
            os.kill(process_of(source), signal.SIGKILL)

    with host.backup(source=source, progress=kill) as backup, pytest.raises(SourceProcessGoneError):
        drive(backup, wait=NO_WAIT)
    assert host.ground.names("snapshots/") == []

    with host.backup(backup.identity.run, source=DirectorySource(host.source, label="test")) as again:
        receipt = drive(again, wait=NO_WAIT)
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_backup_that_is_cancelled_ends_the_process(scratch: Path) -> None:
    host = Host(Ground(scratch / "ground"), options=with_options(OPTIONS, spool_limit=64 << 20))
    plant(host.source, {f"many/{number:04}": content(number, 300) for number in range(6 * MOST_NODES)})
    source = DirectorySource(host.source, label="test")
    processes: list[int] = []

    def cancelled() -> bool:
        if isinstance(source._latest, Forerunner):
            processes.append(process_of(source))
        return len(processes) > 2

    with host.backup(source=source, cancelled=cancelled) as backup, pytest.raises(CancelledError) as error:
        drive(backup, wait=NO_WAIT)

    assert error.value is not None  # it is held, and what it holds
    assert not is_there(processes[0])


@pytest.mark.parametrize("program", ["/nonexistent", "/bin/false", ""])
def test_without_a_process_the_walk_is_done_here(root: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(sys, "executable", program)
    source = source_of(root)

    assert unsettled(source.walk(reading=True)) == unsettled(source_of(root).walk())
    assert not isinstance(source._latest, Forerunner)


def test_content_read_for_one_listing_is_not_given_for_another(root: Path) -> None:
    source = source_of(root)
    nodes = [*source.walk(reading=True)]
    node = next(each for each in reversed(nodes) if each.kind is Kind.FILE and 0 < each.size <= SMALL)
    assert isinstance(source._latest, Forerunner)

    assert not source._latest.give(replace(node, ctime_ns=node.ctime_ns - 1), memoryview(bytearray(node.size)))


def test_step_ends_before_its_names_outgrow_it(tmp_path: Path) -> None:
    folder = tmp_path / "source" / Path(*["n" * 200] * 15)
    plant(folder, {f"{number:03}": b"x" for number in range(600)})
    forerunners_part = 600 * len(os.fsencode(folder))
    assert forerunners_part > PART

    assert len([*DirectorySource(tmp_path / "source", label="test").walk(reading=True)]) == 616


def counted(root: Path, **how: Any) -> bool:
    """Whether a source seems worth a process, by its names alone."""
    source = DirectorySource(root, label="test", **how)
    next(source.walk(reading=True))
    return isinstance(source._latest, Forerunner)


def test_names_that_no_walk_would_meet_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, {f"left/out/{number}": b"" for number in range(20)})
    monkeypatch.setattr(forerunner, "MANY", 10)

    assert counted(tmp_path)
    assert not counted(tmp_path, exclude=["left/out/"])
    assert not counted(tmp_path, exclude_roots=[tmp_path / "left/out"])


def test_depth_does_not_matter_to_the_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forerunner, "MANY", 4096)
    descent = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=descent)
        below = os.open("d", os.O_RDONLY | os.O_DIRECTORY, dir_fd=descent)
        os.close(descent)
        descent = below
    os.close(descent)

    try:
        assert len([*DirectorySource(tmp_path, label="test").walk(reading=True)]) == 1501
    finally:
        subprocess.run(["rm", "-r", tmp_path / "d"], check=True)  # Python's own way down is not deep enough


def test_few_names_are_walked_here(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for many, cores in ((1 << 20, 2), (1, 1)):
        monkeypatch.setattr(forerunner, "MANY", many)
        monkeypatch.setattr(beside, "cores", lambda cores=cores: cores)
        source = source_of(root)
        list(source.walk(reading=True))

        assert not isinstance(source._latest, Forerunner)
