"""Entry point: parse, run one subcommand, and turn however it ends into text, JSON and an exit code."""

import io
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from types import TracebackType
from typing import Any

from proofkeep.cli import logs, streams
from proofkeep.cli.command import Context, Parser
from proofkeep.cli.exits import Exit, exit_of
from proofkeep.cli.interruption import Interruption
from proofkeep.cli.report import Report
from proofkeep.configuration import software
from proofkeep.errors import CancelledError, OutputError, ProofkeepError, UnexpectedError

_COMMANDS = (
    "init",
    "keygen",
    "enrol",
    "backup",
    "resume-transfers",
    "abandon",
    "snapshots",
    "ls",
    "verify",
    "restore",
    "drill",
    "status",
    "explain",
)
_PIPE_CLOSED = 141
_AFTER_A_DEFECT = "Run it once more; if it comes again, report the message with its places in the code."


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run `proofkeep` with these arguments (default: the process's) and return its exit code."""
    said = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error does: a locale must not end a listing
    report = Report(_command_of(said), as_json="--json" in said)
    interruption = Interruption()
    _catch_defects(report)
    try:
        return _run(said, report, interruption)
    except KeyboardInterrupt:
        report.end(interruption.exit, CancelledError("command was interrupted"))
        return interruption.exit
    except BrokenPipeError:
        streams.discard_output()
        return _PIPE_CLOSED
    except OutputError as failed:
        report.complain(failed)
        streams.discard_output()
        return exit_of(failed)


def _run(said: Sequence[str], report: Report, interruption: Interruption) -> int:
    error: ProofkeepError | None = None
    try:
        options = _parser(_command_of(said)).parse_args(said)
        logs.configure(options.log)
        interruption.install()
        code: int = options.command(Context(options, report, interruption))
    except CancelledError as cancelled:
        code, error = interruption.exit, cancelled
    except OutputError:
        raise
    except ProofkeepError as failed:
        code, error = exit_of(failed), failed
    report.end(code, error)
    return code


def _further_commands() -> Iterator[Any]:
    """Subcommands that an orchestrator's side brings where it is installed, such as `reconcile`."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - slower than everything else a command loads

    for point in entry_points(group="proofkeep.commands"):
        try:
            yield point.load()
        except ModuleNotFoundError:
            continue


def _parser(command: str) -> Parser:
    """The parser of one command, of which nothing else is loaded; of all where none of ours is named."""
    codes = ", ".join(f"{code.value} {code.name.lower().replace('_', ' ')}" for code in Exit)
    parser = Parser(prog="proofkeep", description="Backups you can prove.", epilog=f"Exit codes: {codes}.")
    parser.add_argument("--version", action="version", version=software())
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in [command] if command in _COMMANDS else _COMMANDS:
        import_module(f"proofkeep.cli.{name.replace('-', '_')}").add(commands)
    for module in () if command in _COMMANDS else _further_commands():
        module.add(commands)
    return parser


def _command_of(said: Sequence[str]) -> str:
    return next((word for word in said if not word.startswith("-")), "")


def _catch_defects(report: Report) -> None:
    """Show a defect of ours without the values that a traceback's text may hold."""

    def hook(kind: type[BaseException], _: BaseException, trace: TracebackType | None) -> None:
        defect = logs.describe_defect(kind, trace)
        code, message = UnexpectedError.code, f"command met an unexpected {defect['type']}"
        told = {"code": code, "cause": UnexpectedError.cause, "message": message, "hint": _AFTER_A_DEFECT}
        sys.stderr.write(f"proofkeep: {message} [{code}]\nhint: {_AFTER_A_DEFECT}\n")
        sys.stderr.writelines(f"  {place}\n" for place in defect["places"])
        report.close(Exit.ERROR, told | {"retryable": False})

    sys.excepthook = hook
