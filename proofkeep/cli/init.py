"""`init`: probe both stores and create a repository in them."""

import time
from pathlib import Path

from msgspec.structs import asdict

from proofkeep.cli.command import Context, Parser, Subparsers, add_command
from proofkeep.cli.exits import Exit
from proofkeep.cli.report import table
from proofkeep.keys.retention import read_retention_key
from proofkeep.model import Capabilities
from proofkeep.ports import ReadableSecret
from proofkeep.repository.create import create


def add(commands: Subparsers) -> Parser:
    """Add the subcommand."""
    parser = add_command(commands, "init", run, "create a repository in the configured store and ledger")
    parser.add_argument(
        "--retention-key", metavar="FILE", type=Path, help="the retention role's public P-384 key, PEM or DER"
    )
    return parser


def run(context: Context) -> Exit:
    """Create it; raises as `proofkeep.repository.create.create`."""
    configuration, options = context.configuration, context.options
    providers = configuration.key_providers()
    retention_key = None if options.retention_key is None else read_retention_key(options.retention_key)
    store, ledger = configuration.open_stores()
    secret = configuration.open_host_secret()
    repository = create(
        store,
        ledger,
        secret,
        [provider.recipient for provider in providers],
        now_ns=time.time_ns(),
        retention_key=retention_key,
        keep_for=providers,
    )
    descriptor = repository.descriptor
    recoverable = isinstance(secret, ReadableSecret)
    shared = repository.ledger_shares_neighbourhood
    clock_checked = any(place.clock is not None for place in (store, ledger))
    context.report.tell(
        {
            "repository": repository.id.hex(),
            "recipients": list(descriptor.recipients),
            "recoverable": recoverable,
            "store": {"place": store.location.place, "capabilities": asdict(descriptor.capabilities)},
            "ledger": {"place": ledger.location.place, "capabilities": asdict(descriptor.ledger_capabilities)},
            "ledger_shares_neighbourhood": shared,
            "clock_checked": clock_checked,
        },
        table(
            [
                ("repository", repository.id.hex()),
                *(("recipient", uri) for uri in descriptor.recipients),
                ("host secret", "kept wrapped for every recipient" if recoverable else "held by its key service"),
                ("store", f"{store.location.place}: {_told(descriptor.capabilities)}"),
                ("ledger", f"{ledger.location.place}: {_told(descriptor.ledger_capabilities)}"),
                ("apart", "no: store and ledger share a disk, host or account" if shared else "yes"),
                ("clock", "checked" if clock_checked else "not checked: nobody told another time"),
            ]
        ),
    )
    return Exit.OK


def _told(capabilities: Capabilities) -> str:
    """What the probe saw, in words."""
    refused = [name.removeprefix("refuses_").replace("_", " ") for name, yes in asdict(capabilities).items() if yes]
    return f"refuses {', '.join(refused)}" if refused else "refuses nothing"
