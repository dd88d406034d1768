"""What the card of a failed run says: what failed, since when, why, what is safe, and the next step.

Everything is told from the run, this host's journals and the Prefect server: no store is asked, it may be what failed.
"""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from flows.history import since
from flows.names import in_full, shortened
from flows.next_step import next_step, without_retry
from flows.recovery_point import named_entries, recovery_point
from flows.standing import left_over, lost, safe, state_of, transfers, without_backups
from proofkeep import events
from proofkeep.aftermath import Left
from proofkeep.errors import EntryMovedError, HostLostError, ProofkeepError
from proofkeep.inventory import host_of

PAGES = "PROOFKEEP_PAGES"
"""Environment variable: URL below which the pages of docs/on-call/codes lie; unset, cards name the file."""

_FOLDER = "docs/on-call/codes"

Rows = dict[str, str]


def told_of(
    verb: str,
    subject: str,
    run: FlowRun,
    error: ProofkeepError,
    also: Sequence[ProofkeepError] = (),
    then: str | None = None,
    first: Mapping[str, str] = {},
) -> str:
    """The card below its title, as Markdown.

    Args:
        subject: the inventory entry, repository or snapshot that the verb was about.
        run: the flow run that failed.
        also: further errors of the same run.
        then: the next step, where the error alone does not tell it.
        first: what the table says first.
    """
    rows = {**first, "cause": f"**{error.cause}** (`{error.code}`, page {page(error)})"}
    if others := _others(error, also):
        rows["also"] = shortened(others)
    rows |= _surroundings(verb, subject, run, error)
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return (
        f"`{error.code}`: {shortened(str(error))}\n{in_full(str(error), others)}\n**What to do:** {error.hint}\n\n"
        f"**Then:** {then or next_step(run, error)}\n\n"
        f"| | |\n|---|---|\n{table}\n"
    )


def page(error: ProofkeepError) -> str:
    """Where the code is explained: a link, or the file in the checkout."""
    base = os.environ.get(PAGES)
    return f"[{error.code}]({base.rstrip('/')}/{error.code}.md)" if base else f"`{_FOLDER}/{error.code}.md`"


def _others(error: ProofkeepError, also: Sequence[ProofkeepError]) -> str:
    """Further errors by their codes: how many, and what the first of each said."""
    by_code: dict[str, list[str]] = {}
    for each in also:
        if str(each) != str(error):
            by_code.setdefault(each.code, []).append(str(each))
    return "<br>".join(f"`{code}`, {len(told)} more, the first: {told[0]}" for code, told in by_code.items())


def _surroundings(verb: str, subject: str, run: FlowRun, error: ProofkeepError) -> Rows:
    """What stands around the failure. Trouble in telling it leaves the failure itself told."""
    rows = {"what failed": f"{verb} of {subject}, attempt {max(run.run_count, 1)} of run `{run.id.hex}`"}
    rows["where"] = _where(run, {})
    try:
        with get_client(sync_client=True) as client:
            rows["since"] = since(client, run, subject, error, datetime.now(UTC))
            state = state_of(run)
            left = left_over(client, verb, run, state)
            gone = without_backups(client, run) if isinstance(error, HostLostError) else ""
        rows["where"] = _where(run, left)
        if told := transfers(run, left):
            rows["transfers"] = told
        rows["safe"] = lost(verb, run) if isinstance(error, HostLostError) else safe(verb, run, state, left.values())
        unsent = [each for each, of_run in left.items() if of_run.waiting]
        if unsent and not isinstance(error, EntryMovedError):  # whose next run is another host's
            rows["or else"] = without_retry(run, unsent)
        rows["recovery point"] = recovery_point(verb, run, state, left, error)
        if gone:
            rows["without backups"] = gone
    except (ProofkeepError, httpx.HTTPError, ObjectNotFound, OSError, RuntimeError) as trouble:
        events.emit("card-incomplete", outcome="failure", kind=type(trouble).__name__)
        rows["not told"] = f"the rest of this card could not be found out ({type(trouble).__name__})"
    return rows


def _where(run: FlowRun, left: Mapping[str, Left]) -> str:
    """What the run is about, with the entries of those that it was to send too once they are known, and its queue."""
    names = (
        ("inventory", "inventory "),
        ("entry", "entry "),
        ("source", "source block "),
        ("repository", "repository block "),
        ("snapshot", "snapshot "),
    )
    where = [f"{words}`{run.parameters[name]}`" for name, words in names if isinstance(run.parameters.get(name), str)]
    if "entry" not in run.parameters:
        where += [f"entry `{name}`" for name in named_entries(run, left)]
    if queue := run.work_queue_name:  # the inventory's name of the host, which may call itself otherwise
        of_host = "" if queue == host_of(queue) else f" of host `{host_of(queue)}`"
        where.append(f"work queue `{queue}`{of_host}")
    return ", ".join(where) or "not known"
