"""What every subcommand shares: its common options, and the context it runs in."""

import argparse
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn, TypeAlias

from proofkeep import ports
from proofkeep.cli.exits import Exit
from proofkeep.cli.interruption import Interruption
from proofkeep.cli.progress import shown_progress
from proofkeep.cli.report import Report
from proofkeep.configuration import Configuration, load
from proofkeep.errors import UsageError
from proofkeep.repository import Repository

CONFIG_VARIABLE = "PROOFKEEP_CONFIG"
LOG_VARIABLE = "PROOFKEEP_LOG"
DEFAULT_CONFIG = "proofkeep.toml"

SNAPSHOT_HELP = "`latest`, or an id: `<run>.<generation>`, a run's newest by its id alone, or enough first digits"

Subparsers: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001 - what add_subparsers returns has no other name


class Parser(argparse.ArgumentParser):
    """Refuses with our own error instead of printing and exiting."""

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`."""
        raise UsageError(f"{message}; see `{self.prog} --help`")


@dataclass(frozen=True)
class Context:
    """One command's surroundings.

    Attributes:
        options: what the command line said.
        report: where results go.
    """

    options: argparse.Namespace
    report: Report
    interruption: Interruption

    @cached_property
    def configuration(self) -> Configuration:
        """The configuration file's content. Raises `UsageError`."""
        return load(Path(self.options.config))

    def entry_id(self, repository: Repository) -> bytes | None:
        """Id of the configured inventory entry, whose snapshot `latest` means; None where none is configured."""
        name = self.configuration.entry
        return None if name is None else repository.keys.entry_id(name)

    def progress(self, total_bytes: int | None = None) -> AbstractContextManager[ports.Progress]:
        """Bars, lines or nothing, as terminal and options have it."""
        return shown_progress(quiet=self.options.quiet, total_bytes=total_bytes)


Run = Callable[[Context], Exit]


def add_command(commands: Subparsers, name: str, run: Run, summary: str, *, configured: bool = True) -> Parser:
    """Add a subcommand with the options that all share.

    Args:
        run: raises `ProofkeepError`, or returns how it ended.
        configured: whether it reads a configuration file.
    """
    parser = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    parser.set_defaults(command=run)
    if configured:
        parser.add_argument(
            "--config",
            metavar="FILE",
            default=os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG,
            help=f"configuration file (default: ${CONFIG_VARIABLE}, or {DEFAULT_CONFIG})",
        )
    parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.add_argument(
        "--log",
        choices=["json", "none"],
        default=os.environ.get(LOG_VARIABLE) or "none",
        help=f"write events to standard error as JSON lines (default: ${LOG_VARIABLE}, or none)",
    )
    return parser
