"""What follows from the example inventory is what prefect.yaml declares."""

from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # its stubs are not in the lock

from flows.deploying.wanted import CONTROL_LIMIT, Deployment, wanted
from flows.options import DEFAULTS, BackupOptions
from tests.architecture.tree import ROOT
from tests.engine.inventory.example import inventory

RESTORE_HOST = (
    ("hosts:\n", "hosts:\n  - name: restore-1.example\n"),
    ("    drill:\n", "    drill:\n      host: restore-1.example\n"),
)
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


def host_of(deployment: Deployment) -> str:
    return deployment.queue.removesuffix("-control")


def statuses(*changes: tuple[str, str]) -> dict[str, dict[str, Any]]:
    """Hosts that have a status of the repository, each with what it is asked: ages of entries, and drills."""
    made = wanted(inventory(*changes)).deployments
    asked = {host_of(each): dict(each.parameters) for each in made if each.flow == "status"}
    assert all(parameters.pop("repository") == "main" for parameters in asked.values())
    return asked


HOME = {"entries": [{"entry": "home", "source": "home"}]}
ONLY_DRILLS = {"entries": [], "drilled": ["home"]}


def test_host_that_only_drills_answers_for_its_drills_and_is_asked_no_age() -> None:
    made = wanted(inventory(*RESTORE_HOST)).deployments

    drilled_elsewhere = {"entry": "home", "source": "home", "drilled_on": "restore-1.example"}
    assert statuses(*RESTORE_HOST) == {
        "restore-1.example": ONLY_DRILLS,
        "backup-1.example": {"entries": [drilled_elsewhere]},
    }
    there = {each.flow for each in made if host_of(each) == "restore-1.example"}
    assert there == {"restore_drill", "status"}


def test_host_that_only_verifies_has_a_status() -> None:
    verified_there = ("    host: backup-1.example\n    location: aws", "    host: restore-1.example\n    location: aws")

    assert statuses(RESTORE_HOST[0], verified_there) == {"restore-1.example": {"entries": []}, "backup-1.example": HOME}


def test_host_that_does_nothing_for_a_repository_has_no_status_of_it() -> None:
    assert statuses(RESTORE_HOST[0]) == {"backup-1.example": HOME}


def test_every_host_has_a_queue_of_its_runs_and_one_before_which_no_backup_stands() -> None:
    made = wanted(inventory())

    assert made.queues == {"backup-1.example": 2, "backup-1.example-control": CONTROL_LIMIT}
    queued = {each.flow: each.queue for each in made.deployments}
    assert {flow for flow, queue in queued.items() if queue != "backup-1.example"} == {
        "status",
        "restore",
        "spot_check",
        "resume_transfers",
        "abandon",
    }
    assert set(queued.values()) == set(made.queues)


def test_windows_of_every_schedule_reach_the_flows_that_tell_of_them() -> None:
    windows = (
        ("hosts:\n", 'fleet:\n  cron: "0 1 * * *"\n  window: 2h\nhosts:\n'),
        ("      read: 0.1\n", "      read: 0.1\n      window: 3h\n"),
        ("      timezone: UTC\n", "      timezone: UTC\n      window: 4h\n"),
        ('      cron: "0 6 1 1,4,7,10 *"\n', '      cron: "0 6 1 1,4,7,10 *"\n      window: 5h\n'),
    )

    made = {each.flow: each.parameters for each in wanted(inventory(*windows)).deployments}

    named = {flow: (given | given.get("options", {})).get("window_seconds") for flow, given in made.items()}
    assert {flow: seconds / 3600 for flow, seconds in named.items() if seconds} == {
        "fleet": 2,
        "verify": 3,
        "backup": 4,
        "restore_drill": 5,
    }


def backup_options(*fields: str) -> BackupOptions:
    """What the entry's backup runs with, as its flow takes it."""
    made = wanted(inventory(("    retention: 90d\n", "".join(f"    {field}\n" for field in fields)))).deployments
    (parameters,) = [each.parameters for each in made if each.flow == "backup"]
    return BackupOptions.model_validate(parameters.get("options", {}))


def test_entrys_spool_limit_and_leave_to_be_empty_are_options_of_its_backup() -> None:
    options = backup_options("spool_limit: 34359738368", "allow_empty: true")

    assert options == BackupOptions(spool_limit=32 << 30, allow_empty=True)


def test_entry_that_says_neither_has_the_defaults_of_the_software() -> None:
    assert backup_options() == backup_options("allow_empty: false") == DEFAULTS
