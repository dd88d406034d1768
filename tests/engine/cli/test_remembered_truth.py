"""What the history remembers of commands that were refused, given up or killed."""

import os
from unittest.mock import patch

import pytest

from proofkeep.backup import drive
from proofkeep.backup.resume import resumable
from proofkeep.configuration import load
from proofkeep.unfinished import abandon
from tests.building import NO_WAIT
from tests.engine.cli.places import Place
from tests.engine.cli.test_left import leave_sealed
from tests.engine.cli.test_left_gone import opened
from tests.engine.cli.test_status import only, status


def test_drill_id_that_is_refused_costs_no_history(repository: Place) -> None:
    repository.source.rename(repository.root / "elsewhere")
    repository.run("backup")
    _, before = status(repository)

    assert repository.run("drill", "--id", "Übung-1").code == 2

    _, after = status(repository)
    assert not after["history_damaged"]
    assert [each["failures"] for each in after["entries"]] == [each["failures"] for each in before["entries"]]
    assert only(after["entries"])["failures"]


def test_run_that_is_given_up_while_others_are_resumed_stays_open(repository: Place) -> None:
    run = leave_sealed(repository)
    configuration = load(repository.config)
    connected = configuration.connect()
    state = configuration.open_state(connected)
    (left,) = resumable(state)
    abandon(configuration.state, run)

    done = configuration.resume(connected, state, left, None)

    assert done.committed is None
    assert only(status(repository)[1]["entries"])["failures"]


def test_run_that_was_killed_behind_its_record_is_not_taken_for_one_of_a_state_that_was_put_back(
    repository: Place,
) -> None:
    with (
        patch("proofkeep.backup.commit.teach_run", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
        opened(repository, os.urandom(16).hex()) as backup,
    ):
        drive(backup, wait=NO_WAIT)

    assert "put back" not in repository.run("status").out
