"""`proofkeep plan` and `proofkeep apply`: found by the entry-point group `proofkeep.commands`.

Import Prefect only when they run, which takes seconds; the other commands need none of it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from proofkeep.cli.command import Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit

if TYPE_CHECKING:
    from flows.deploying.planning import Plan


def add(commands: Subparsers) -> Parser:
    """Add both subcommands; returns the second."""
    _add(commands, "plan", _plan, "show what a prefect server holds otherwise than an inventory wants")
    return _add(commands, "apply", _apply, "make a prefect server hold what an inventory wants")


def _add(commands: Subparsers, name: str, run: Any, summary: str) -> Parser:
    parser = add_command(commands, name, run, summary, configured=False)
    parser.add_argument("inventory", metavar="INVENTORY", type=Path, help="YAML file")
    parser.add_argument("--allow-empty", action="store_true", help="the inventory may have lost its last entry")
    return parser


def _plan(context: Context) -> Exit:
    """Tell the differences; `Exit.DIFFERENT` if there are any.

    Raises:
        InventoryError, UsageError: as `proofkeep.inventory.load`, `flows.deploying.planning.plan` and `named_server`.
        ServerUnavailableError: as `named_server`.
    """
    made = _planned(context, applying=False)
    _tell(context, made, "would be made")
    return Exit.OK if made.is_empty else Exit.DIFFERENT


def _apply(context: Context) -> Exit:
    """Make it so, and tell what was done.

    Raises:
        InventoryError: a block is missing or contradicts the inventory; nothing was changed.
        UsageError, ServerUnavailableError: as `_plan`.
    """
    _tell(context, _planned(context, applying=True), "made")
    return Exit.OK


def _planned(context: Context, *, applying: bool) -> "Plan":
    from blocks.server import named_server  # noqa: PLC0415 - as the module says
    from flows.deploying.applying import apply  # noqa: PLC0415 - as above
    from flows.deploying.planning import plan  # noqa: PLC0415 - as above
    from proofkeep.inventory import load  # noqa: PLC0415 - as above

    inventory = load(context.options.inventory)
    with named_server() as client:
        made = plan(client, inventory, allow_empty=context.options.allow_empty)
        if applying:
            apply(client, made)
    return made


def _tell(context: Context, made: "Plan", done: str) -> None:
    lines = [line for change in made.changes for line in change.lines()]
    lines += [f"* {note}" for note in made.notes]
    lines += [f"! {misfit}" for misfit in made.misfits]
    document = {
        "inventory": made.inventory.name,
        "changes": [change.document() for change in made.changes],
        "misfits": made.misfits,
        "notes": made.notes,
    }
    context.report.tell(document, lines or [f"nothing {'to be' if done != 'made' else 'had to be'} made"])
