"""A host whose history of attempts is gone, and one that never had any."""

import shutil

import pytest

from proofkeep.status import HISTORY_DAMAGED
from tests.engine.cli.places import Place
from tests.engine.cli.test_status import only, status


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"", None], ids=["foreign", "empty", "absent"])
def test_history_that_is_gone_needs_somebody_until_what_lies_aside_is_removed(
    repository: Place, content: bytes | None
) -> None:
    repository.done("backup")
    for file in (repository.root / "state").glob("history.sqlite*"):
        file.unlink()
    if content is not None:
        (repository.root / "state" / "history.sqlite").write_bytes(content)

    code, result = status(repository)
    text = repository.run("status")
    for aside in (repository.root / "state").glob("history.sqlite.damaged*"):
        aside.unlink()
    mended = status(repository)

    assert (code, result["history_damaged"], only(result["entries"])["overdue"]) == (7, True, False)
    assert (text.code, HISTORY_DAMAGED in text.out) == (7, True)
    assert (mended[0], mended[1]["history_damaged"]) == (0, False)


def test_host_that_only_read_so_far_has_lost_no_history(repository: Place) -> None:
    repository.done("snapshots")
    shutil.rmtree(repository.root / "state" / "attempts", ignore_errors=True)
    repository.done("backup")

    assert status(repository)[0] == 0


def test_state_directory_that_was_put_back_needs_somebody_from_the_next_backup_on(repository: Place) -> None:
    state, copy = repository.root / "state", repository.root / "copy"
    repository.done("backup")
    shutil.copytree(state, copy)
    repository.done("backup")
    shutil.rmtree(state)
    copy.rename(state)

    repository.done("backup")
    code, told = status(repository)

    assert (code, told["history_damaged"]) == (7, True)
