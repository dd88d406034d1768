"""What every subcommand shares: its common options, and the context it runs in."""

import argparse
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from proofkeep import ports
from proofkeep.cli.exits import Exit
from proofkeep.cli.interruption import Interruption
from proofkeep.cli.progress import Patient, shown_progress
from proofkeep.cli.report import Report
from proofkeep.configuration import Configuration, load
from proofkeep.errors import UsageError

CONFIG_VARIABLE = "PROOFKEEP_CONFIG"
LOG_VARIABLE = "PROOFKEEP_LOG"
DEFAULT_CONFIG = "proofkeep.toml"
_LOGS = ("json", "none")

SNAPSHOT_HELP = "`latest`, or an id: `<run>.<generation>`, a run's newest by its id alone, or enough first digits"

Subparsers: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001 - what add_subparsers returns has no other name


class _Help(argparse.HelpFormatter):
    """Lets what stands beside a command or option begin in one column."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=36)
        self._action_max_length = 20


class Parser(argparse.ArgumentParser):
    """Refuses with our own error instead of printing and exiting."""

    def __init__(self, **how: Any) -> None:
        super().__init__(formatter_class=_Help, allow_abbrev=False, **how)

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

    def progress(self, total_bytes: int | None = None) -> AbstractContextManager[ports.Progress]:
        """Bars, lines or nothing, as terminal and options have it."""
        return shown_progress(quiet=self.options.quiet, total_bytes=total_bytes)

    def waiting(self) -> Patient:
        """As `progress`, for what is mostly over at once."""
        return Patient(self.progress)


Run = Callable[[Context], Exit]


def add_command(commands: Subparsers, name: str, run: Run, summary: str, *, configured: bool = True) -> Parser:
    """Add a subcommand with the options that all share.

    Args:
        run: raises `ProofkeepError`, or returns how it ended.
        configured: whether it reads a configuration file.
    """
    parser = commands.add_parser(name, help=summary, description=_sentence(summary))
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
        type=_log,
        metavar="{json,none}",
        default=os.environ.get(LOG_VARIABLE) or "none",
        help=f"write events to standard error as JSON lines (default: ${LOG_VARIABLE}, or none)",
    )
    return parser


def add_group(commands: Subparsers, name: str, summary: str) -> Parser:
    """Add a subcommand that only holds others."""
    return commands.add_parser(name, help=summary, description=_sentence(summary))


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."


def _log(said: str) -> str:
    """A type, since argparse compares what an option defaults to with no choices."""
    if said not in _LOGS:
        raise argparse.ArgumentTypeError(f"{said!r} is neither {' nor '.join(_LOGS)}")
    return said
