"""What follows from the example inventory is what prefect.yaml declares."""

from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # its stubs are not in the lock

from flows.deploying.wanted import Deployment, wanted
from tests.architecture.tree import ROOT
from tests.engine.inventory.example import inventory

FLOWS = ("backup", "verify", "restore", "restore_drill", "spot_check", "status", "resume_transfers", "abandon")


def declared() -> dict[str, Any]:
    """Deployments of prefect.yaml by the names of their flows."""
    text = (ROOT / "prefect.yaml").read_text().replace("{{ $PWD }}", "/opt/proofkeep")
    document = yaml.safe_load(text.replace("{{ $PROOFKEEP_HOST }}", "backup-1.example"))
    pull = document["pull"]
    return {item["entrypoint"].rpartition(".")[2]: item | {"pull": pull} for item in document["deployments"]}


@pytest.mark.parametrize("flow", FLOWS)
def test_default_deployments_are_those_of_the_example_inventory(flow: str) -> None:
    """But for its drill, which the inventory makes for the entry alone."""
    by_inventory: Deployment = next(
        each for each in wanted(inventory(("    retention: 90d\n", ""))).deployments if each.flow == flow
    )
    by_file = declared()[flow]
    only_inventory = {"entries": ["home"]} if flow == "restore_drill" else {}

    assert by_inventory.entrypoint == by_file["entrypoint"]
    assert by_inventory.parameters == by_file["parameters"] | only_inventory
    assert [dict(timing) for timing in by_inventory.schedules] == [
        {**timing, "active": True} for timing in by_file.get("schedules", [])
    ]
    assert set(by_file["tags"]) <= set(by_inventory.tags)
    assert by_inventory.queue == by_file["work_pool"]["work_queue_name"]
    assert [{"prefect.deployments.steps.set_working_directory": {"directory": by_inventory.checkout}}] == by_file[
        "pull"
    ]
