"""Files that change, vanish, or cannot be read while the walk is at them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proofkeep.backup import drive
from proofkeep.errors import PartialSnapshotError, SourceChangedError, SourceUnavailableError
from proofkeep.model import Finding, Node
from proofkeep.ports import Reader
from proofkeep.sources.directory import DirectorySource
from tests.building import NO_WAIT, Host, Portrait, content, plant, planted_host
from tests.vectors import second_reader

CHANGED, UNAVAILABLE = SourceChangedError.code, SourceUnavailableError.code


@pytest.fixture
def host(scratch: Path) -> Host:
    host = planted_host(scratch)
    plant(host.source, {"moving": content(5000, 5000)})
    return host


class MovingSource(DirectorySource):
    """Calls `before` or `after` around each opening of the file `moving`."""

    def __init__(
        self, host: Host, *, before: Callable[[int], Any] = lambda _: None, after: Callable[[int], Any] = lambda _: None
    ) -> None:
        super().__init__(host.source, label="moving")
        self.before, self.after = before, after
        self.times = 0

    def open(self, node: Node) -> Any:
        if node.path != b"moving":
            return super().open(node)
        self.times += 1
        self.before(self.times)
        reader = super().open(node)
        self.after(self.times)
        return reader


def partly(host: Host, source: DirectorySource) -> tuple[str, list[Finding]]:
    """A run that must end incomplete: its snapshot, and what it could not read."""
    with host.backup(source=source) as backup:
        with pytest.raises(PartialSnapshotError):
            drive(backup, wait=NO_WAIT)
        return backup.commit().snapshot, backup.unread


def entry_of(host: Host, snapshot: str, path: bytes) -> second_reader.Entry | None:
    """The manifest's entry as the second reader sees it, after reading every entry and content."""
    reader = host.ground.second_reader()
    (record,) = [record for record in reader.records() if snapshot in record.name]
    entries = {entry.path: entry for entry in reader.entries(record)}
    for entry in entries.values():
        list(reader.content(record, entry))
    return entries.get(path)


def but_root(portrait: Portrait) -> Portrait:
    """Without the root, which was listed before its time of change moved."""
    return {path: facts for path, facts in portrait.items() if path}


def rewrite(host: Host, times: int) -> None:
    (host.source / "moving").write_bytes(content(100 + times, 4000 + times))


def test_file_changed_while_it_is_read_is_read_again(host: Host) -> None:
    source = MovingSource(host, after=lambda time: rewrite(host, time) if time == 1 else None)

    receipt = host.run(source=source)

    assert (source.times, receipt.complete) == (2, True)
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_file_replaced_while_it_is_read_is_read_again(host: Host) -> None:
    def replace(time: int) -> None:
        if time == 1:
            (host.source / "moving").unlink()
            rewrite(host, time)

    receipt = host.run(source=MovingSource(host, after=replace))

    assert but_root(host.ground.read_back(receipt.snapshot)) == but_root(host.portrait())


def test_file_that_keeps_changing_is_unread_and_the_snapshot_incomplete(host: Host) -> None:
    source = MovingSource(host, after=lambda time: rewrite(host, time))

    snapshot, unread = partly(host, source)

    assert source.times == 3
    assert [(finding.code, finding.path) for finding in unread] == [(CHANGED, b"moving")]
    entry = entry_of(host, snapshot, b"moving")
    assert entry is not None
    assert entry.unread == CHANGED
    assert not host.ground.snapshots()[-1].facts.complete


def test_unread_file_is_named_by_its_keyed_id_alone(host: Host) -> None:
    _, (finding,) = partly(host, MovingSource(host, after=lambda time: rewrite(host, time)))

    assert finding.subject == host.ground.connect().keys.ids.path_id(b"moving").hex()
    assert "moving" not in repr(finding)


def test_file_that_holds_less_than_its_size_says_is_unread(host: Host) -> None:
    class ShortReader:
        """A file as some kernels show them: a size, and less behind it."""

        def __init__(self, inner: Reader) -> None:
            self.inner, self.left = inner, 1234

        def readinto(self, buffer: memoryview) -> int:
            count = self.inner.readinto(buffer[: self.left])
            self.left -= count
            return count

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    class ShortSource(MovingSource):
        def open(self, node: Node) -> Any:
            return ShortReader(super().open(node)) if node.path == b"moving" else super().open(node)

    snapshot, _ = partly(host, ShortSource(host))

    entry = entry_of(host, snapshot, b"moving")
    assert entry is not None
    assert (entry.unread, entry.size) == (CHANGED, 1234)


def test_file_that_vanished_before_it_was_opened_is_counted_and_left_out(host: Host) -> None:
    source = MovingSource(host, before=lambda _: (host.source / "moving").unlink())

    receipt = host.run(source=source)

    assert (receipt.complete, receipt.totals["vanished"]) == (True, 1)
    assert entry_of(host, receipt.snapshot, b"moving") is None


def test_file_that_changed_and_then_vanished_is_counted_and_left_out(host: Host) -> None:
    source = MovingSource(
        host,
        before=lambda time: (host.source / "moving").unlink() if time == 2 else None,
        after=lambda time: rewrite(host, time),
    )

    receipt = host.run(source=source)

    assert (source.times, receipt.complete, receipt.totals["vanished"]) == (2, True, 1)
    assert entry_of(host, receipt.snapshot, b"moving") is None


BECOMES: dict[str, Callable[[Path], Any]] = {
    "a directory": Path.mkdir,
    "a link": lambda path: path.symlink_to("d0"),
    "a fifo": os.mkfifo,
}


@pytest.mark.parametrize("become", BECOMES.values(), ids=BECOMES)
@pytest.mark.parametrize("opened", ["before it is opened", "while it is read"])
def test_file_that_becomes_something_else_is_unread_and_the_manifest_whole(
    host: Host, become: Callable[[Path], Any], opened: str
) -> None:
    def turn(time: int) -> None:
        if time == 1:
            (host.source / "moving").unlink()
            become(host.source / "moving")

    when = {"before": turn} if opened == "before it is opened" else {"after": turn}
    snapshot, unread = partly(host, MovingSource(host, **when))

    entry = entry_of(host, snapshot, b"moving")
    assert entry is not None
    assert (entry.kind, entry.unread) == (second_reader.FILE, CHANGED)
    assert [finding.path for finding in unread] == [b"moving"]


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any) -> None:
        raise error

    return fail


@pytest.mark.parametrize("step", ["open", "again"])
def test_unreadable_file_makes_the_snapshot_incomplete_and_the_rest_is_there(host: Host, step: str) -> None:
    source = MovingSource(host, before=failing(SourceUnavailableError("no")))
    if step == "again":
        source = MovingSource(host, after=lambda time: rewrite(host, time))
        source.again = failing(SourceUnavailableError("no"))  # type: ignore[method-assign] # faults are put in
    expected = host.portrait()

    snapshot, unread = partly(host, source)

    assert [finding.path for finding in unread] == [b"moving"]
    restored, report = host.ground.restored(snapshot)
    del expected[b"moving"]
    restored.pop(b"moving", None)
    assert but_root(restored) == but_root(expected)
    assert [finding.path for finding in report.findings] == [b"moving"]


def test_read_error_in_the_middle_of_a_file_makes_it_unread(host: Host) -> None:
    class BreakingReader:
        def __init__(self, inner: Reader) -> None:
            self.inner, self.reads = inner, 0

        def readinto(self, buffer: memoryview) -> int:
            self.reads += 1
            if self.reads > 1:
                raise SourceUnavailableError("bad sector")
            return self.inner.readinto(buffer[:2000])

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    class BreakingSource(MovingSource):
        def open(self, node: Node) -> Any:
            return BreakingReader(super().open(node)) if node.path == b"moving" else super().open(node)

    snapshot, _ = partly(host, BreakingSource(host))

    entry = entry_of(host, snapshot, b"moving")
    assert entry is not None
    assert entry.unread == UNAVAILABLE
