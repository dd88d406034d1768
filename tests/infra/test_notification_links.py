"""What leads from a notification to its run, rendered by Prefect's own templates as the server renders them."""

from uuid import uuid4

import pytest
from prefect.server.events.jinja_filters import all_filters
from prefect.server.schemas.core import Flow
from prefect.server.schemas.responses import FlowRunResponse
from prefect.server.schemas.states import Running
from prefect.server.utilities.user_templates import register_user_template_filters, render_user_template_sync
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

from infra.automations.definitions import Definition, read_definitions
from infra.units import Unit


def named(definition: Definition) -> str:
    return definition.name


@pytest.fixture(scope="module", autouse=True)
def _filters() -> None:
    register_user_template_filters(all_filters)


@pytest.fixture
def run() -> FlowRunResponse:
    return FlowRunResponse(id=uuid4(), flow_id=uuid4(), name="home", labels={}, state=Running())


def last_line(definition: Definition, run: FlowRunResponse) -> str:
    body = render_user_template_sync(definition.body, {"flow": Flow(id=run.flow_id, name="backup"), "flow_run": run})
    return body.splitlines()[-1]


@pytest.mark.parametrize("definition", read_definitions(), ids=named)
def test_notification_of_an_installed_server_ends_in_the_address_of_its_run(
    definition: Definition, run: FlowRunResponse
) -> None:
    installed = Unit.read("proofkeep-server.service").environment
    known = {PREFECT_UI_URL: installed.get("PREFECT_UI_URL"), PREFECT_API_URL: installed.get("PREFECT_API_URL")}

    with temporary_settings(known):
        assert last_line(definition, run) == f"https://backup.example/runs/flow-run/{run.id}"


@pytest.mark.parametrize("definition", read_definitions(), ids=named)
def test_notification_of_a_server_that_knows_no_address_of_its_own_ends_in_the_runs_id(
    definition: Definition, run: FlowRunResponse
) -> None:
    """An environment file that was installed before it said one is kept by who installs anew."""
    with temporary_settings(restore_defaults={PREFECT_UI_URL, PREFECT_API_URL}):
        assert last_line(definition, run) == f"flow run {run.id}"
