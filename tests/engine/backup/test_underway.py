from pathlib import Path

import pytest

from proofkeep.backup import drive
from proofkeep.backup.underway import Underway
from proofkeep.chunking import ChunkSizes
from proofkeep.errors import CancelledError
from tests.building import Ground, Host, content, plant, small_frames, small_slabs

SMALL_CHUNKS = ChunkSizes(1 << 10, 4 << 10, 16 << 10)


class Pack:
    """What `Underway` looks at in a pack of the journal."""

    def __init__(self, number: int, size: int) -> None:
        self.number = number
        self.size = size
        self.sent = None
        self.verified = None


class Told:
    """Keeps what was told of each step."""

    def __init__(self) -> None:
        self.steps: dict[str, list[dict[str, int]]] = {}

    def __call__(self, step: str, **counts: int) -> None:
        self.steps.setdefault(step, []).append(counts)


def test_pack_is_seen_while_it_is_sent_and_counts_once_when_sent_again() -> None:
    told, seconds = Told(), iter(range(100))
    underway = Underway(told, lambda: False, clock=lambda: float(next(seconds)))
    first, second = Pack(1, 100), Pack(2, 50)
    underway.sealed(150)

    watch = underway.watch(first)  # type: ignore[arg-type]  # a stand-in
    for sent in (0, 60, 0, 30):
        watch(sent)
    underway.watch(second)(20)  # type: ignore[arg-type]  # as above
    underway.sent(first)  # type: ignore[arg-type]  # as above

    assert [counts["bytes"] for counts in told.steps["upload"]] == [0, 60, 0, 30, 50, 120]
    assert {counts["total_bytes"] for counts in told.steps["upload"]} == {150}


def test_look_at_a_pack_ends_its_put_when_the_run_is_cancelled() -> None:
    underway = Underway(Told(), lambda: True)

    with pytest.raises(CancelledError):
        underway.watch(Pack(1, 100))(50)  # type: ignore[arg-type]  # a stand-in


def test_backup_tells_what_it_read_sent_and_proved(scratch: Path) -> None:
    host = Host(Ground(scratch / "ground", SMALL_CHUNKS))
    plant(host.source, {"one": content(1, 60_000), "other": content(2, 5000)})
    first, second = Told(), Told()

    with host.backup(progress=first) as backup:
        drive(backup)
        stored = sum(pack.size for pack in backup.journal.packs())
    (host.source / "other").write_bytes(content(3, 5000))
    with host.backup(bytes(16), progress=second) as backup:
        drive(backup)

    read = first.steps["snapshot"]
    assert (read[0]["total_files"], read[-1]["files"], read[-1]["bytes"]) == (0, 2, 65_000)
    assert 60_000 in {counts["bytes"] for counts in read[:-1]}  # the large file is told while it is read
    assert first.steps["upload"][-1] == {"bytes": stored, "total_bytes": stored}
    assert first.steps["verify"][-1] == {"bytes": stored, "total_bytes": stored}
    ends = {(counts["total_files"], counts["total_bytes"]) for counts in second.steps["snapshot"]}
    assert ends == {(2, 65_000)}


def test_commit_tells_what_it_confirmed_and_placed_and_what_the_catalog_learns(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proofkeep.backup.confirm._TELL_EVERY", 2)
    monkeypatch.setattr("proofkeep.backup.teaching._BATCH", 4)
    host, told = Host(Ground(scratch / "ground")), Told()
    plant(host.source, {f"many/{number:02}": content(number, 20_000) for number in range(10)})

    with small_slabs(32 << 10), small_frames(), host.backup(progress=told) as backup:
        drive(backup)
        packs = len(list(backup.journal.packs()))
        placed = sum(
            len(item.body) for kind in ("index", "ledger") for item in backup.journal.objects("kind=?", (kind,))
        )

    commit, learn = told.steps["commit"], told.steps["learn"]
    assert packs > 2
    assert commit[0] == {"packs": 0, "total_packs": 0, "bytes": 0}
    assert {"packs": 2, "total_packs": packs, "bytes": 0} in commit
    assert commit[-1] == {"packs": packs, "total_packs": packs, "bytes": placed}
    assert learn[:packs] == [{"packs": number, "total_packs": packs} for number in range(packs)]
    assert learn[packs:] == [{"packs": packs, "files": 4}, {"packs": packs, "files": 8}]


def test_object_of_the_commit_is_seen_while_it_is_sent() -> None:
    told, seconds = Told(), iter(range(100))
    underway = Underway(told, lambda: False, clock=lambda: float(next(seconds)))
    underway.confirmed(3, 3)
    for sent in (10, 20):
        underway.placing(sent)
    underway.placed(30)
    underway.placing(5)

    assert [counts["bytes"] for counts in told.steps["commit"]] == [0, 10, 20, 30, 35]


def test_commit_that_is_cancelled_while_it_confirms_packs_ends_and_goes_on_later(scratch: Path) -> None:
    host, run = Host(Ground(scratch / "ground")), bytes(15) + b"c"
    plant(host.source, {"file": content(1, 5000)})
    confirming: list[bool] = []

    def progress(step: str, **_: int) -> None:
        confirming.extend([True] * (step == "commit"))

    with (
        host.backup(run, progress=progress, cancelled=lambda: bool(confirming)) as backup,
        pytest.raises(CancelledError),
    ):
        drive(backup)
    assert host.ground.names("snapshots/") == []

    assert host.ground.read_back(host.run(run).snapshot) == host.portrait()
