"""The flow `apply_inventory`: the inventory as a form, what follows from it made so, and what it leaves uncovered."""

from datetime import UTC, datetime

from prefect import flow

from blocks.server import named_server
from flows.cards import artifact_key, failure_told, publish
from flows.deploying.applying import apply
from flows.deploying.planning import Plan, plan
from flows.host import claim
from flows.runs import named_by, this_run
from flows.telling import telling
from proofkeep.inventory import Inventory, gaps, render_posture
from proofkeep.progress import counted
from tasks.kinds import Receipt


@flow(name="apply_inventory", flow_run_name=named_by("inventory"), **telling())
def apply_inventory(
    inventory: Inventory,
    only_plan: bool = False,  # noqa: FBT001, FBT002 - a flow's parameters are a form, passed by name
    allow_empty: bool = False,  # noqa: FBT001, FBT002 - as above
) -> Receipt:
    """Make this server hold what follows from an inventory; two cards tell what changed, and what lacks.

    Args:
        inventory: what is backed up, where, how, how long.
        only_plan: whether to tell what would change, and change nothing.
        allow_empty: whether an inventory without any entry is meant, where it had some before.
    """
    with failure_told("apply", inventory.name):
        claim(this_run())
        found = gaps(inventory, datetime.now(UTC))
        posture = f"Posture of {inventory.name}: {counted(len(found), 'gap')}"
        publish(render_posture(inventory, found), artifact_key("posture", inventory.name), posture)
        with named_server() as client:
            made = plan(client, inventory, allow_empty=allow_empty)
            if not only_plan:
                apply(client, made)
        done = "would be made" if only_plan else "made"
        publish(
            _text(made, done), artifact_key("plan", inventory.name), f"{counted(len(made.changes), 'change')} {done}"
        )
        return {
            "changes": len(made.changes),
            "misfits": len(made.misfits),
            "gaps": len(found),
            "applied": not only_plan,
        }


def _text(made: Plan, done: str) -> str:
    lines = [line for change in made.changes for line in change.lines()]
    parts = [f"# Plan of inventory {made.inventory.name}", "", f"{counted(len(made.changes), 'change')} {done}."]
    if lines:
        parts += ["", "```text", *(line.replace("```", "` ` `") for line in lines), "```"]
    if made.notes:
        parts += ["", "## With it", "", *(f"* {note}" for note in made.notes)]
    if made.misfits:
        parts += ["", "## In the way", "", *(f"* {misfit}" for misfit in made.misfits)]
    return "\n".join([*parts, ""])
