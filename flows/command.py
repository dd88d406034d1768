"""`proofkeep reconcile`, and beside it `configure`: found by the entry-point group `proofkeep.commands`.

Import Prefect only when they run, which takes seconds; the other commands need none of it.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flows import configuring
from proofkeep.cli.command import Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit
from proofkeep.cli.report import table

if TYPE_CHECKING:
    from flows.apart import Trouble
    from flows.reconcile import Reconciled


def add(commands: Subparsers) -> Parser:
    """Add both subcommands; returns the second."""
    summary = "let Prefect retry runs whose process on this host is gone, each with its card"
    parser = add_command(commands, "reconcile", run, summary, configured=False)
    parser.add_argument("--lost-host", metavar="HOST", help="instead, those of another host, which is lost for good")
    return configuring.add(commands)


def run(context: Context) -> Exit:
    """Reconcile, and tell which runs it ended; as an event too, where a file is named for the flows' events.

    Returns:
        `ATTENTION` when a run could not be handled; the others were.

    Raises:
        UsageError, ServerUnavailableError: as `flows.reconcile.reconcile` and `flows.lost_host.write_off`.
    """
    from flows import logs  # noqa: PLC0415 - as the module says
    from flows.lost_host import write_off  # noqa: PLC0415 - as above
    from flows.reconcile import reconcile  # noqa: PLC0415 - as above

    if os.environ.get(logs.EVENT_LOG):
        logs.configure()
    host = context.options.lost_host
    written_off = None if host is None else write_off(host)
    done = reconcile() if written_off is None else written_off.runs
    crashed, told = map(_documents, (done.crashed, done.told))
    rows = [(str(run.id), f"{run.name}: {_words(run)}, set Crashed") for run in done.crashed]
    rows += [(str(run.id), f"{run.name}: {_words(run)}, {run.state}, leads to its card now") for run in done.told]
    rows += [(str(run.id), f"{run.name}: {run.said}") for run in done.superseded]
    rows += [(str(each.id or "-"), f"{each.name}: {each.error} [{each.error.code}]") for each in done.troubles]
    troubles = [_trouble(each) for each in done.troubles]
    superseded = [{"flow_run": str(run.id), "name": run.name, "by": str(run.by)} for run in done.superseded]
    result: dict[str, Any] = {"crashed": crashed, "told": told, "superseded": superseded, "troubles": troubles}
    if written_off is not None:
        result["ended"] = [{"flow_run": str(run.id), "name": run.name} for run in written_off.ended]
        result["entries"] = written_off.entries
        rows += [(str(run.id), f"{run.name}: had not begun, set Cancelled") for run in written_off.ended]
        rows += [(entry, "nobody backs it up until another host does") for entry in written_off.entries]
    context.report.tell(result, table(rows) or ["nothing to reconcile"])
    for each in done.troubles:
        context.report.complain(each.error)
    return Exit.ATTENTION if done.troubles else Exit.OK


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


def _trouble(trouble: "Trouble") -> dict[str, Any]:
    return {
        "flow_run": str(trouble.id) if trouble.id else None,
        "name": trouble.name,
        "code": trouble.error.code,
        "message": str(trouble.error),
    }


def _words(run: "Reconciled") -> str:
    return f"process {run.process.pid} is gone" if run.process else "no process had begun"
