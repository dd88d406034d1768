import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import roofline, rounds
from benchmarks.data.sets import DataSet, data_set
from benchmarks.data.writing import walk_files
from benchmarks.launcher import PeakOfTree, descendants
from benchmarks.measuring import CommandError, Measured, measure, run
from benchmarks.peers.contender import ASIDE, STEPS, Command, Contender, empty_files, size_below
from benchmarks.peers.pipe import Pipe
from benchmarks.peers.proofkeep import Proofkeep
from benchmarks.peers.surroundings import Surroundings
from benchmarks.plan import HEATS, pair, steps_to_run
from benchmarks.rounds import Course, Make
from benchmarks.samples import Sample
from tests.architecture.tree import ROOT

MIB = 1 << 20

BURN = "import time\nwhile time.process_time() < 0.3: pass"
HOLD = f"held = bytearray({64 * MIB}); held[::4096] = bytes([1]) * len(held[::4096]); import time; time.sleep(0.5)"


def python(script: str) -> list[str | Path]:
    return [sys.executable, "-c", script]


def test_processor_time_counts_grandchildren(tmp_path: Path) -> None:
    burning = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}], check=True)"

    took = measure(Command(python(burning)), tmp_path / "log")

    assert took.cpu >= 0.3
    assert took.wall > 0


def test_peak_is_that_of_the_whole_tree(tmp_path: Path) -> None:
    holding = f"import subprocess, sys; two = [subprocess.Popen([sys.executable, '-c', {HOLD!r}]) for _ in (1, 2)]"
    waiting = f"{holding}; [each.wait() for each in two]"

    assert measure(Command(python(waiting)), tmp_path / "log").rss > 128 * MIB


def test_peak_of_a_small_process_is_not_the_harnesss(tmp_path: Path) -> None:
    held = bytearray(b"1") * (64 * MIB)

    took = measure(Command(["true"]), tmp_path / "log")

    assert took.rss < len(held) // 2


def test_failing_command_is_an_error_that_shows_its_log(tmp_path: Path) -> None:
    failing = Command(python("raise SystemExit('what was wrong')"))

    with pytest.raises(CommandError, match="what was wrong"):
        measure(failing, tmp_path / "one.log")
    with pytest.raises(CommandError, match="what was wrong"):
        run(failing, tmp_path / "two.log")


def test_own_clock_of_a_command_counts(tmp_path: Path) -> None:
    clock = tmp_path / "clock.json"
    writing = f'import pathlib; pathlib.Path({str(clock)!r}).write_text(\'{{"wall": 7.5, "cpu": 15}}\')'

    took = measure(Command(python(writing), own_clock=clock), tmp_path / "log")

    assert (took.wall, took.cpu) == (7.5, 15)


def test_process_that_is_gone_has_no_descendants_but_itself() -> None:
    ended = 2**22 + 1

    assert list(descendants(ended)) == [ended]
    assert PeakOfTree(ended).end() == 0


@pytest.mark.parametrize("self_check", [True, False])
def test_roofline_takes_every_byte_and_tells_its_seconds(tmp_path: Path, *, self_check: bool) -> None:
    made = data_set("A", 0.002, tmp_path)

    assert bytes(roofline.load(made.source)[:]) == b"".join(
        (made.source / path).read_bytes() for path, _ in walk_files(made.source)
    )
    check, clock = "--self-check" if self_check else "--no-self-check", tmp_path / "clock.json"
    # In a process of its own, as the benchmark runs it: it forks, which a process with threads must not.
    subprocess.run([sys.executable, "-m", "benchmarks.roofline", made.source, clock, check], cwd=ROOT, check=True)
    took = json.loads(clock.read_bytes())
    assert took["cpu"] > 0
    assert took["wall"] > 0


def test_every_pair_of_a_heat_takes_part_in_its_steps() -> None:
    for heat in HEATS:
        kinds = {kind.name: kind for kind in heat.kinds}
        for work in heat.works:
            for against in heat.against:
                (ours, our_step), _ = pair(work, against)
                assert our_step in kinds[ours].steps
        assert set(heat.against) <= {*kinds}


def test_steps_begin_with_the_first_backup_that_the_others_need() -> None:
    assert steps_to_run({"restore"}) == ["first", "restore"]
    assert steps_to_run({"first-unchecked"}) == ["first"]


class Copy(Contender):
    """Copies the source; `Forgetful` loses a byte on the way back."""

    name = "copy"
    settings = ""
    steps = ("first", "restore", "restore-unsynced")

    @classmethod
    def version(cls) -> str:
        return "1"

    def prepare(self) -> list[Command]:
        return []

    def command(self, step: str) -> Command:
        if step == "first":
            return Command(["cp", "-r", self.data.source, self.repository])
        return Command(["sh", "-c", f"cp -r {self.repository}/. {self.target} && {self.after}"])

    @property
    def after(self) -> str:
        return "true"


class Forgetful(Copy):
    name = "forgetful"

    @property
    def after(self) -> str:
        return f"truncate -s 1 {self.target / self.data.one}"


class Idle(Copy):
    """Ends well and keeps nothing."""

    name = "idle"

    def command(self, step: str) -> Command:
        assert step == "first"
        return Command(["mkdir", self.repository])


class Ground:
    """A small set, and rounds over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data: DataSet = data_set("B", 0.0005, folder / "data")
        self.surroundings = Surroundings(folder / "servers")
        self.samples: list[Sample] = []
        self.failures: list[str] = []

    def course(self, kinds: list[type[Contender]], steps: list[str], *, once: bool = False) -> Course:
        def maker(kind: type[Contender]) -> Make:
            return lambda folder, data: kind(folder, data, self.surroundings)

        makers = [(kind.name, maker(kind)) for kind in kinds]
        work, told = self.folder / "work", (self.samples.append, self.failures.append)
        return Course(self.data, "local", steps, {*steps}, makers, work, once, *told)


def files_below(root: Path) -> list[Path]:
    return sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def test_order_is_turned_round_in_every_second_round(ground: Ground) -> None:
    ground.course([Copy, Pipe], ["first"]).run(3)

    assert [each.contender for each in ground.samples] == ["copy", "pipe", "pipe", "copy", "copy", "pipe"]
    assert ground.failures == []


def test_restore_that_differs_does_not_count(ground: Ground) -> None:
    ground.course([Copy, Forgetful], ["first", "restore"]).run(1)

    assert [(each.step, each.contender) for each in ground.samples] == [
        ("first", "copy"),
        ("first", "forgetful"),
        ("restore", "copy"),
    ]
    assert len(ground.failures) == 1
    assert "forgetful restored something else than the source" in ground.failures[0]


def test_backup_that_stored_nothing_does_not_count(ground: Ground) -> None:
    ground.course([Idle], ["first"]).run(1)

    assert ground.samples == []
    assert ["idle stored nothing" in each for each in ground.failures] == [True]


def test_whole_restore_ends_when_the_disk_has_it_unless_that_is_what_is_left_out(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    awaited: dict[str, bool] = {}

    def listening(command: Command, log: Path, *, to_disk: bool) -> Measured:
        awaited[log.stem] = to_disk
        return measure(command, log, to_disk=to_disk)

    monkeypatch.setattr(rounds, "measure", listening)
    ground.course([Copy], ["first", "restore", "restore-unsynced"]).run(1)

    assert awaited == {"first-0": False, "restore-0": True, "restore-unsynced-0": False}
    assert ground.failures == []


def test_repository_that_stays_gets_one_first_backup(ground: Ground) -> None:
    ground.course([Proofkeep], ["first", "unchanged"], once=True).run(2)

    assert [(each.round, each.step) for each in ground.samples] == [(0, "first"), (0, "unchanged"), (1, "unchanged")]
    assert ground.failures == []


def test_proofkeep_and_the_pipe_do_every_step(ground: Ground) -> None:
    ground.course([Proofkeep, Pipe], [*STEPS]).run(1)

    assert ground.failures == []
    assert [each.step for each in ground.samples if each.contender == "proofkeep"] == [*STEPS]
    assert [each.step for each in ground.samples if each.contender == "pipe"] == [*Pipe.steps]
    assert all(each.stored for each in ground.samples if each.step in {"first", "changed"})


def test_restored_trees_stay_until_all_is_over_without_their_bytes(ground: Ground) -> None:
    ground.course([Copy], ["first", "restore", "restore-unsynced"]).run(2)

    assert ground.failures == []
    assert [each.name for each in (ground.folder / "work").iterdir()] == [ASIDE]
    trees = [*(ground.folder / "work" / ASIDE).iterdir()]
    files = files_below(ground.data.source)
    assert [files_below(tree) for tree in trees] == [files] * 4
    assert [size_below(tree) for tree in trees] == [0] * 4


def test_what_a_link_names_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "other").write_bytes(bytes(10))
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "other")
    (tmp_path / "tree" / "file").write_bytes(bytes(20))

    empty_files(tmp_path / "tree")

    assert (tmp_path / "other").read_bytes() == bytes(10)
    assert (tmp_path / "tree" / "file").read_bytes() == b""


def test_stored_size_is_that_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "one").write_bytes(bytes(10))
    (tmp_path / "below" / "two").write_bytes(bytes(20))

    assert size_below(tmp_path) == 30
