"""Ground, processes, origin and checksums of the demo: what they refuse to touch."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from infra.demo import processes, supervision, ui
from infra.demo.evidence import altered, read_evidence
from infra.demo.failure import DemoError
from infra.demo.ground import Ground
from infra.demo.origin import given
from infra.demo.tree import MIB, change, generate
from tests.engine.unprivileged import as_nobody, open_to_everybody

WAITS = "import signal; print('up', flush=True); signal.pause()"
IGNORES_SIGTERM = (
    "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True)\nwhile True: signal.pause()"
)


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path / "demo")


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    children: list[subprocess.Popen[bytes]] = []
    yield children
    for child in children:
        child.kill()
        child.communicate()


def start(children: list[subprocess.Popen[bytes]], script: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    child = subprocess.Popen([sys.executable, "-c", script], env=os.environ | environment, stdout=subprocess.PIPE)
    children.append(child)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    return child


def test_directory_of_somebody_else_is_refused_and_left_alone(ground: Ground) -> None:
    ground.directory.mkdir()
    (ground.directory / "thesis").touch()

    with pytest.raises(DemoError, match="no demo made"), ground.held():
        pass

    assert [path.name for path in ground.directory.iterdir()] == ["thesis"]


def test_second_demo_in_the_same_directory_is_refused(ground: Ground) -> None:
    with ground.held(), pytest.raises(DemoError, match="another demo is at work"), ground.held():
        pass


def test_clearing_follows_no_link(ground: Ground, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    with ground.held():
        ground.lay_out()
        (ground.directory / "link").symlink_to(tmp_path / "precious")

        ground.clear(keep=(ground.logs,))

    assert (tmp_path / "precious/file").exists()
    assert sorted(path.name for path in ground.directory.iterdir()) == [".lock", ".proofkeep-demo", "logs"]


def test_only_processes_of_this_very_demo_are_ended(
    ground: Ground, tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    ours = start(started, WAITS, processes.mark_of(ground.directory))
    others = start(started, WAITS, processes.mark_of(tmp_path / "another"))
    unmarked = start(started, WAITS, {})

    ended = processes.end_all(ground.directory, seconds=30)

    assert (ended, ours.wait()) == ([ours.pid], -signal.SIGTERM)
    assert (others.poll(), unmarked.poll()) == (None, None)


def test_process_that_does_not_listen_is_killed(ground: Ground, started: list[subprocess.Popen[bytes]]) -> None:
    deaf = start(started, IGNORES_SIGTERM, processes.mark_of(ground.directory))

    ended = processes.end(deaf.pid, ground.directory, seconds=0)

    assert (ended, deaf.wait()) == (True, -signal.SIGKILL)


def test_pid_file_that_names_a_stranger_ends_nobody(ground: Ground, started: list[subprocess.Popen[bytes]]) -> None:
    stranger = start(started, WAITS, {})
    with ground.held():
        ground.pid_file.write_text(f"{stranger.pid}\n")

    assert supervision.stop(ground) == 0

    assert stranger.poll() is None
    assert not supervision.is_running(ground)


def test_ui_without_a_demo_says_how_to_start_one(ground: Ground) -> None:
    with pytest.raises(DemoError, match="`make demo` starts one"):
        ui.address(ground)


def test_largest_plain_file_is_left_out_of_the_first_backup(ground: Ground, tmp_path: Path) -> None:
    (tmp_path / "mine/deep").mkdir(parents=True)
    (tmp_path / "mine/small").write_bytes(b"s")
    (tmp_path / "mine/deep/large").write_bytes(b"l" * 100)
    (tmp_path / "mine/deep/[glob]*").write_bytes(b"g" * 1000)

    origin = given(tmp_path / "mine", ground)

    assert origin.left_out == ("/deep/large",)
    assert origin.measure() == 1101
    assert origin.change().most == 100


def test_only_file_of_a_tree_is_not_left_out(ground: Ground, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/only").write_bytes(b"x")

    origin = given(tmp_path / "mine", ground)

    assert (origin.left_out, origin.change().most) == ((), 0)


def test_demos_own_directory_is_excluded_from_a_tree_around_it(ground: Ground, tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    with ground.held():
        ground.lay_out()

    origin = given(tmp_path, ground)

    assert (origin.excluded, origin.ignored) == (("/demo",), frozenset({b"demo"}))


@pytest.mark.parametrize(
    "path, reason",
    [
        ("absent", "cannot be read"),
        ("file", "is no directory"),
        ("empty", "nothing to back up"),
        ("demo/source", "own"),
    ],
)
def test_source_that_cannot_serve_is_refused(ground: Ground, tmp_path: Path, path: str, reason: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    (ground.directory / "source").mkdir(parents=True)

    with pytest.raises(DemoError, match=reason):
        given(tmp_path / path, ground)


@pytest.mark.parametrize("path", ["folder/secret", "folder"])
def test_tree_with_what_this_user_may_not_read_is_refused_and_it_is_named(path: str) -> None:
    with open_to_everybody() as scratch:
        (scratch / "mine/folder").mkdir(parents=True)
        (scratch / "mine/folder/secret").touch()
        (scratch / "mine/public").touch()
        (scratch / "mine" / path).chmod(0)

        with pytest.raises(DemoError, match=rf"holds 1 files or folders .* such as .*/mine/{path}\n"):
            as_nobody(lambda: given(scratch / "mine", Ground(scratch / "demo")))

        (scratch / "mine" / path).chmod(0o755)


def test_change_touches_little_of_a_generated_tree(tmp_path: Path) -> None:
    generate(tmp_path / "tree", size=2 * MIB)
    before = {path.relative_to(tmp_path): path.lstat().st_mtime_ns for path in (tmp_path / "tree").rglob("*")}

    _, most = change(tmp_path / "tree")

    after = {path.relative_to(tmp_path): path.lstat().st_mtime_ns for path in (tmp_path / "tree").rglob("*")}
    assert len(set(before.items()) - set(after.items())) < 12
    assert 0 < most < MIB


def test_altered_evidence_is_named(tmp_path: Path) -> None:
    (tmp_path / "drill.json").write_bytes(b"{}")
    (tmp_path / "drill.md").write_bytes(b"passed")
    listing = f"{sha256(b'{}').hexdigest()}  drill.json\n{sha256(b'failed').hexdigest()}  drill.md\n"
    (tmp_path / "SHA256SUMS").write_text(listing)

    assert altered(tmp_path) == ["drill.md"]


def test_evidence_without_checksums_counts_as_altered(tmp_path: Path) -> None:
    found = read_evidence(tmp_path)

    assert (found.altered, found.passed) == (["SHA256SUMS"], False)


def test_evidence_without_its_document_counts_as_altered(tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").touch()

    assert altered(tmp_path) == ["drill.json"]
