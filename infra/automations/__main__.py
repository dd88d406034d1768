"""`python -m infra.automations`: create or update the automations of this folder at the server PREFECT_API_URL names.

Who is notified has to be said, nobody is guessed:

    --notify TYPE/NAME    a notification block of the server, such as slack-webhook/on-call; or PROOFKEEP_NOTIFY
    --webhook URL         an https address that gets {"subject", "body"}; made or updated as custom-webhook/proofkeep

A second run changes nothing. An automation that somebody made by hand under another name is left alone.
"""

import argparse
import os
import sys
from pathlib import Path
from uuid import UUID

import prefect.exceptions
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import AutomationCore

from blocks.server import named_server
from infra.automations.definitions import FOLDER, read_definitions
from proofkeep.cli.exits import exit_of
from proofkeep.errors import ProofkeepError, TlsPolicyError, UsageError
from proofkeep.tls.addresses import require_endpoint

NOTIFY_VARIABLE = "PROOFKEEP_NOTIFY"
WEBHOOK = "proofkeep"


def apply(client: SyncPrefectClient, block: UUID, folder: Path = FOLDER) -> dict[str, str]:
    """Make the server's automations what the folder says; what was done with each, by its name.

    Raises:
        UsageError: as `read_definitions` and `Definition.automation`.
    """
    wanted = [definition.automation(block) for definition in read_definitions(folder)]
    done = {}
    for automation in wanted:
        present = next(iter(client.read_automations_by_name(automation.name)), None)
        if present is None:
            client.create_automation(automation)
            done[automation.name] = "created"
        elif _says(present) == _says(automation):
            done[automation.name] = "unchanged"
        else:
            client.update_automation(present.id, automation)
            done[automation.name] = "updated"
    return done


def block_of(client: SyncPrefectClient, notify: str | None, webhook: str | None) -> UUID:
    """The block document that notifies.

    Raises:
        UsageError: none is named, there is none of that name, or the webhook's address is not https.
    """
    if webhook is not None:
        try:
            require_endpoint(webhook)
        except TlsPolicyError as error:
            raise UsageError(str(error)) from None
        block = CustomWebhookNotificationBlock(
            name=WEBHOOK, url=webhook, json_data={"subject": "{{subject}}", "body": "{{body}}"}
        )
        block.save(WEBHOOK, overwrite=True, _sync=True)  # type: ignore[call-arg] # prefect's dispatcher takes _sync
        notify = f"{CustomWebhookNotificationBlock.get_block_type_slug()}/{WEBHOOK}"
    kind, _, name = (notify or "").partition("/")
    if not kind or not name:
        told = f"give --notify TYPE/NAME, --webhook URL or {NOTIFY_VARIABLE}"
        raise UsageError(f"nobody is named who is to be notified: {told}")
    try:
        return client.read_block_document_by_name(name, kind).id
    except prefect.exceptions.ObjectNotFound:
        raise UsageError(f"block {kind}/{name} does not exist at this prefect server") from None


def _says(automation: AutomationCore) -> dict[str, object]:
    """Everything of it that a file decides; sets stay sets, whose order means nothing."""
    return AutomationCore.model_validate(automation.model_dump()).model_dump(exclude={"owner_resource"})


def main(arguments: list[str]) -> int:
    """Apply, and say what was done."""
    parser = argparse.ArgumentParser(prog="python -m infra.automations", description="Create or update automations.")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--notify", metavar="TYPE/NAME", default=os.environ.get(NOTIFY_VARIABLE) or None)
    who.add_argument("--webhook", metavar="URL")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    try:
        with named_server() as client:
            done = apply(client, block_of(client, options.notify, options.webhook), options.folder)
    except ProofkeepError as error:
        print(f"automations: {error} [{error.code}]", file=sys.stderr)
        return exit_of(error)
    for name, what in done.items():
        print(f"automation {name} {what}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
