"""The flow `verify`: what the stores hold against what the ledger says, and what a person sees of it."""

import threading
from typing import Annotated, Any

import msgspec
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from blocks import Repository, load_block
from flows.cards import Card, failure_told
from flows.host import claim
from flows.lateness import WINDOW_SECONDS, Window, missed_window
from flows.mending import to_mend
from flows.progress import RunProgress
from flows.runs import named_by, this_run
from flows.telling import telling
from flows.watching import in_thread, threads, watched
from proofkeep.attempts import VERIFY, Recording
from proofkeep.configuration import Configuration, entry_names
from proofkeep.ledger import Heads, parse_heads
from proofkeep.pace import share_of
from proofkeep.pings import pinged
from proofkeep.progress import counted, in_units
from proofkeep.repository import Repository as Connected
from proofkeep.repository.clock import clock_skew
from proofkeep.verify import VerificationReport
from tasks.boundary import only_our_errors
from tasks.kinds import Receipt
from tasks.verify import Verification, verify_repository

Share = Annotated[float, Field(ge=0.0, le=1.0)]


@flow(
    name="verify",
    flow_run_name=named_by("repository"),
    task_runner=threads(2),
    **telling(),
)
def verify(
    repository: str, read: Share = 0.1, expect_heads: list[str] | None = None, window_seconds: Window = WINDOW_SECONDS
) -> State[Any]:
    """Verify a repository; Failed when anything is wrong, or when nobody would notice an older state put back.

    The latter where no head is known: neither given, nor remembered by this host, which remembers from then on.

    Args:
        repository: name of a Proofkeep Repository block.
        read: share of the packs that is read back and hashed, 0 to 1; drawn anew each time.
        expect_heads: ledger heads from receipts or logs, each `writer:sequence:sha256`.
        window_seconds: how late a run may start before it says so.
    """
    with failure_told("verify", repository) as card:
        claim(run := this_run())
        card.first |= missed_window(run, window_seconds)
        expected = parse_heads(expect_heads or [])
        block = load_block(Repository, repository)
        configuration = block.configuration()
        with (
            pinged(configuration.pings(), "verify", card.note) as ping,
            configuration.recorded(VERIFY, [], run.id.hex) as recording,
            only_our_errors("verify"),
        ):
            connected = configuration.connect(block.session())
            told = _verify(configuration, connected, read, expected, recording)
            report = msgspec.convert(told, VerificationReport)
            recording.sound = report.sound
            ping.counts = {"objects": report.objects, "read": report.read, "findings": len(report.findings)}
            _say(card, repository, report)
            if skew := clock_skew(connected.clocks):
                card.note(f"{skew} [{skew.code}].")
            card.then = to_mend(report.findings, report.affected)
            report.require_pass()
    return Completed(message=report.verdict, data=told)


def _verify(
    configuration: Configuration, connected: Connected, read: float, expected: Heads, recording: Recording
) -> Receipt:
    cancelled = threading.Event()
    progress = RunProgress("reading the ledger")
    verification = Verification(
        connected,
        configuration.open_state(connected),
        expected,
        read,
        recording.known,
        entry_names(configuration, connected),
        on_found=recording.find,
        cancelled=cancelled.is_set,
        progress=progress,
    )

    def show() -> None:
        counts = progress.of("verify")
        if not counts:
            progress.show(
                0.0, f"{counted(progress.of('ledger').get('entries', 0), 'ledger entry', 'ledger entries')} read"
            )
            return
        words = f"{counted(counts.get('objects', 0), 'object')}, {in_units(counts.get('bytes', 0))} read back"
        progress.show(share_of(counts) or 0.0, words + progress.pace("verify"))

    told: Receipt = watched(in_thread(verify_repository.submit(verification)), show, cancelled)
    progress.finish(told["verdict"])
    return told


def _say(card: Card, repository: str, report: VerificationReport) -> None:
    rows = {
        "verdict": f"**{report.verdict}**",
        "freshness": report.freshness,
        "snapshots": f"{report.snapshots:,}, {report.withdrawn:,} withdrawn",
        "objects": f"{report.objects:,}, {in_units(report.bytes)}",
        "named by no ledger": f"{report.unvouched:,}",
        "read back": f"{report.read:,}, {in_units(report.read_bytes)}",
        "ledger": f"{counted(report.entries, 'entry', 'entries')} of {counted(report.writers, 'writer')}",
        "ledger apart": "no, it shares disk, host or account with the packs"
        if report.ledger_shares_neighbourhood
        else "yes",
        "not tested": "; ".join(report.not_tested),
        "heads": "<br>".join(f"`{head}`" for head in report.heads),
    }
    card.say(f"Verify of {repository}", rows, report.findings, report.verdict)
