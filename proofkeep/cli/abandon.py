"""`abandon`: give up what a run left in this host's spool; asks the repository, and needs no key and no store."""

from dataclasses import asdict
from functools import partial

from proofkeep.cli import shown
from proofkeep.cli.command import Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit
from proofkeep.status import snapshot_of
from proofkeep.unfinished import NOT_ASKED, STAYS, GivenUp, abandon


def add(commands: Subparsers) -> Parser:
    """Add the subcommand."""
    parser = add_command(commands, "abandon", run, "give up what a run left in the spool of this host")
    parser.add_argument("run", metavar="RUN", help="the run's id, as `proofkeep status` names it")
    return parser


def run(context: Context) -> Exit:
    """Give it up. Raises as `proofkeep.unfinished.abandon`."""
    configuration = context.configuration
    given_up = abandon(configuration.state, context.options.run, ask=partial(snapshot_of, configuration.connect))
    context.report.tell(asdict(given_up), lines(given_up))
    return Exit.OK


def lines(given_up: GivenUp) -> list[str]:
    """What is lost, for people."""
    freed = f"{shown.size(given_up.freed)} of the spool are free again"
    if given_up.damaged:
        return [f"run {given_up.run}: its journal was gone or could not be read, its folder is emptied", freed]
    of = f" of {shown.text(given_up.entry)}" if given_up.entry else ""
    lost = f"lost: {given_up.packs} packs, {shown.size(given_up.bytes)}"
    again = "a snapshot that only had to be sent is lost" if given_up.ended else "the source was not read to its end"
    said = [f"run {given_up.run}{of} is given up", freed, f"{lost}; {again}, the source must be read again"]
    if given_up.unproven:
        said.append(f"{given_up.unproven} of them were sent and not proven: {STAYS}; `proofkeep status` lists them")
    if given_up.doubtful:
        said.append(NOT_ASKED)
    if given_up.kept:
        said.append(f"kept: {given_up.kept} packs had arrived, the entry's next run counts on them")
    return said
