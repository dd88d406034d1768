"""Every kind of step of a backup is watched: tests that kill at each step would not reach one that is not."""

from pathlib import Path
from unittest.mock import patch

import pytest

from tests import decorating
from tests.building import planted_host
from tests.decorating import Fuse, WatchedStore, watched_host
from tests.steps import unwatched


def steps_told(root: Path) -> list[str]:
    """By one whole backup."""
    host, fuse = planted_host(root), Fuse()
    stores = {name: WatchedStore(getattr(host.ground, name), fuse) for name in ("store", "ledger")}
    repository = host.ground.connect(**stores)
    with watched_host(fuse):
        host.run(repository=repository)
    return fuse.log


def test_backup_tells_every_kind_of_step(scratch: Path) -> None:
    assert unwatched(steps_told(scratch)) == []


@pytest.mark.parametrize("place", decorating.HOST_STEPS)
def test_place_that_is_watched_no_more_is_missed(place: str, scratch: Path) -> None:
    others = {each: steps for each, steps in decorating.HOST_STEPS.items() if each != place}
    with patch.object(decorating, "HOST_STEPS", others):
        missing = unwatched(steps_told(scratch))

    kind, _ = decorating.HOST_STEPS[place]
    assert missing
    assert {step.partition(".")[0] for step in missing} == {kind.__name__}
