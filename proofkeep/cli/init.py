"""`init`: probe both stores and create a repository in them."""

import time
from dataclasses import asdict

from proofkeep.cli.command import Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit
from proofkeep.cli.report import table
from proofkeep.model import Capabilities
from proofkeep.repository.create import create


def add(commands: Subparsers) -> Parser:
    """Add the subcommand."""
    return add_command(commands, "init", run, "create a repository in the configured store and ledger")


def run(context: Context) -> Exit:
    """Create it; raises as `proofkeep.repository.create.create`."""
    configuration = context.configuration
    recipients = [provider.recipient for provider in configuration.key_providers()]
    store, ledger = configuration.open_stores()
    repository = create(store, ledger, configuration.open_host_secret(), recipients, now_ns=time.time_ns())
    descriptor = repository.descriptor
    shared = repository.ledger_shares_neighbourhood
    context.report.tell(
        {
            "repository": repository.id.hex(),
            "recipients": list(descriptor.recipients),
            "store": {"place": store.location.place, "capabilities": asdict(descriptor.capabilities)},
            "ledger": {"place": ledger.location.place, "capabilities": asdict(descriptor.ledger_capabilities)},
            "ledger_shares_neighbourhood": shared,
        },
        table(
            [
                ("repository", repository.id.hex()),
                *(("recipient", uri) for uri in descriptor.recipients),
                ("store", f"{store.location.place}: {_told(descriptor.capabilities)}"),
                ("ledger", f"{ledger.location.place}: {_told(descriptor.ledger_capabilities)}"),
                ("apart", "no: store and ledger share a disk, host or account" if shared else "yes"),
            ]
        ),
    )
    return Exit.OK


def _told(capabilities: Capabilities) -> str:
    """What the probe saw, in words."""
    refused = [name.removeprefix("refuses_").replace("_", " ") for name, yes in asdict(capabilities).items() if yes]
    return f"refuses {', '.join(refused)}" if refused else "refuses nothing"
