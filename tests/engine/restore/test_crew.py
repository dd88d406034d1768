"""Processes that fill a restore's files: what they are given, and what becomes of a restore when one is lost."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from proofkeep.crypto.host_keys import digest
from proofkeep.errors import RestoreProcessGoneError, TargetFullError, UnsafePathError
from proofkeep.filling import Batch, Piece, SealedPack
from proofkeep.format.header import FrameKind, ObjectType, new_context
from proofkeep.format.manifest import Entry
from proofkeep.format.table import MAX_FRAME_PLAIN, FrameRow
from proofkeep.restore.crew import Crew
from proofkeep.targets.directory import DirectoryTarget
from tests.engine.targets.trees import entry
from tests.waiting import until

CHUNK_KEY, DATA_KEY = b"c" * 32, b"d" * 32


class Stored:
    """One frame of a pack that holds one chunk."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._context = new_context(DATA_KEY, ObjectType.CONTENT_PACK, bytes(16), bytes(16), bytes(16), 1)
        self.sealed = bytes(self._context.seal(FrameKind.FRAME, 0, len(content), 0, content))
        self.identity = digest(CHUNK_KEY, content)

    def batch(self, made: Entry | None = None, growing: object = None, position: int = 0) -> Batch:
        pack = SealedPack("packs/one", self._context.header_bytes, DATA_KEY)
        piece = Piece(self.identity, 0, len(self.content), made, growing, position)
        return Batch(pack, 128, [(FrameRow(0, 128, len(self.sealed), len(self.content), 0), [piece])])


@pytest.fixture
def target(tmp_path: Path) -> DirectoryTarget:
    return DirectoryTarget(tmp_path / "restored")


def processes(crew: Crew) -> list[int]:
    return [worker._beside.process.pid for worker in crew._workers]


def test_files_are_made_and_filled_beside_this_process(target: DirectoryTarget, tmp_path: Path) -> None:
    one, two = Stored(b"all of it"), Stored(b"its end")
    with target:
        shared = target.share()
        growing = target.create(entry(b"folder/grows", size=9))
        crew = Crew(2, [CHUNK_KEY], shared)
        shared.prepare(b"deep/er/whole")
        first = crew.fill(one.batch(entry(b"deep/er/whole", size=9)), one.sealed)
        second = crew.fill(two.batch(growing=shared.layout(growing, 2, 7), position=2), two.sealed)
        crew.end()
        shared.wrote(growing, 7)
        target.write(growing, 0, b"x ")
        target.finish(growing)
        target.complete()

    assert not any((first.unproven, first.unwritten, second.unproven, second.unwritten))
    assert (tmp_path / "restored/deep/er/whole").read_bytes() == b"all of it"
    assert (tmp_path / "restored/folder/grows").read_bytes() == b"x its end"


def test_process_has_neither_credentials_nor_passphrase(
    target: DirectoryTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for it")
    monkeypatch.setenv("RESTORE_PASSPHRASE", "not for it either")
    with target:
        crew = Crew(1, [CHUNK_KEY], target.share())
        (process,) = processes(crew)
        surroundings = Path(f"/proc/{process}/environ").read_bytes()
        arguments = Path(f"/proc/{process}/cmdline").read_bytes()
        crew.end()

    assert b"not for it" not in surroundings
    assert DATA_KEY not in arguments
    assert CHUNK_KEY not in arguments


def test_largest_frame_passes(target: DirectoryTarget, tmp_path: Path) -> None:
    one = Stored(os.urandom(MAX_FRAME_PLAIN))
    with target:
        crew = Crew(1, [CHUNK_KEY], target.share())
        crew.fill(one.batch(entry(b"one", size=MAX_FRAME_PLAIN)), one.sealed)
        crew.end()
        target.complete()

    assert (tmp_path / "restored/one").read_bytes() == one.content


def test_frame_that_does_not_open_and_chunk_that_is_another_are_told(target: DirectoryTarget) -> None:
    one, two = Stored(b"content"), Stored(b"content")
    two.identity = bytes(32)
    with target:
        crew = Crew(1, [CHUNK_KEY], target.share())
        flipped = one.sealed[:-1] + bytes([one.sealed[-1] ^ 1])
        told = [
            crew.fill(one.batch(entry(b"one", size=7)), flipped),
            crew.fill(two.batch(entry(b"two", size=7)), two.sealed),
        ]
        crew.end()

    assert [[(number, error.code) for number, error in each.unproven] for each in told] == 2 * [[(0, "authentication")]]


def test_name_that_is_taken_ends_the_restore(target: DirectoryTarget) -> None:
    one = Stored(b"content")
    with target:
        crew = Crew(1, [CHUNK_KEY], target.share())
        crew.fill(one.batch(entry(b"same", size=7)), one.sealed)
        with pytest.raises(UnsafePathError, match="taken"):
            crew.fill(one.batch(entry(b"same", size=7)), one.sealed)
        crew.end()


@pytest.mark.requires("mount", "umount", root=True)
def test_full_disk_is_told_as_such(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], check=True)
    try:
        one = Stored(bytes(1 << 20))
        with DirectoryTarget(disk / "restored") as target:
            crew = Crew(1, [CHUNK_KEY], target.share())
            with pytest.raises(TargetFullError):
                crew.fill(one.batch(entry(b"large", size=1 << 20)), one.sealed)
            crew.end()
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_killed_process_is_told_and_nothing_stays(target: DirectoryTarget, tmp_path: Path) -> None:
    one = Stored(b"content")
    with target:
        crew = Crew(1, [CHUNK_KEY], target.share())
        crew.fill(one.batch(entry(b"one", size=7)), one.sealed)
        os.kill(processes(crew)[0], signal.SIGKILL)
        with pytest.raises(RestoreProcessGoneError):
            crew.fill(one.batch(entry(b"two", size=7)), one.sealed)
        crew.end()

    assert list(tmp_path.iterdir()) == []


def test_processes_hear_no_interrupt_and_end_with_whoever_began_them(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from proofkeep.restore.crew import Crew
from proofkeep.targets.directory import DirectoryTarget
target = DirectoryTarget(Path({str(tmp_path / "restored")!r}))
target.begin()
crew = Crew(2, [b"c" * 32], target.share())
print(*(worker._beside.process.pid for worker in crew._workers), flush=True)
sys.stdin.read()
"""
    began = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert began.stdin is not None
    assert began.stdout is not None
    workers = [int(word) for word in began.stdout.readline().split()]
    for worker in workers:
        until(partial(ignores, worker, signal.SIGINT), "it ignores interrupts")
        until(partial(ignores, worker, signal.SIGTERM), "it ignores being asked to end")
        os.kill(worker, signal.SIGINT)

    assert len(workers) == 2
    assert all(alive(worker) for worker in workers)
    began.kill()
    began.wait()
    began.stdin.close()
    began.stdout.close()
    until(lambda: not any(alive(worker) for worker in workers), "the workers end")


def ignores(process: int, number: signal.Signals) -> bool:
    (line,) = [each for each in Path(f"/proc/{process}/status").read_text().splitlines() if each.startswith("SigIgn")]
    return bool(int(line.split()[1], 16) >> (number - 1) & 1)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False
