"""`ls`: what a snapshot holds, by name; needs the restore role."""

from contextlib import ExitStack

from proofkeep.cli import findings, shown
from proofkeep.cli.command import SNAPSHOT_HELP, Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit
from proofkeep.cli.paths import in_snapshot
from proofkeep.configuration import opened
from proofkeep.errors import DamagedError, UsageError
from proofkeep.format.manifest import Entry
from proofkeep.snapshots import EVERYTHING, by_path, find_snapshot, read_packs, walk_manifest
from proofkeep.snapshots.walk import open_roots


def add(commands: Subparsers) -> Parser:
    """Add the subcommand."""
    parser = add_command(commands, "ls", run, "list a snapshot's files (restore role)")
    parser.add_argument("snapshot", help=SNAPSHOT_HELP)
    parser.add_argument("path", nargs="?", help="only this path and what lies below it, relative to the source's root")
    return parser


def run(context: Context) -> Exit:
    """List it.

    Raises:
        UsageError: the snapshot holds no such path.
        DamagedError: parts of the manifest do not open, or ledger or index do not hold; the rest is listed.
    """
    options = context.options
    path = None if options.path is None else in_snapshot(options.path)
    count = 0
    with ExitStack() as held:
        with context.waiting() as progress:
            repository = held.enter_context(opened(context.configuration, progress=progress))
            name = context.configuration.entry
            snapshot = find_snapshot(repository.repository, options.snapshot, entry=name, progress=progress)
        damage = list(repository.damage)
        roots = open_roots(repository.repository, repository.data_keys, snapshot)
        context.report.begin_rows()
        selection = EVERYTHING if path is None else by_path([path])
        chunks = repository.chunks.preferring(read_packs(repository.repository, snapshot.id))
        for entry in walk_manifest(chunks, roots, damage.append, selection):
            context.report.row(_line(entry), _document(entry))
            count += 1
    if not count and not damage:
        raise UsageError(f"snapshot {snapshot.id.short} holds nothing at {shown.name(path or b'')}")
    context.report.tell(
        {"snapshot": snapshot.id.short, "entries": count, "findings": findings.as_documents(damage)},
        findings.as_lines(damage),
    )
    if damage:
        raise DamagedError(f"listing of snapshot {snapshot.id.short} has {len(damage)} findings")
    return Exit.OK


def _document(entry: Entry) -> dict[str, object]:
    return {
        "path": shown.name(entry.path),
        "mode": shown.mode(entry.kind, entry.mode),
        "uid": entry.uid,
        "gid": entry.gid,
        "size": entry.size,
        "mtime_ns": entry.mtime_ns,
        "target": shown.name(entry.target) if entry.target else None,
        "unread": entry.unread or None,
    }


def _line(entry: Entry) -> str:
    owner = shown.name(entry.owner) if entry.owner else str(entry.uid)
    group = shown.name(entry.group) if entry.group else str(entry.gid)
    line = f"{shown.mode(entry.kind, entry.mode)}  {owner:<8} {group:<8} {entry.size:>12}"
    line += f"  {shown.instant(entry.mtime_ns)}  {shown.name(entry.path)}"
    if entry.target:
        line += f" -> {shown.name(entry.target)}"
    return f"{line}  [{entry.unread}]" if entry.unread else line
