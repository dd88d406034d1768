"""Deletes old flow runs from the Prefect server's database: `python -m infra.database_retention --days 90`.

Evidence, ledger and events lie elsewhere; what goes here is what the UI shows. Kept whatever its age: a run that has
not ended, and of each deployment the newest run and the newest one that completed. Logs and artifacts of what is gone
are removed by the server's own vacuum (`PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED=events,orphans`).
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from blocks.server import named_server
from proofkeep.cli.exits import exit_of
from proofkeep.errors import ProofkeepError

SHORTEST_DAYS = 7
"""Nights enough for somebody to have seen what failed."""

_PAGE = 200


def delete_old_runs(client: SyncPrefectClient, before: datetime) -> int:
    """Delete what ended before that instant and is not kept; returns how many runs that were."""
    kept = set(_newest(client))
    old = [run.id for run in _ended(client, before) if run.id not in kept]
    deleted = 0
    for run_id in old:
        try:
            client.delete_flow_run(run_id)
        except ObjectNotFound:
            continue  # a parent's deletion took it along, or somebody was faster
        deleted += 1
    return deleted


def _newest(client: SyncPrefectClient) -> Iterator[UUID]:
    """Of each deployment: its newest run, and its newest completed one."""
    offset = 0
    while page := client.read_deployments(limit=_PAGE, offset=offset):
        offset += len(page)
        for deployment in page:
            mine = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
            for wanted in (list(TERMINAL_STATES), [StateType.COMPLETED]):
                ended = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=wanted)))
                found = client.read_flow_runs(
                    flow_run_filter=ended, deployment_filter=mine, sort=FlowRunSort.END_TIME_DESC, limit=1
                )
                yield from (run.id for run in found)


def _ended(client: SyncPrefectClient, before: datetime) -> Iterator[FlowRun]:
    chosen = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(TERMINAL_STATES))),
        end_time=FlowRunFilterEndTime(before_=before),  # type: ignore[arg-type] # prefect's DateTime is a datetime
    )
    offset = 0
    while page := client.read_flow_runs(flow_run_filter=chosen, limit=_PAGE, offset=offset):
        offset += len(page)
        yield from page


def main(arguments: Sequence[str]) -> int:
    """Delete, and say how many."""
    parser = argparse.ArgumentParser(prog="database_retention", description="Delete old flow runs from the server.")
    parser.add_argument("--days", type=int, required=True, help=f"age at which a run goes, at least {SHORTEST_DAYS}")
    days = parser.parse_args(arguments).days
    if days < SHORTEST_DAYS:
        parser.error(f"--days {days} is less than {SHORTEST_DAYS}")
    try:
        with named_server() as client:
            count = delete_old_runs(client, datetime.now(UTC) - timedelta(days=days))
    except ProofkeepError as error:
        print(f"database_retention: {error} [{error.code}]", file=sys.stderr)
        return exit_of(error)
    print(f"{count} flow runs older than {days} days deleted")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
