"""`drill`: restore a sample nobody picked, prove it, show that attacks are refused, and leave evidence."""

import os
import time
from datetime import UTC, datetime

from proofkeep.attempts import DRILL, Recording
from proofkeep.cli import findings, shown
from proofkeep.cli.command import Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit
from proofkeep.cli.pinging import pinging
from proofkeep.cli.report import table
from proofkeep.configuration import environment
from proofkeep.drill import DrillReport, evidence_file, load_evidence, run_drill
from proofkeep.drill.evidence import summarize
from proofkeep.drill.plan import Live, Places, Plan
from proofkeep.errors import DrillFailedError
from proofkeep.state import RepositoryState


def add(commands: Subparsers) -> Parser:
    """Add the subcommand."""
    parser = add_command(
        commands, "drill", pinging("drill", run), "restore a random sample for proof, with evidence (restore role)"
    )
    parser.add_argument("--id", help="names drill and evidence (default: made from the time)")
    parser.add_argument("--entry", action="append", default=[], metavar="NAME", help="only this entry; may be repeated")
    parser.add_argument("--surprise", action="store_true", help="say in the evidence that it was not announced")
    parser.add_argument("--no-live", action="store_true", help="do not spot-check the source of this host")
    return parser


def run(context: Context) -> Exit:
    """Drill.

    Raises:
        DrillFailedError: something was not proven; the report and the evidence say what.
        UsageError: it cannot be done as said.
    """
    configuration, options = context.configuration, context.options
    places = configuration.drill_places()
    plan = configuration.drill_plan(options.id or _new_id(), entries=options.entry, surprise=options.surprise)
    plan.check()  # before anything is remembered under its id
    failed = None
    with configuration.recorded(DRILL, plan.entries, plan.id) as recording:
        try:
            _drill(context, plan, places, recording)
        except DrillFailedError as error:
            failed = recording.failure = error
    file = evidence_file(places.evidence, plan.id)
    _tell(context, summarize(load_evidence(file), str(file.parent)))
    if failed is not None:
        raise failed
    return Exit.OK


def _drill(context: Context, plan: Plan, places: Places, recording: Recording) -> None:
    configuration = context.configuration

    def remember(report: DrillReport) -> None:
        recording.find(report.damaged)
        recording.sound, recording.note = report.sound, report.note

    repository = configuration.connect()
    state = configuration.open_state(repository)
    with context.progress() as progress, context.interruption.listening():
        run_drill(
            repository,
            state,
            configuration.key_providers(),
            plan,
            environment(),
            places,
            live=_live(context, state),
            known=recording.known,
            on_found=recording.find,
            on_report=remember,
            progress=progress,
            cancelled=context.interruption.cancelled,
        )


def _new_id() -> str:
    now = datetime.fromtimestamp(time.time(), UTC)
    return f"{now:%Y%m%dt%H%M%Sz}-{os.urandom(2).hex()}"


def _live(context: Context, state: RepositoryState) -> list[Live]:
    live = None if context.options.no_live else context.configuration.live(state)
    wanted = context.options.entry
    return [live] if live is not None and (not wanted or live.entry in wanted) else []


def _tell(context: Context, report: DrillReport) -> None:
    document = {
        "id": report.id,
        "passed": report.passed,
        "verdict": report.verdict,
        "evidence": report.evidence,
        "files": report.files,
        "bytes": report.bytes,
        "seconds": report.seconds,
        "scratch": report.scratch,
        "strata": report.strata,
        "population": report.population,
        "compared_live": report.compared_live,
        "refusals": report.refusals,
        "objectives": report.objectives,
        "findings": findings.as_documents(report.findings),
    }
    rows = [
        ("drill", report.id),
        ("result", report.verdict),
        (
            "restored",
            f"{report.files} files, {shown.size(report.bytes)}, in {report.seconds:.1f} s, to {report.scratch}",
        ),
        ("drawn from", f"{report.population} files in {report.strata} strata"),
        ("live source", f"{report.compared_live} files equal"),
        ("attacks", f"{report.refusals} refused"),
        *(("objective", f"{name}: {result}") for name, result in report.objectives.items()),
        *(("finding", line) for line in findings.as_lines(report.findings)),
        ("evidence", shown.text(report.evidence)),
    ]
    context.report.tell(document, table(rows))
