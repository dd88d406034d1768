"""`restore`: a snapshot, whole or by path, into a directory that is named when everything in it is verified."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from proofkeep.cli import findings, shown
from proofkeep.cli.command import SNAPSHOT_HELP, Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit
from proofkeep.cli.paths import in_snapshot
from proofkeep.cli.report import table
from proofkeep.configuration import Opened, opened, remembering_damage
from proofkeep.errors import UsageError
from proofkeep.model import Finding

if TYPE_CHECKING:
    from proofkeep.restore import RestoreReport
    from proofkeep.snapshots import CommittedSnapshot, Selection


def add(commands: Subparsers) -> Parser:
    """Add the subcommand."""
    parser = add_command(commands, "restore", run, "restore a snapshot (restore role)")
    parser.add_argument("snapshot", help=SNAPSHOT_HELP)
    parser.add_argument("target", type=Path, help="directory that does not exist yet, or is empty")
    parser.add_argument(
        "--path", action="append", default=[], help="only this path and what lies below; may be repeated"
    )
    parser.add_argument("--devices", action="store_true", help="make device nodes too (root)")
    parser.add_argument("--no-sync", action="store_true", help="do not wait until the disk has what was restored")
    return parser


def run(context: Context) -> Exit:
    """Restore.

    Raises:
        UsageError: a path is not in the snapshot.
        DamagedError: something is not as the source had it; the rest is restored and the report names it.
        ProofkeepError: as `proofkeep.restore.restore`; then nothing is left at the target.
    """
    options = context.options
    paths = [in_snapshot(path) for path in options.path]
    target = context.configuration.open_target(options.target, devices=options.devices, sync=not options.no_sync)
    run = os.urandom(16).hex()
    with remembering_damage(context.configuration, run) as memory, ExitStack() as held:
        with context.waiting() as waiting:
            repository = held.enter_context(opened(context.configuration, unlocking=True, progress=waiting))
            from proofkeep.restore import restore  # noqa: PLC0415 - loaded while the passphrase is worked on
            from proofkeep.snapshots import find_snapshot  # noqa: PLC0415 - as above

            entry = context.configuration.entry
            snapshot = find_snapshot(repository.repository, options.snapshot, entry=entry, progress=waiting)
        selection = _selection(repository, snapshot, paths)
        total = None if paths else snapshot.facts.totals.get("bytes")
        with context.progress(total) as progress, context.interruption.listening():
            report = restore(
                repository.repository,
                repository.chunks,
                repository.data_keys,
                snapshot,
                target,
                selection=selection,
                damage=repository.damage,
                on_found=memory.find,
                cancelled=context.interruption.cancelled,
                progress=progress,
            )
        memory.tell(report)
    _tell(context, report)
    report.require_intact()
    return Exit.OK


def _selection(repository: Opened, snapshot: "CommittedSnapshot", paths: list[bytes]) -> "Selection":
    """Everything, or these paths; each is looked for before the target is touched."""
    from proofkeep.snapshots import EVERYTHING, by_path, read_packs, walk_manifest  # noqa: PLC0415 - as above
    from proofkeep.snapshots.walk import open_roots  # noqa: PLC0415 - as above

    if not paths:
        return EVERYTHING
    roots = open_roots(repository.repository, repository.data_keys, snapshot)
    chunks = repository.chunks.preferring(read_packs(repository.repository, snapshot.id))
    for path in paths:
        damage: list[Finding] = []
        found = next(walk_manifest(chunks, roots, damage.append, by_path([path])), None)
        if found is None and not damage:
            raise UsageError(f"snapshot {snapshot.id.short} holds nothing at {shown.name(path)}")
    return by_path(paths)


def _tell(context: Context, report: "RestoreReport") -> None:
    counts = ("files", "directories", "other", "skipped", "bytes", "read", "owners_unset", "xattrs_unset")
    document = {
        "snapshot": report.snapshot,
        "complete": report.complete,
        "intact": report.intact,
        "synced": not context.options.no_sync,
        **{name: getattr(report, name) for name in counts},
        "findings": findings.as_documents(report.findings),
    }
    rows = [
        ("snapshot", report.snapshot + ("" if report.complete else " (incomplete)")),
        ("target", shown.text(str(context.options.target))),
        ("files", f"{report.files}, {shown.size(report.bytes)}; {shown.size(report.read)} read"),
        ("on disk", "not waited for" if context.options.no_sync else "yes"),
        ("directories", str(report.directories)),
        ("other", f"{report.other}; {report.skipped} sockets and devices left out"),
        ("not set", f"{report.owners_unset} owners, {report.xattrs_unset} extended attributes"),
        *(("finding", line) for line in findings.as_lines(report.findings)),
    ]
    context.report.tell(document, table(rows))
