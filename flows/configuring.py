"""`proofkeep configure`: a host's configuration file from its blocks, so that commands in a terminal do what flows do.

Imports Prefect only when it runs, as `flows.command` does, by which the command line finds it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from proofkeep.cli import shown
from proofkeep.cli.command import Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit
from proofkeep.configuration.writing import spell, write
from proofkeep.errors import UsageError
from proofkeep.state import require_owner

if TYPE_CHECKING:
    from blocks import Repository, Source


def add(commands: Subparsers) -> Parser:
    """Add the subcommand."""
    parser = add_command(commands, "configure", run, "write this host's configuration file from its blocks")
    parser.add_argument("repository", metavar="REPOSITORY", help="name of a Repository block")
    parser.add_argument("--entry", metavar="ENTRY", help="an entry that this host backs up, which `explain` needs")
    parser.add_argument("--source", metavar="BLOCK", help="name of its Source block (default: the entry's name)")
    parser.add_argument("--replace", action="store_true", help="also a file that is not of this repository and entry")
    return parser


def run(context: Context) -> Exit:
    """Write it where every command looks for it; the keys it names are those of the backup role.

    Raises:
        UsageError: a block is missing, or another file is there.
        ServerUnavailableError: the prefect server does not answer.
        StateOwnerError: the state directory is another user's, who would have no use for the file.
    """
    options = context.options
    if options.source and not options.entry:
        raise UsageError("option --source names the block of an --entry, which is not given")
    block, source = _blocks(options.repository, options.source or options.entry)
    require_owner(block.configuration(entry=options.entry, source=source).state)
    of = f"repository {options.repository}" + (f", entry {shown.text(options.entry)}" if options.entry else "")
    origin = f"{of}: written by `proofkeep configure`; change its blocks and write it anew"
    path = Path(options.config).absolute()
    write(path, spell(block.document(entry=options.entry, source=source), origin), replace=options.replace)
    lines = [f"configuration of {of} written to {path}"]
    if block.aws_credentials:
        lines.append(
            f"block aws-credentials/{block.aws_credentials} is not in it: commands use this host's own credentials"
        )
    context.report.tell({"file": str(path), "repository": options.repository, "entry": options.entry}, lines)
    return Exit.OK


def _blocks(repository: str, source: str | None) -> "tuple[Repository, Source | None]":
    from blocks import Repository, Source, load_block  # noqa: PLC0415 - as the module says
    from blocks.server import named_server  # noqa: PLC0415 - as above

    with named_server():
        return load_block(Repository, repository), load_block(Source, source) if source else None
