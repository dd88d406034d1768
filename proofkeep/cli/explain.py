"""`explain`: which files keyed ids stand for, found by walking the source on its own host; opens no data key."""

from proofkeep.cli import shown
from proofkeep.cli.command import Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit
from proofkeep.errors import CancelledError, PolicyError, SourceChangedError, UsageError
from proofkeep.ports import Progress
from proofkeep.repository import Repository
from proofkeep.snapshots import list_snapshots
from proofkeep.state import run_id

_ID_SIZE = 16


def add(commands: Subparsers) -> Parser:
    """Add the subcommand."""
    parser = add_command(commands, "explain", run, "name the files that keyed ids stand for")
    parser.add_argument("run_id", metavar="RUN", help="the run that reported them")
    parser.add_argument("id", metavar="ID", nargs="+", help="keyed file id, 32 hex digits")
    return parser


def run(context: Context) -> Exit:
    """Walk the source and name what is met.

    Raises:
        SourceChangedError: some of the ids are in the source no more.
        PolicyError: the run used other id keys than are in use now.
    """
    wanted = {_path_id(spelled): None for spelled in context.options.id}
    repository = context.configuration.connect()
    with context.waiting() as progress:
        _require_same_ids(repository, run_id(context.options.run_id), progress)
    path_id = repository.keys.ids.path_id
    context.report.begin_rows()
    with context.interruption.listening():
        for node in context.configuration.open_source().walk():
            if context.interruption.cancelled():
                raise CancelledError("walk of the source was interrupted")
            identity = path_id(node.path)
            if identity in wanted:
                name = shown.name(node.path)
                context.report.row(f"{identity.hex()}  {name}", {"id": identity.hex(), "path": name})
                del wanted[identity]
                if not wanted:
                    break
    missing = [identity.hex() for identity in wanted]
    context.report.tell({"missing": missing}, [f"{identity}  not in the source now" for identity in missing])
    if missing:
        raise SourceChangedError(f"{len(missing)} ids stand for nothing that is in the source now")
    return Exit.OK


def _path_id(spelled: str) -> bytes:
    try:
        identity = bytes.fromhex(spelled)
    except ValueError:
        identity = b""
    if len(identity) != _ID_SIZE:
        raise UsageError(f"file id {shown.text(spelled)!r} is not 32 hex digits")
    return identity


def _require_same_ids(repository: Repository, run: bytes, progress: Progress) -> None:
    """A committed run says whose id keys it used; one that never committed used those of now."""
    for snapshot in list_snapshots(repository, progress=progress)[0]:
        if snapshot.id.run == run and snapshot.facts.id_epoch != repository.keys.ids.epoch:
            raise PolicyError(f"run {run.hex()} used the id keys of epoch {snapshot.facts.id_epoch}")
