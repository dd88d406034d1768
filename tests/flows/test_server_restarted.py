"""The Prefect server, or PostgreSQL below it, dies in the middle of a backup and comes back: soon, or too late."""

import json
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prefect.client.schemas.objects import FlowRun

from flows.limits import repository_limit
from flows.patience import LEASE_SECONDS
from flows.reconcile import reconcile
from flows.status import status
from infra.servers.postgres import PostgresCluster
from infra.servers.prefect_server import PrefectServer
from infra.servers.process import ServerProcess
from proofkeep.errors import ServerUnavailableError
from tests.faults.left import assert_listed_and_removable, assert_nothing_left
from tests.flows.aftermath import (
    assert_nothing_was_sealed_or_sent_twice,
    assert_restored,
    committed,
    run_with_two_packs_sent,
    visible,
)
from tests.flows.conftest import QUEUE, PrefectSide, deploy, pointed_at
from tests.flows.gatekeeper import Gatekeeper
from tests.flows.house import ENTRY, House
from tests.flows.killable import Fuse
from tests.flows.killing import KILLABLE, deploy_killable, process_of
from tests.flows.running import (
    artifacts,
    ask_for_retry,
    client,
    deployment_run,
    ended,
    limit_to_one,
    message,
    run_here,
    taken,
    verdict,
)
from tests.flows.test_crashes import attempts
from tests.flows.test_reconcile import NO_TIME
from tests.flows.worker import Worker
from tests.servers.pki import Pki
from tests.steps import KINDS, unwatched
from tests.waiting import until

BLOWS = {"server": signal.SIGKILL, "database": signal.SIGQUIT}
"""SIGQUIT is PostgreSQL's immediate shutdown: no checkpoint, no goodbye to its clients."""

pytestmark = pytest.mark.requires("setpriv")

TAGS = ("proofkeep-upload", "proofkeep-verify", "proofkeep-commit")


@dataclass(frozen=True)
class Installation:
    """A server of one test's own, on a PostgreSQL of its own, with a worker."""

    parts: dict[str, ServerProcess]
    side: PrefectSide
    worker: Worker
    fuse: Fuse

    def strike(self, part: str) -> None:
        """End a part as a crash does."""
        process = self.parts[part]
        os.kill(process.pid, BLOWS[part])
        process.stop()

    def lease_seconds(self, run: FlowRun) -> float:
        """How long the slot of the run's deployment is still leased."""
        with client() as api:
            state = api.read_flow_run(run.id).state
        assert state is not None
        name = f"{state.state_details.deployment_concurrency_lease_id}.json"
        lease = self.side.directory / "concurrency_leases" / name
        expiration = datetime.fromisoformat(json.loads(lease.read_text())["expiration"])
        return (expiration - datetime.now(UTC)).total_seconds()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> Iterator[Installation]:
    """What these tests strike and start again; flows of this process return to the session's server behind them."""
    logs = tmp_path_factory.mktemp("own")
    place = Path(tempfile.mkdtemp(prefix="proofkeep-", dir="/var/tmp"))
    place.chmod(0o711)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, place)
        cluster = PostgresCluster(place / "pg", logs / "postgres.log", ("fsync=off",)).start()
        stack.callback(cluster.stop)
        server = PrefectServer(logs / "prefect", ca_path=pki.ca_path, database_url=cluster.url).start()
        stack.callback(server.stop)
        side = deploy(stack.enter_context(pointed_at(server)))
        with client() as api:
            for tag in TAGS:
                api.create_concurrency_limit(tag=tag, concurrency_limit=2)
        worker = Worker(QUEUE, side.directory, side.worker_log, side.environment)
        worker.ensure()
        stack.callback(worker.stop)
        parts = {"server": server.process, "database": cluster.process}
        yield Installation(parts, side, worker, deploy_killable(side.directory))


@pytest.fixture
def prefect(own: Installation) -> PrefectSide:
    """In place of the session's server: where this test's house has its blocks."""
    return own.side


@pytest.mark.parametrize("part", ["server", "database"])
def test_run_goes_on_while_its_server_is_away_and_is_shown_completed_when_it_is_back(
    part: str, own: Installation, s3_house: House, gate: Gatekeeper
) -> None:
    s3_house.fill(6)
    limit_to_one(s3_house.name)
    run = run_with_two_packs_sent(
        s3_house, gate, own.side, sealed=lambda run: bool(own.side.told(run, "stream-sealed"))
    )
    until(lambda: own.lease_seconds(run) > LEASE_SECONDS / 2, "a restart does not outlast the lease")

    own.strike(part)
    gate.open()
    until(lambda: len(own.side.told(run, "pack-sent")) > 2, "packs travel with nobody to tell")
    own.parts[part].start()
    assert_went_on(own, s3_house, gate, run)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("step", sorted(KINDS))
@pytest.mark.parametrize("part", ["server", "database"])
def test_run_goes_on_where_its_server_dies_at_any_kind_of_step(
    part: str, step: str, own: Installation, s3_house: House, gate: Gatekeeper
) -> None:
    s3_house.fill(3)
    limit_to_one(s3_house.name)
    own.fuse.set(step, {own.parts[part].pid: BLOWS[part]})
    run = deployment_run(s3_house.parameters(), KILLABLE)
    until(lambda: not own.fuse.is_set, "the run has come to the step")
    own.parts[part].stop()
    own.parts[part].start()
    assert_went_on(own, s3_house, gate, run)
    assert unwatched(own.fuse.steps()) == []


def assert_went_on(own: Installation, house: House, gate: Gatekeeper, run: FlowRun) -> None:
    """In its first attempt, to a snapshot that restores bit for bit, with nothing done twice and every slot free."""
    run = ended(run.id)
    until(lambda: taken(repository_limit(house.name), *(f"tag:{tag}" for tag in TAGS)) == 0, "no slot stays taken")

    assert run.state_name == "Completed", message(run)
    assert run.run_count == 1
    assert visible(house) == [run.id.bytes]
    assert_nothing_was_sealed_or_sent_twice(house, run, gate, own.side)
    assert_nothing_left(house.state)
    assert_restored(house)


@pytest.mark.soak  # minutes, as below
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", ["server", "database"])
def test_run_whose_server_is_back_too_late_fails_with_a_card_that_says_so_and_its_retry_sends_nothing_twice(
    part: str, own: Installation, s3_house: House, gate: Gatekeeper
) -> None:
    s3_house.fill(6)
    run = run_with_two_packs_sent(
        s3_house,
        gate,
        own.side,
        sealed=lambda run: bool(own.side.told(run, "stream-sealed")),
        environment={"PREFECT_CLIENT_MAX_RETRIES": "4"},  # half a minute, and another one for the server to be back
    )

    own.strike(part)
    went = datetime.now(UTC)
    gate.open()
    code = ServerUnavailableError.code
    until(lambda: (run.id.hex, code) in attempts(s3_house), "the run has given up", seconds=300)  # question by question
    own.parts[part].start()
    failed = ended(run.id)
    card = artifacts(run.id)["markdown"]
    seen = run_here(status, {"repository": s3_house.name})
    ask_for_retry(run)
    ends = committed(s3_house, run)

    assert failed.state_name == "Failed"
    assert f"[{code}]" in message(failed)
    assert "**unreachable prefect server** (`server-unavailable`" in card
    first, last = map(datetime.fromisoformat, re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", since_of(card))[:2])
    assert first <= went < last
    assert verdict(seen) == f"{ENTRY}: overdue, {code}"
    assert {name for name, _ in ends} == {"upload", "verify", "commit"}
    assert_nothing_was_sealed_or_sent_twice(s3_house, run, gate, own.side)


def since_of(card: str) -> str:
    """What a card says of when it began."""
    (said,) = re.findall(r"^\| since \| (.*) \|$", card, re.MULTILINE)
    return str(said)


@pytest.mark.soak  # minutes: the run gives up only when all patience is spent
def test_run_whose_server_stays_away_ends_crashed_and_its_retry_sends_nothing_twice(
    own: Installation, s3_house: House, gate: Gatekeeper
) -> None:
    s3_house.fill(6)
    run = run_with_two_packs_sent(
        s3_house,
        gate,
        own.side,
        sealed=lambda run: bool(own.side.told(run, "stream-sealed")),
        environment={"PREFECT_CLIENT_MAX_RETRIES": "1"},  # gives up sooner than its worker does
    )
    process = process_of(run)

    own.strike("server")
    gate.open()
    until(process.is_dead, "the run has given up")
    own.parts["server"].start()
    crashed = ended(run.id)
    until(lambda: own.worker.says("flow_runs.worker", str(run.id), "as crashed"), "the worker is done with the run")
    reconcile(settled=NO_TIME)  # its timer; the worker may have given up too
    told = message(ended(run.id))
    before = visible(s3_house)
    assert_listed_and_removable(s3_house.state, run.id.bytes)
    ask_for_retry(run)
    ends = committed(s3_house, run)

    assert crashed.state_name == "Crashed"
    assert "[server-unavailable]" in told
    assert before == []
    assert {name for name, _ in ends} == {"upload", "verify", "commit"}
    assert_nothing_was_sealed_or_sent_twice(s3_house, run, gate, own.side)
