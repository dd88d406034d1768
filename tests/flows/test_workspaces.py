"""What a killed worker leaves of a run, which holds the server's password, is removed once that run has ended."""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.states import Cancelled, Completed, Crashed, Pending, Running, Scheduled

from flows.host import ProcessMark
from flows.reconcile import reconcile
from flows.workspaces import ABOUT, PREFIX
from tests.flows.running import client
from tests.flows.test_reconcile import NO_TIME, run_of

pytestmark = pytest.mark.usefixtures("prefect")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files lie."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def workspace(place: Path, run: Any) -> Path:
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    (path / ABOUT).write_text(json.dumps({"flow_run_id": str(run)}))
    (path / "workspace.json").write_text("PREFECT_API_AUTH_STRING")
    return path


def run_in(state: Callable[[], Any]) -> Any:
    run = run_of(None)
    with client() as api:
        api.set_flow_run_state(run, state(), force=True)
    return run


@pytest.mark.parametrize("state", [Completed, Crashed, Cancelled])
def test_workspace_of_an_ended_run_goes_once_its_worker_has_had_time_for_it(state: Any, place: Path) -> None:
    left = workspace(place, run_in(state))

    reconcile()
    assert left.exists()
    assert reconcile(settled=NO_TIME).troubles == []

    assert list(place.iterdir()) == []


@pytest.mark.parametrize("state", [Pending, Running, Scheduled])
def test_workspace_of_a_run_that_has_not_ended_stays(state: Any, place: Path) -> None:
    left = workspace(place, run_in(state))

    reconcile(settled=NO_TIME)

    assert left.exists()


def test_what_is_of_another_server_or_says_nothing_stays(place: Path) -> None:
    ended = run_in(Completed)
    kept = [workspace(place, uuid4()), workspace(place, "no id"), workspace(place, ended)]
    (kept[1] / ABOUT).write_text("[]")
    elsewhere = kept[2].rename(place / "elsewhere")
    (place / f"{PREFIX}link").symlink_to(elsewhere)

    assert reconcile(settled=NO_TIME).troubles == []

    assert all(path.exists() for path in (*kept[:2], elsewhere / ABOUT))


def test_one_that_goes_meanwhile_keeps_no_other_from_going(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remove, left = shutil.rmtree, [workspace(place, run_in(Completed)) for _ in range(3)]
    gone: list[Path] = []

    def racing(path: Path) -> None:
        remove(path)
        gone.append(path)
        if len(gone) == 1:
            raise FileNotFoundError(path)

    monkeypatch.setattr(shutil, "rmtree", racing)

    assert reconcile(settled=NO_TIME).troubles == []
    assert sorted(gone) == sorted(left)


def test_workspace_of_a_crashed_run_whose_process_lives_stays(place: Path) -> None:
    run = run_of(ProcessMark.mine())
    with client() as api:
        api.set_flow_run_state(run, Crashed(), force=True)
    left = workspace(place, run)

    reconcile(settled=NO_TIME)

    assert left.exists()
