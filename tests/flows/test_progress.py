"""What a person sees of a flow while it runs: words of its progress artifact, from the first count to the last."""

import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from prefect.artifacts import update_progress_artifact

from flows import progress
from flows.backup import backup
from flows.drill import restore_drill
from flows.restore import restore
from flows.verify import verify
from tests.flows.house import House
from tests.flows.running import run_here

HELD_SECONDS = 10.0  # for steps that nobody shows


class Told(list[tuple[float, str]]):
    """Percent and words of each update of one flow, and the steps that were held until one was shown."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        super().clear()
        self.held = set(progress._OF_THE_BODY)  # the one who shows must not wait for it


@pytest.fixture
def told() -> Iterator[Told]:
    """Percent and words of each update, shown however soon it comes; a step's first count waits for the next one."""
    updates = Told()
    send = update_progress_artifact

    def update(artifact: Any, percent: float, description: str) -> None:
        updates.append((percent, description))
        send(artifact, percent, description=description)

    def hold(step: str, **_: int) -> None:
        if step not in updates.held:
            updates.held.add(step)
            shown, deadline = len(updates), time.monotonic() + HELD_SECONDS
            while len(updates) == shown and time.monotonic() < deadline:
                time.sleep(0.01)

    with (
        patch.object(progress, "watchers", [hold]),
        patch.object(progress, "update_progress_artifact", update),
        patch.object(progress, "_EVERY_SECONDS", 0.0),
    ):
        yield updates


def test_flows_show_counts_while_they_run(house: House, told: Told) -> None:
    house.fill(3)
    seen: dict[str, str] = {}
    for flow, parameters in (
        (backup, house.parameters()),
        (verify, {"repository": house.name, "read": 1.0}),
        (restore, {"repository": house.name, "keys": house.name, "target": str(house.root / "restored")}),
        (restore_drill, {"repository": house.name, "keys": house.name}),
    ):
        told.clear()
        run_here(flow, parameters)
        seen[flow.name] = "\n".join(words for _, words in told)
        assert all(0 <= percent <= 100 for percent, _ in told), flow.name
        assert told[-1][0] == 100

    assert "3 files" in seen["backup"]
    for word in ("read", "new", "sealed", "sent", "proven"):
        assert word in seen["backup"]
    assert "read back" in seen["verify"] or "ledger entries read" in seen["verify"]
    assert "list: 1 snapshots" in seen["restore"]
    assert "restored and verified" in seen["restore"]
    assert "drawing: " in seen["restore_drill"]
    assert "commit: " in seen["backup"]
    assert "is committed" in seen["backup"]
