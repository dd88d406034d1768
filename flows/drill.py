"""The flow `restore_drill`: which step follows which, what a person sees of it, and how it ends."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
from prefect import flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Completed

from blocks import KeyProvider, Repository, Source, load_block
from flows.cards import Card, failure_told
from flows.drill_options import DRILL_DEFAULTS, DrillOptions, LiveSource
from flows.drill_steps import DrillSteps, Step
from flows.host import claim
from flows.lateness import missed_window
from flows.runs import named_by, of_entries, this_run
from flows.scratch import sweep_when_crashed
from flows.telling import telling
from flows.watching import threads
from proofkeep.attempts import DRILL, Recording
from proofkeep.configuration import environment
from proofkeep.drill import (
    Draw,
    Drill,
    DrillReport,
    Live,
    StepFailure,
    load_evidence,
    questions_for,
    render_markdown,
)
from proofkeep.drill.writing import DOCUMENT, SUMS
from proofkeep.pings import pinged
from tasks.boundary import only_our_errors
from tasks.drill import attack, draw, report, restore_sample
from tasks.kinds import Receipt
from tasks.spot_check import SpotCheck, spot_check_elsewhere, spot_check_here

STEPS = 4  # and one for each live source that is asked
SPOT_CHECK_SECONDS = 3600


@flow(
    name="restore_drill",
    flow_run_name=named_by("repository", "entries"),
    task_runner=threads(2),
    **telling(sweep_when_crashed),
)
def restore_drill(
    repository: str,
    keys: str | None = None,
    entries: list[str] | None = None,
    live: list[LiveSource] | None = None,
    drill: str | None = None,
    surprise: bool = False,  # noqa: FBT001, FBT002 - a flow's parameters are a form, passed by name
    options: DrillOptions = DRILL_DEFAULTS,
) -> State[Any]:
    """Restore a sample nobody picked, prove it, and try what must be refused; Failed when anything was not proven.

    The evidence is written however the drill ends; the run's Markdown artifact is rendered from it and names its file.
    Where no regular file is in what was drawn from, it ends Completed and says that nothing was to restore.

    Args:
        repository: name of a Proofkeep Repository block.
        keys: name of a Proofkeep Key Provider block of the restore role; empty uses the repository's.
        entries: names of inventory entries; empty drills every entry.
        live: where live sources can be asked; an entry without one is not spot-checked, and the evidence says so. One
            of which no file was drawn is asked nothing.
        drill: names the drill and its evidence; empty takes the flow run's id. A retry appends its number.
        surprise: whether the drill was not announced.
        options: how it draws and where it works.
    """
    with failure_told("drill", subject := of_entries(repository, entries)) as card:
        claim(run := this_run())
        card.first |= missed_window(run, options.window_seconds)
        block = load_block(Repository, repository)
        configuration = block.configuration()
        with (
            pinged(configuration.pings(), "drill", card.note),
            configuration.recorded(DRILL, entries or [], run.id.hex) as recording,
            only_our_errors("drill"),
        ):
            opened = _Run(block, keys, live or [], options, recording)
            written = opened.drill(drill, entries or [], surprise=surprise)
            ended = msgspec.convert(written, DrillReport)
            _say(card, subject, ended)
            recording.find(ended.damaged)
            recording.sound, recording.note = ended.sound, ended.note
            ended.require_passed()
    return Completed(message=ended.verdict, data=written)


class _Run:
    """One flow run: its blocks opened, its steps in order."""

    def __init__(
        self,
        block: Repository,
        keys: str | None,
        live: list[LiveSource],
        options: DrillOptions,
        recording: Recording,
    ) -> None:
        self._run = this_run()
        self._block = block
        self._live = live
        self._options = options
        self._recording = recording
        self._configuration = self._block.configuration(keys=load_block(KeyProvider, keys) if keys else None)
        self._session = self._block.session()
        self._repository = self._configuration.connect(self._session)
        self._state = self._configuration.open_state(self._repository)
        self._here = {source.entry: self._open(source) for source in live if source.source is not None}
        self._steps = DrillSteps(STEPS + len(live))

    def drill(self, name: str | None, entries: list[str], *, surprise: bool) -> Receipt:
        """Every task run of the drill."""
        with Drill(
            self._repository,
            self._state,
            self._configuration.key_providers(self._session),
            self._options.plan(_drill_id(name, self._run), entries, surprise=surprise),
            self._options.places(self._configuration.drill_places()),
            known=self._recording.known,
            on_found=self._recording.find,
            progress=self._steps.progress,
            cancelled=self._steps.is_cancelled,
        ) as engine:
            written = self._take_all(engine)
        self._steps.progress.finish(f"drill {written['id']}: {written['verdict']}")
        return written

    def _take_all(self, engine: Drill) -> Receipt:
        attempt = self._steps.attempt
        restored, spotted, attacked = None, [], None
        drawn = attempt("draw", lambda: draw.submit(engine))
        if not isinstance(drawn, StepFailure):
            restored = attempt("restore_sample", lambda: restore_sample.submit(engine, drawn))
            spotted = [
                attempt("spot_check", self._asking(source, questions))
                for source in self._live
                if (questions := self._questions(source, drawn))
            ]
            attacked = attempt("attack", lambda: attack.submit(engine, drawn))
        drilling = environment(orchestrator=str(self._run.id))
        parts = (engine, drilling, drawn, restored, spotted, attacked)
        written: Receipt = self._steps.run("report", lambda: report.submit(*parts))
        return written

    def _questions(self, source: LiveSource, drawn: Receipt) -> list[Receipt]:
        """What the live source of an entry is asked: nothing where none of its files was drawn."""
        entry = self._repository.keys.entry_id(source.entry).hex()
        return [asdict(question) for question in questions_for(msgspec.convert(drawn, Draw), entry)]

    def _asking(self, source: LiveSource, questions: list[Receipt]) -> Step:
        """How it is asked."""
        if (deployment := source.deployment) is not None:
            return lambda: spot_check_elsewhere.submit(deployment, questions, SPOT_CHECK_SECONDS)
        check = SpotCheck(
            self._repository,
            self._here[source.entry],
            now_ns=time.time_ns(),
            cancelled=self._steps.is_cancelled,
            progress=self._steps.progress,
        )
        return lambda: spot_check_here.submit(check, questions)

    def _open(self, source: LiveSource) -> Live:
        """A source of this host."""
        block = load_block(Source, str(source.source))
        opened = self._block.configuration(entry=source.entry, source=block).open_source()
        return Live(opened, self._state, source.entry)


def _drill_id(name: str | None, run: FlowRun) -> str:
    """Evidence is never rewritten, so that a retry is a drill of its own."""
    name = name or str(run.id)
    return name if run.run_count <= 1 else f"{name}-{run.run_count}"


def _say(card: Card, subject: str, ended: DrillReport) -> None:
    """The card of a drill: the evidence for people, and where it lies."""
    file = Path(ended.evidence) / DOCUMENT
    text = f"{render_markdown(load_evidence(file))}\n## Evidence\n\n`{file}`, with its sums in `{SUMS}`\n"
    card.write(text, f"Drill of {subject}: {ended.verdict}")
