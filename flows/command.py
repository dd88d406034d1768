"""`proofkeep reconcile`: the command line finds it by the entry-point group `proofkeep.commands`.

Imports Prefect only when it runs, which takes seconds; the other commands need none of it.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from proofkeep.cli.command import Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit
from proofkeep.cli.report import table

if TYPE_CHECKING:
    from flows.reconcile import Reconciled


def add(commands: Subparsers) -> Parser:
    """Add the subcommand."""
    summary = "let Prefect retry runs whose process on this host is gone, each with its card"
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
    crashed, told = map(_documents, (done.crashed, done.told))
    rows = [(str(run.id), f"{run.name}: {_words(run)}, set Crashed") for run in done.crashed]
    rows += [(str(run.id), f"{run.name}: {_words(run)}, {run.state}, leads to its card now") for run in done.told]
    context.report.tell({"crashed": crashed, "told": told}, table(rows) or ["nothing to reconcile"])
    return Exit.OK


def _documents(runs: "Sequence[Reconciled]") -> list[dict[str, Any]]:
    return [
        {
            "flow_run": str(run.id),
            "name": run.name,
            "pid": run.process.pid if run.process else None,
            "task_runs": run.task_runs,
        }
        for run in runs
    ]


def _words(run: "Reconciled") -> str:
    return f"process {run.process.pid} is gone" if run.process else "no process had begun"
