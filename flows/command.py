"""`proofkeep reconcile`: the command line finds it by the entry-point group `proofkeep.commands`.

Imports Prefect only when it runs, which takes seconds; the other commands need none of it.
"""

import os

from proofkeep.cli.command import Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit
from proofkeep.cli.report import table


def add(commands: Subparsers) -> Parser:
    """Add the subcommand."""
    summary = "let Prefect retry runs whose process on this host is gone"
    return add_command(commands, "reconcile", run, summary, configured=False)


def run(context: Context) -> Exit:
    """Reconcile, and tell which runs were set Crashed; as an event too, where a file is named for the flows' events.

    Raises:
        UsageError, TargetError: as `flows.reconcile.reconcile`.
    """
    from flows import logs  # noqa: PLC0415 - as the module says
    from flows.reconcile import reconcile  # noqa: PLC0415 - as above

    if os.environ.get(logs.EVENT_LOG):
        logs.configure()
    done = reconcile()
    document = [
        {"flow_run": str(run.id), "name": run.name, "pid": run.process.pid, "task_runs": run.task_runs} for run in done
    ]
    rows = [(str(run.id), f"{run.name}: process {run.process.pid} is gone, set Crashed") for run in done]
    context.report.tell({"crashed": document}, table(rows) or ["nothing to reconcile"])
    return Exit.OK
