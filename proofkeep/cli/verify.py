"""`verify`: what the stores hold against what the ledger says; needs host keys only."""

import os
from typing import Any

from proofkeep.attempts import VERIFY
from proofkeep.cli import findings, shown
from proofkeep.cli.command import Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit
from proofkeep.cli.pinging import pinging
from proofkeep.cli.report import table
from proofkeep.configuration import entry_names, opened
from proofkeep.errors import ClockError, UsageError
from proofkeep.ledger import parse_heads
from proofkeep.model import Finding
from proofkeep.repository.clock import clock_skew
from proofkeep.verify import Freshness, VerificationReport, affected_files, verify_here


def add(commands: Subparsers) -> Parser:
    """Add the subcommand."""
    parser = add_command(commands, "verify", pinging("verify", run), "hold the stores against the ledger")
    parser.add_argument(
        "--expect-head",
        metavar="WRITER:SEQ:SHA256",
        action="append",
        default=[],
        help="a ledger head known from a receipt or log; may be repeated",
    )
    read = parser.add_mutually_exclusive_group()
    read.add_argument("--read-all", action="store_true", help="read every object back and hash it")
    read.add_argument("--sample", metavar="N%", help="read this share of the packs back, drawn at random")
    parser.add_argument("--files", action="store_true", help="name the files that damaged packs cost (restore role)")
    return parser


def run(context: Context) -> Exit:
    """Verify.

    Returns:
        `NOT_PROVEN` when nothing is wrong but an older state put back would not have been noticed.

    Raises:
        DamagedError: there are findings.
    """
    options = context.options
    expect = parse_heads(options.expect_head)
    read = 1.0 if options.read_all else _fraction(options.sample)
    with context.configuration.recorded(VERIFY, [], os.urandom(16).hex()) as recording:
        repository = context.configuration.connect()
        state = context.configuration.open_state(repository)
        with context.progress() as progress, context.interruption.listening():
            report = verify_here(
                repository,
                state,
                expect=expect,
                read=read,
                known=recording.known,
                names=entry_names(context.configuration, repository),
                on_found=recording.find,
                cancelled=context.interruption.cancelled,
                progress=progress,
            )
        recording.failure, recording.sound = report.failure, report.sound
    _tell(context, report, clock_skew(repository.clocks))
    if options.files:
        _list_files(context, report.findings)
    report.require_intact()
    return Exit.NOT_PROVEN if report.freshness is Freshness.NOT_PROVABLE else Exit.OK


def _fraction(sample: str | None) -> float:
    if sample is None:
        return 0.0
    try:
        share = float(sample.removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise UsageError(f"sample {shown.text(sample)!r} is no share between 0% and 100%")
    return share


def _list_files(context: Context, damage: list[Finding]) -> None:
    """A row for each file as it is found: there may be as many as files in all snapshots."""
    context.report.begin_rows()
    if not damage:
        return
    with opened(context.configuration) as opening:
        found = affected_files(opening.repository, opening.catalog, opening.chunks, opening.data_keys, damage)
        for snapshot, finding in found:
            (line,), (document,) = findings.as_lines([finding]), findings.as_documents([finding])
            context.report.row(f"file  {snapshot}  {line}", {"snapshot": snapshot} | document)


def _tell(context: Context, report: VerificationReport, skew: ClockError | None) -> None:
    counted: dict[str, Any] = {
        name: getattr(report, name)
        for name in (
            "writers",
            "entries",
            "objects",
            "bytes",
            "read",
            "read_bytes",
            "snapshots",
            "withdrawn",
            "unvouched",
        )
    }
    document = counted | {
        "verdict": report.verdict,
        "freshness": report.freshness.name.lower(),
        "ledger_shares_neighbourhood": report.ledger_shares_neighbourhood,
        "heads": report.heads,
        "clock": None if skew is None else skew.code,
        "not_tested": report.not_tested,
        "findings": findings.as_documents(report.findings),
    }
    rows = [
        ("verdict", report.verdict),
        ("freshness", report.freshness),
        ("snapshots", f"{report.snapshots}, {report.withdrawn} withdrawn"),
        ("objects", f"{report.objects}, {shown.size(report.bytes)}; {report.unvouched} more that no ledger names"),
        ("read back", f"{report.read}, {shown.size(report.read_bytes)}"),
        (
            "apart",
            "no: store and ledger share a disk, host or account" if report.ledger_shares_neighbourhood else "yes",
        ),
        *([("clock", f"{skew} [{skew.code}]")] if skew else []),
        *(("head", head) for head in report.heads),
        *(("not tested", words) for words in report.not_tested),
        *(("finding", line) for line in findings.as_lines(report.findings)),
    ]
    context.report.tell(document, table(rows))
