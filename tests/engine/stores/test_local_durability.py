"""Nothing of a local store is seen half-written, and what was put outlives a crash."""

import fcntl
import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from proofkeep.errors import (
    DigestRefusedError,
    StoreFullError,
    StoreUnavailableError,
)
from proofkeep.stores import local_files
from proofkeep.stores.local import LocalStore
from tests.engine.stores.local_trees import BODY, DIGEST, names, put, temporary_files

PUTS_A_PIPE = """
import sys
from pathlib import Path
from proofkeep.stores.local import LocalStore
LocalStore(Path(sys.argv[1])).put("packs/0", Path(sys.argv[2]), sha256=bytes(32))
"""


def test_files_and_folders_are_their_owners_alone(root: Path) -> None:
    umask = os.umask(0)
    try:
        put(LocalStore(root), "packs/deep/0")
    finally:
        os.umask(umask)

    modes = {path.relative_to(root): stat.S_IMODE(path.stat().st_mode) for path in (root, *root.rglob("*"))}
    assert modes == {
        Path(): 0o700,
        Path(".tmp"): 0o700,
        Path("packs"): 0o700,
        Path("packs/deep"): 0o700,
        Path("packs/deep/0"): 0o600,
    }


def test_put_that_is_killed_half_way_shows_nothing_and_is_swept_later(root: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-c", PUTS_A_PIPE, str(root), str(pipe)]
    with subprocess.Popen(command) as writer, pipe.open("wb", buffering=0) as feed:
        feed.write(bytes(3_000_000))  # more than the pipe holds: the writer has written some of it
        half_written = temporary_files(root)
        visible = names(LocalStore(root))
        writer.send_signal(signal.SIGKILL)
        writer.wait()

    put(LocalStore(root), "packs/1")

    assert len(half_written) == 1
    assert visible == []
    assert names(LocalStore(root)) == ["packs/1"]
    assert temporary_files(root) == []


def test_file_that_somebody_is_still_writing_is_not_swept(root: Path) -> None:
    put(LocalStore(root), "packs/0")

    with local_files.temporary(root / ".tmp") as (path, _):
        put(LocalStore(root), "packs/1")

        assert path.exists()


def test_writer_whose_file_is_swept_before_it_is_locked_takes_another(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(root)
    put(store, "packs/0")
    real_flock = fcntl.flock
    swept: list[str] = []

    def flock_after_a_sweep(descriptor: int, operation: int) -> None:
        if not swept:
            swept.extend(temporary_files(root))
            (root / ".tmp" / swept[0]).unlink()
        real_flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock_after_a_sweep)

    put(store, "packs/1")

    assert len(swept) == 1
    assert names(store) == ["packs/0", "packs/1"]


def test_bytes_and_name_are_on_disk_before_put_returns(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(root)
    put(store, "packs/0")
    steps: list[str] = []
    real_fsync, real_link = os.fsync, os.link

    def fsync(descriptor: int) -> None:
        steps.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        real_fsync(descriptor)

    def link(source: Path, target: Path) -> None:
        steps.append("link")
        real_link(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", link)

    put(store, "packs/1")

    assert steps == ["sync file", "link", "sync folder"]


def test_new_folders_are_on_disk_before_put_returns(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(root)
    synced: list[Path] = []
    real_fsync = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)

    put(store, "packs/deep/0")

    assert {root, root / "packs", root / "packs/deep"} <= set(synced)


def test_object_whose_bytes_do_not_reach_the_disk_is_not_shown(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(root)

    def fail(_: int) -> None:
        raise OSError(5, "input/output error", "payroll.xls")

    monkeypatch.setattr(os, "fdatasync", fail)
    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(StoreUnavailableError, match=r"^object packs/0: the packs directory /.+ answers EIO$"):
        put(store, "packs/0")

    assert names(store) == []


def test_refused_digest_leaves_no_trace(root: Path) -> None:
    store = LocalStore(root)

    with pytest.raises(DigestRefusedError, match=f"SHA-256 {DIGEST.hex()}"):
        store.put("packs/0", BODY, sha256=bytes(32))

    assert names(store) == []
    assert temporary_files(root) == []


def test_folder_that_empties_meanwhile_does_not_lose_an_object(root: Path) -> None:
    store, other = LocalStore(root), LocalStore(root)

    def put_and_delete(number: int) -> bool:
        mine = (store, other)[number % 2]
        put(mine, f"packs/deep/{number}")
        held = mine.get(f"packs/deep/{number}") == BODY
        mine.delete(f"packs/deep/{number}")
        return held

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(put_and_delete, range(100)))

    assert names(store) == []
    assert sorted(path.name for path in root.iterdir()) == [".tmp"]


@pytest.mark.requires("mount", root=True)
def test_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path], check=True)
    try:
        store = LocalStore(tmp_path / "store")
        body = bytes(2_000_000)

        with pytest.raises(StoreFullError, match=r"^object packs/0: the packs directory /.+ answers ENOSPC$"):
            put(store, "packs/0", body)

        assert names(store) == []
        assert temporary_files(tmp_path / "store") == []
        put(store, "packs/1")
    finally:
        subprocess.run(["umount", tmp_path], check=True)
