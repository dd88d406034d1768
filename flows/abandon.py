"""The flow `abandon`: give up what a run left in this host's spool, and say what that costs."""

from dataclasses import asdict
from functools import partial

from prefect import flow

from blocks import Repository, load_block
from flows.cards import Card, failure_told
from flows.host import claim
from flows.runs import named_by, this_run
from flows.telling import telling
from proofkeep import unfinished
from proofkeep.progress import counted, in_units
from proofkeep.status import snapshot_of
from proofkeep.unfinished import NOT_ASKED, STAYS, GivenUp
from tasks.kinds import Receipt


@flow(name="abandon", flow_run_name=named_by("repository"), **telling())
def abandon(repository: str, run: str) -> Receipt:
    """Give back the spool space of a run that nobody works on; what it had not sent is lost. Needs no key.

    Refused where the repository can be asked and holds the run's snapshot, which a state directory that was put back
    from a copy does not know.

    Args:
        repository: name of a Proofkeep Repository block.
        run: id of the run, as the status names it.
    """
    with failure_told("abandon", repository) as card:
        claim(this_run())
        block = load_block(Repository, repository)
        configuration = block.configuration()
        ask = partial(snapshot_of, lambda: configuration.connect(block.session()))
        given_up = unfinished.abandon(configuration.state, run, ask=ask)
        _say(card, given_up)
        return asdict(given_up)


def _say(card: Card, given_up: GivenUp) -> None:
    if given_up.damaged:
        unknown = "was gone or could not be read; the run's folder is emptied, and what it held is not known"
        rows = {"journal": unknown, "free again": in_units(given_up.freed)}
        card.say(f"Run {given_up.run} given up", rows, [], "what it held is not known")
        return
    rows = {
        "entry": given_up.entry or "not known",
        "lost": f"{counted(given_up.packs, 'pack')}, {in_units(given_up.bytes)}; the source must be read again",
        "a snapshot that only had to be sent": "lost" if given_up.ended else "there was none",
        "kept": f"{counted(given_up.kept, 'pack')} had arrived, the entry's next run counts on them",
        "sent and never proven": f"{counted(given_up.unproven, 'pack')}: {STAYS}; the status lists them",
        "free again": in_units(given_up.freed),
    }
    if given_up.doubtful:
        rows["not asked"] = NOT_ASKED
    card.say(f"Run {given_up.run} given up", rows, [], f"{counted(given_up.packs, 'pack')} lost")
