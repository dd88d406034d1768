"""`backup`: one run from the source to the commit, or on from where an earlier one stopped."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from proofkeep.attempts import BACKUP
from proofkeep.backup import Backup, drive
from proofkeep.backup.commit import CommitReceipt
from proofkeep.cli import findings, shown
from proofkeep.cli.command import Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit
from proofkeep.cli.pinging import pinging
from proofkeep.cli.report import table
from proofkeep.configuration import read_before
from proofkeep.errors import PartialSnapshotError, ProofkeepError, UsageError
from proofkeep.state import run_id


def add(commands: Subparsers) -> Parser:
    """Add the subcommand."""
    parser = add_command(commands, "backup", pinging("backup", run), "back up the configured source")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--run", metavar="ID", type=str, help="the run's id, 32 hex digits (default: random)")
    which.add_argument("--resume", metavar="RUN", help="go on with a run of this host that has not ended")
    parser.add_argument("--allow-empty", action="store_true", help="the source may hold nothing")
    parser.add_argument(
        "--known-ahead",
        metavar="HEAD",
        action="append",
        default=[],
        help="a ledger entry that is known to be from the future",
    )
    return parser


def run(context: Context) -> Exit:
    """Run it.

    Raises:
        PartialSnapshotError: committed, but something could not be read; the report names it.
        ProofkeepError: as `proofkeep.backup.drive`.
    """
    configuration, options = context.configuration, context.options
    run = _run_id(options.run, options.resume, configuration.state)
    name = configuration.identity(run).entry
    with configuration.recorded(BACKUP, [name], run.hex()) as recording:
        receipt, backup, travelled, partial = _back_up(context, run, recording.known)
        recording.source_at, recording.failure = receipt.source_at, partial
    note = receipt.source_at and read_before(configuration, run.hex(), receipt.source_at)
    _tell(context, receipt, backup, travelled, note or None)
    if partial is not None:
        raise partial
    return Exit.OK


def _back_up(
    context: Context, run: bytes, damaged: Sequence[str]
) -> tuple[CommitReceipt, Backup, dict[str, Any], PartialSnapshotError | None]:
    """The receipt, the backup that is closed again, how its packs travelled, and what it could not read."""
    configuration, options = context.configuration, context.options
    source = configuration.open_source()
    repository = configuration.connect()
    state = configuration.open_state(repository)
    identity = configuration.identity(run)
    providers = configuration.key_providers()
    knobs = configuration.options(
        now_ns=time.time_ns(), allow_empty=options.allow_empty, known_ahead=options.known_ahead
    )
    context.report.tell({"run": identity.run.hex()})
    if not options.quiet:
        sys.stderr.write(f"run {identity.run.hex()}\n")
    with (
        context.progress() as progress,
        Backup(
            repository,
            state,
            source,
            providers,
            identity,
            replace(knobs, damaged=tuple(damaged)),
            cancelled=context.interruption.cancelled,
            progress=progress,
        ) as backup,
    ):
        receipt, partial = _drive(context, backup)
        return receipt, backup, _travelled(backup), partial


def _run_id(new: str | None, resumed: str | None, state: Path) -> bytes:
    if resumed is None:
        return os.urandom(16) if new is None else run_id(new)
    run = run_id(resumed)
    if not any(state.glob(f"*/runs/{run.hex()}")):
        raise UsageError(f"run {run.hex()} has no journal on this host")
    return run


def _drive(context: Context, backup: Backup) -> tuple[CommitReceipt, PartialSnapshotError | None]:
    try:
        with context.interruption.listening():
            return drive(backup, wait=context.interruption.wait), None
    except PartialSnapshotError as partial:
        return backup.commit(), partial  # it is committed: this only returns the receipt
    except ProofkeepError:
        context.report.advise(f"Go on with `proofkeep backup --resume {backup.identity.run.hex()}`.")
        raise


def _travelled(backup: Backup) -> dict[str, Any]:
    """How this run's packs went, and how their arrival was proven."""
    ways, stored = set(), 0
    # Ledger entry and record travel even where no pack was new.
    sessions = {each.tls for each in (backup.repository.store, backup.repository.ledger_store) if each.tls is not None}
    for pack in backup.journal.packs():
        stored += pack.size
        if pack.sent is not None and pack.sent.tls is not None:
            sessions.add(pack.sent.tls)
        if pack.verified is not None:
            ways.add(pack.verified.by)
    return {
        "stored": stored,
        "tls": [asdict(session) for session in sorted(sessions, key=str)],
        "verified_by": sorted(ways),
    }


def _tell(
    context: Context, receipt: CommitReceipt, backup: Backup, travelled: dict[str, Any], note: str | None
) -> None:
    totals = receipt.totals
    document = {
        "run": backup.identity.run.hex(),
        "snapshot": receipt.snapshot,
        "entry": backup.identity.entry,
        "entry_id": receipt.entry,
        "writer": receipt.writer,
        "complete": receipt.complete,
        "totals": totals,
        "packs": receipt.packs,
        "head": receipt.head,
        "ledger_shares_neighbourhood": receipt.ledger_shares_neighbourhood,
        "clock_checked": receipt.clock_checked,
        "note": note,
        **travelled,
        "adopted": [asdict(each) for each in backup.adopted],
        "unread": findings.as_documents(backup.unread),
        "findings": findings.as_documents(backup.findings),
    }
    sessions = ", ".join(f"{each['version']} {each['cipher']}" for each in travelled["tls"])
    rows = [
        ("snapshot", receipt.snapshot + ("" if receipt.complete else " (incomplete)")),
        ("files", f"{totals['files']}, {totals['unchanged_files']} of them unchanged"),
        ("size", shown.size(totals["bytes"])),
        ("new", f"{shown.size(totals['new_bytes'])}, stored as {shown.size(travelled['stored'])}"),
        ("packs", f"{receipt.packs}, verified by {', '.join(travelled['verified_by']) or 'nothing: none was new'}"),
        *(("adopted", f"{each.packs} packs, {shown.size(each.bytes)}, of run {each.run}") for each in backup.adopted),
        ("tls", sessions or "none: nothing travelled over a network"),
        ("clock", "checked" if receipt.clock_checked else "not checked: nobody told another time"),
        (
            "apart",
            "no: store and ledger share a disk, host or account" if receipt.ledger_shares_neighbourhood else "yes",
        ),
        ("head", receipt.head),
        *([("note", note)] if note else []),
    ]
    unread = (f"unread  {line}" for line in findings.as_lines(backup.unread))
    found = (f"finding  {line}" for line in findings.as_lines(backup.findings))
    context.report.tell(document, [*table(rows), *unread, *found])
