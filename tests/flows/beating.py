"""A flow that goes on until its process is killed: `python -m tests.flows.beating RUN`."""

import sys
import threading
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow


@flow
def beating() -> None:
    threading.Event().wait()


def main(run: str) -> None:
    with get_client(sync_client=True) as client:
        flow_run = client.read_flow_run(UUID(run))
    run_flow(beating, flow_run=flow_run)


if __name__ == "__main__":
    main(*sys.argv[1:])
