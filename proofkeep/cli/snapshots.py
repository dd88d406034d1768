"""`snapshots`: what is committed, as every enrolled host may know it; opens no data key."""

from proofkeep.cli import findings, shown
from proofkeep.cli.command import Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit
from proofkeep.errors import DamagedError
from proofkeep.snapshots import CommittedSnapshot, list_snapshots


def add(commands: Subparsers) -> Parser:
    """Add the subcommand."""
    parser = add_command(commands, "snapshots", run, "list the committed snapshots, oldest first")
    parser.add_argument("--entry", metavar="NAME", help="only those of this inventory entry")
    return parser


def run(context: Context) -> Exit:
    """List them. Raises `DamagedError` if a record cannot be believed; the others are listed."""
    repository = context.configuration.connect()
    wanted, ours = context.options.entry, context.configuration.entry
    names = {repository.keys.entry_id(name): name for name in (ours, wanted) if name}
    with context.waiting() as progress:
        found, damage = list_snapshots(
            repository, None if wanted is None else repository.keys.entry_id(wanted), progress=progress
        )
    context.report.begin_rows()
    for snapshot in found:
        entry = names.get(snapshot.id.entry)
        context.report.row(_line(snapshot, entry), _document(snapshot, entry))
    lines = findings.as_lines(damage) if found or damage else ["no snapshot is committed"]
    context.report.tell({"snapshots": len(found), "findings": findings.as_documents(damage)}, lines)
    if damage:
        raise DamagedError(f"{len(damage)} snapshot records cannot be believed")
    return Exit.OK


def _document(snapshot: CommittedSnapshot, entry: str | None) -> dict[str, object]:
    facts = snapshot.facts
    return {
        "snapshot": snapshot.id.short,
        "entry": entry,
        "entry_id": snapshot.id.entry.hex(),
        "writer": snapshot.id.writer.hex(),
        "source_at": shown.instant(facts.source_at),
        "expires_at": None if facts.expires_at is None else shown.instant(facts.expires_at),
        "complete": facts.complete,
        "totals": facts.totals,
    }


def _line(snapshot: CommittedSnapshot, entry: str | None) -> str:
    facts = snapshot.facts
    counts = f"{facts.totals.get('files', 0)} files, {shown.size(facts.totals.get('bytes', 0))}"
    parts = (
        snapshot.id.short,
        shown.instant(facts.source_at),
        shown.text(entry or snapshot.id.entry.hex()),
        f"{counts}, {shown.size(facts.totals.get('new_bytes', 0))} new",
        "complete" if facts.complete else f"incomplete: {facts.totals.get('unread', 0)} unread",
        "" if facts.expires_at is None else f"until {shown.instant(facts.expires_at)}",
    )
    return "  ".join(part for part in parts if part)
