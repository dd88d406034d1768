import os

import pytest

from proofkeep.restore import fetch


@pytest.fixture(params=["threads", "processes"], autouse=True)
def filled_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every restore is done twice: as small ones are, and as large ones."""
    filled_by: str = request.param
    if filled_by == "processes":
        monkeypatch.setattr(fetch, "MANY_PIECES", 1)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    return filled_by
