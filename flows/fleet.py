"""The flow `fleet`: every entry at once, each on a worker of its own host; Failed if any entry is."""

from prefect import flow
from prefect.futures import PrefectFuture

from flows.cards import failure_told
from flows.host import claim
from flows.lateness import SILENCE_SECONDS, WINDOW_SECONDS, Silence, Window, missed_window
from flows.runs import named_by, this_run
from flows.telling import telling
from flows.watching import threads
from proofkeep.errors import EntriesFailedError, ProofkeepError, UsageError
from proofkeep.progress import counted
from tasks.fleet import run_entry
from tasks.kinds import Receipt

AT_ONCE = 64
"""Entries waited for at once; how many run at once on a host its work queue limits."""


@flow(name="fleet", flow_run_name=named_by("inventory"), task_runner=threads(AT_ONCE), **telling())
def fleet(
    inventory: str,
    deployments: list[str],
    window_seconds: Window = WINDOW_SECONDS,
    silence_seconds: Silence = SILENCE_SECONDS,
) -> Receipt:
    """Run every deployment once and wait for all; a retry starts those again that failed, and waits for those at work.

    Cancelling this run cancels those that it started: the server does, which looks for them every 20 s.

    Args:
        inventory: name of the inventory, for the card.
        deployments: `flow/name` of each, as a rule `backup/ENTRY`; one at least.
        window_seconds: how late a run may start before it and the backups it starts say so.
        silence_seconds: how long a queue may be asked for no runs before a backup that waits in it fails.
    """
    with failure_told("fleet", inventory) as card:
        claim(run := this_run())
        card.first |= missed_window(run, window_seconds)
        if not deployments:
            raise UsageError(f"fleet of {inventory} names no deployment: nothing would be backed up")
        futures = {name: run_entry.submit(name, silence_seconds) for name in dict.fromkeys(deployments)}
        told = {name: _told(future) for name, future in futures.items()}
        failed = [name for name, future in futures.items() if not future.state.is_completed()]
        status = f"{len(futures) - len(failed)} of {counted(len(futures), 'entry', 'entries')} backed up"
        card.say(f"Fleet of {inventory}", told, [], status)
        if failed:
            raise EntriesFailedError(
                f"{len(failed)} of {counted(len(futures), 'entry', 'entries')} failed: {', '.join(failed)}"
            )
    return {"entries": len(futures)}


def _told(future: PrefectFuture[Receipt]) -> str:
    """One row of the card."""
    future.wait()
    state = future.state
    if state.is_completed():
        receipt = future.result()
        return f"{receipt['state']} in {receipt['seconds']} s, run `{receipt['run']}`"
    try:
        future.result()
    except ProofkeepError as error:
        return f"**{state.name}**: {_cell(str(error))}"
    except Exception as error:  # noqa: BLE001 - Prefect's own, of a task run that crashed or was cancelled
        return f"**{state.name}**: {type(error).__name__}"
    return f"**{state.name}**"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
