from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # its stubs are not in the lock
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule

from tests.architecture.tree import ROOT
from tests.flows.conftest import QUEUE, PrefectSide
from tests.flows.running import client

SCHEDULES = {
    "backup/backup": "30 1 * * *",
    "verify/verify": "0 6 * * 0",
    "restore/restore": None,
    "restore_drill/restore_drill": "0 6 1 1,4,7,10 *",
    "spot_check/spot_check": None,
    "resume_transfers/resume_transfers": None,
    "abandon/abandon": None,
    "status/status": "50 * * * *",
}

CONTROL = {
    "restore/restore",
    "spot_check/spot_check",
    "resume_transfers/resume_transfers",
    "abandon/abandon",
    "status/status",
}


def deployment(name: str) -> DeploymentResponse:
    with client() as api:
        return api.read_deployment_by_name(name)


def declared() -> Mapping[str, Any]:
    document: Mapping[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    return document


def test_every_deployment_is_known_here_and_declared_once() -> None:
    names = [f"{item['entrypoint'].rpartition('.')[2]}/{item['name']}" for item in declared()["deployments"]]

    assert sorted(names) == sorted(SCHEDULES)


def test_entrypoints_are_modules_so_that_no_folder_shadows_a_package() -> None:
    assert [item["entrypoint"] for item in declared()["deployments"] if ":" in item["entrypoint"]] == []


@pytest.mark.parametrize("name", SCHEDULES)
def test_deployment_runs_when_where_and_how_often_it_should(name: str, deployed: PrefectSide) -> None:
    assert deployed.directory.is_dir()

    found = deployment(name)

    schedules = [item.schedule for item in found.schedules]
    crons = [(item.cron, item.timezone) for item in schedules if isinstance(item, CronSchedule)]
    assert crons == ([] if SCHEDULES[name] is None else [(SCHEDULES[name], "UTC")])
    queue = f"{QUEUE}-control" if name in CONTROL else QUEUE
    assert (found.work_pool_name, found.work_queue_name) == ("proofkeep", queue)
    assert found.global_concurrency_limit is not None
    assert found.global_concurrency_limit.limit == 1
    assert "proofkeep" in found.tags
    assert found.description


@pytest.mark.parametrize("name", SCHEDULES)
def test_runs_of_a_deployment_send_no_telemetry(name: str, deployed: PrefectSide) -> None:
    assert deployed.directory.is_dir()

    assert deployment(name).job_variables == {"env": {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}}


def test_nothing_is_deployed_without_the_hosts_name(prefect: PrefectSide) -> None:
    """Prefect would take the pool's default queue, and any host would back its own tree up under this entry."""
    nameless = {name: value for name, value in prefect.environment.items() if name != "PROOFKEEP_HOST"}

    refused = replace(prefect, environment=nameless).command("prefect", "--no-prompt", "deploy", "--all")

    assert refused.returncode != 0
    assert "PROOFKEEP_HOST is not set" in " ".join((refused.stdout + refused.stderr).split())
    assert "successfully created" not in refused.stdout
