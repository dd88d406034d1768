import errno
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from proofkeep.errors import TargetError
from proofkeep.model import Kind
from proofkeep.targets.directory import DirectoryTarget
from proofkeep.targets.metadata import local_group, local_user
from tests.engine.targets.trees import entry, put_file
from tests.engine.unprivileged import NOBODY, as_nobody, open_to_everybody

CAPABILITY = struct.pack("<IIIII", 0x02000001, 0x400, 0, 0, 0)


@pytest.fixture
def scratch() -> Iterator[Path]:
    with open_to_everybody() as place:
        yield place


def test_without_privilege_owners_are_left_and_set_uid_is_dropped(scratch: Path) -> None:
    def restore() -> tuple[bool, int]:
        with DirectoryTarget(scratch / "final") as target:
            put_file(target, entry(b"program", size=1, mode=0o6755, uid=0), b"x")
            target.make(entry(b"d", Kind.DIRECTORY, mode=0o3775, uid=0))
            target.complete()
        return target.restores_owner, target.owners_unset

    assert as_nobody(restore) == (False, 0)
    program = (scratch / "final/program").stat()
    assert stat.S_IMODE(program.st_mode) == 0o755
    assert program.st_uid == (NOBODY if os.geteuid() == 0 else os.geteuid())
    assert stat.S_IMODE((scratch / "final/d").stat().st_mode) == 0o1775


def test_owner_asked_for_without_privilege_is_counted_and_set_uid_is_dropped(scratch: Path) -> None:
    def restore() -> int:
        with DirectoryTarget(scratch / "final", restore_owner=True) as target:
            put_file(target, entry(b"program", size=1, mode=0o4755, uid=0), b"x")
            target.complete()
        return target.owners_unset

    assert as_nobody(restore) == 1
    assert stat.S_IMODE((scratch / "final/program").stat().st_mode) == 0o755


@pytest.mark.requires(root=True)
def test_root_that_leaves_owners_drops_set_uid_and_capabilities(scratch: Path) -> None:
    with DirectoryTarget(scratch / "final", restore_owner=False) as target:
        privileged = [(b"security.capability", CAPABILITY)]
        put_file(target, entry(b"program", size=1, mode=0o6755, uid=1000, xattrs=privileged), b"x")
        target.complete()

    program = (scratch / "final/program").stat()
    assert (stat.S_IMODE(program.st_mode), program.st_uid) == (0o755, 0)
    assert os.listxattr(scratch / "final/program") == []
    assert target.xattrs_unset == 1


def test_attributes_that_cannot_be_set_are_counted_and_the_others_set(scratch: Path) -> None:
    wanted = [
        (b"trusted.own", b"needs root"),
        (b"user.note", b"kept"),
        (b"unknown.space", b"no filesystem has it"),
        (b"user.with\0nul", b"no system has it"),
        (b"user.large", bytes(1 << 17)),
        (b"user.long" + b"n" * 300, b""),
    ]

    def restore() -> int:
        with DirectoryTarget(scratch / "final") as target:
            put_file(target, entry(b"file", size=1, xattrs=wanted), b"x")
            target.complete()
        return target.xattrs_unset

    assert as_nobody(restore) == 5
    assert os.getxattr(scratch / "final/file", "user.note") == b"kept"


@pytest.mark.requires(root=True)
def test_owner_known_by_name_has_this_hosts_number(scratch: Path) -> None:
    with DirectoryTarget(scratch / "final") as target:
        put_file(target, entry(b"known", size=1, uid=4001, gid=4002, owner=b"nobody", group=b"daemon"), b"x")
        put_file(target, entry(b"unknown", size=1, uid=4001, gid=4002, owner=b"n\0", group=b"nobody-has-it"), b"x")
        target.complete()

    known, unknown = (scratch / "final/known").stat(), (scratch / "final/unknown").stat()
    assert (known.st_uid, known.st_gid) == (local_user(b"nobody", 1), local_group(b"daemon", 0))
    assert known.st_uid != 4001
    assert (unknown.st_uid, unknown.st_gid) == (4001, 4002)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"uid": 2**32 - 1}, id="uid that means unchanged"),
        pytest.param({"uid": -1}, id="negative uid"),
        pytest.param({"gid": 2**40}, id="gid beyond 32 bits"),
        pytest.param({"mtime_ns": 2**70}, id="time beyond 64 bits"),
        pytest.param({"kind": Kind.CHARACTER_DEVICE, "rdev": 2**64}, id="device beyond 64 bits"),
        pytest.param({"kind": Kind.SYMLINK, "target": b"t" * 5000}, id="link longer than any path"),
        pytest.param({"size": 2**64}, id="size beyond 64 bits"),
        pytest.param({"size": 2**62, "extents": [2**62 - 1, 1]}, id="size beyond the filesystem's"),
    ],
)
def test_entry_that_cannot_be_stored_spoils_no_other(tmp_path: Path, fields: dict[str, int]) -> None:
    with DirectoryTarget(tmp_path / "final", allow_devices=True) as target:
        odd = entry(b"odd", **fields)  # type: ignore[arg-type] # kinds and numbers alike

        with pytest.raises(TargetError) as caught:
            (target.make if odd.kind else target.create)(odd)
        put_file(target, entry(b"even", size=1), b"x")
        target.complete()

    assert "odd" not in str(caught.value)
    assert [path.name for path in (tmp_path / "final").iterdir()] == ["even"]


@pytest.mark.parametrize("number", [errno.EILSEQ, errno.EINVAL, errno.ENAMETOOLONG, errno.EACCES])
def test_name_that_the_filesystem_refuses_spoils_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    really = os.open

    def refuse(path: bytes, *arguments: int, **options: int) -> int:
        if path == b"odd":
            raise OSError(number, os.strerror(number), "odd")
        return really(path, *arguments, **options)

    with DirectoryTarget(tmp_path / "final") as target:
        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(TargetError, match=os.strerror(number).lower()) as caught:
            target.create(entry(b"odd", size=1))
        put_file(target, entry(b"even", size=1), b"x")
        target.complete()

    assert "odd" not in str(caught.value)
    assert [path.name for path in (tmp_path / "final").iterdir()] == ["even"]


def test_time_that_cannot_be_set_leaves_no_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EINVAL, "refused")

    with DirectoryTarget(tmp_path / "final") as target:
        with monkeypatch.context() as patched:
            patched.setattr(os, "utime", refuse)
            for kind in (Kind.FIFO, Kind.SYMLINK, Kind.FILE):
                with pytest.raises(TargetError, match="invalid argument"):
                    target.make(entry(b"node", kind, target=b"x"))
        target.complete()

    assert list((tmp_path / "final").iterdir()) == []
