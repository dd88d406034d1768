"""Three in the morning, as the browser shows it: the failed run, its card, Retry, the run that is green."""

import pytest

from flows.status import status
from infra.browser import opened_browser
from infra.demo.ui import FLOW_RUN
from infra.screenshots import keep
from infra.servers.prefect_server import PrefectServer
from infra.timeline import completed_bars, ends_completed
from tests.architecture.tree import ROOT
from tests.flows.gatekeeper import Gatekeeper
from tests.flows.house import ENTRY, House
from tests.flows.running import artifact_id, deployment_run, ended, message, run_here

pytestmark = [pytest.mark.requires("chromium"), pytest.mark.usefixtures("worker")]

PICTURES = ROOT / ".test-artifacts" / "browser"
"""For a person to look at; `make docs-screenshots` puts them into the docs."""

ARTIFACT = "/v2/artifacts/artifact/"
CARD = (1400, 1180)
TIMELINE = "canvas"
STREAMING = 4


def test_failed_transfer_is_found_understood_and_retried(
    s3_house: House, gate: Gatekeeper, prefect_server: PrefectServer
) -> None:
    s3_house.fill(6)
    gate.refused = frozenset({3})
    run = ended(deployment_run(s3_house.parameters()).id)
    assert run.state_name == "Failed", message(run)
    watched = run_here(status, {"repository": s3_house.name})
    assert watched.state_name == "Attention", message(watched)

    with opened_browser() as browser:
        page = browser.visit(f"{prefect_server.url}{FLOW_RUN}{run.id}")
        page.wait_for_words("Failed", "backup")
        # These overlap in time, so that each has a row of its own; short steps that follow each other may share one.
        streaming = page.wait_for_picture(
            "the streaming steps", lambda seen: completed_bars(seen) >= STREAMING, TIMELINE
        )
        keep(streaming, PICTURES / "failed-run.png")
        made = message(run).rpartition("/")[2]
        card = browser.visit(f"{prefect_server.url}{FLOW_RUN}{run.id}", CARD)
        card.click("Artifacts", "tab")
        card.click_words(f"backup-{ENTRY}")
        card.click(made.partition("-")[0], "link")
        card.wait_for_words("unreachable or overloaded store", "store-unavailable", "What to do", "press Retry")
        keep(card.wait_for_picture("the card", lambda _: True), PICTURES / "failure-card.png")

        shown = browser.visit(f"{prefect_server.url}{ARTIFACT}{artifact_id(watched.id)}", CARD)
        shown.wait_for_words(ENTRY, "store-unavailable")
        keep(shown.wait_for_picture("the status", lambda _: True), PICTURES / "status-attention.png")

        gate.open()
        page.click("Open menu")
        page.click("Retry", "menuitem")
        page.click("Retry")
        page.wait_for_words("Completed", exact=True)
        page = browser.visit(f"{prefect_server.url}{FLOW_RUN}{run.id}")  # drawn anew, with the whole run in its window
        page.wait_for_words("Completed", exact=True)
        # The more steps, the smaller the bars: what ran is asked of the server below, not counted in the picture.
        keep(page.wait_for_picture("the green run", ends_completed, TIMELINE), PICTURES / "retried-run.png")

    assert ended(run.id, attempt=2).state_name == "Completed"
    assert set(gate.packs.values()) == {1}
    watched = run_here(status, {"repository": s3_house.name})
    assert watched.state_name == "Completed", message(watched)
