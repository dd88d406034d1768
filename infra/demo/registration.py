"""The demo's blocks, described as a platform engineer would describe them, and the repository they point at."""

import time
from typing import Any

from blocks import Repository, load_block
from infra.demo.cloud import LEDGER_BUCKET, PACKS_BUCKET, Cloud
from infra.demo.ground import Ground
from infra.demo.origin import Origin
from infra.register_blocks import register_documents, register_types
from proofkeep.configuration import Configuration
from proofkeep.repository.create import create

NAME = "demo"
"""Of the inventory entry and of every block of which there is one."""


def register(cloud: Cloud, ground: Ground) -> Configuration:
    """Register types and blocks at the server; returns what the repository's block configures."""
    place = {"endpoint_url": cloud.url, "region": cloud.region}
    register_types()
    register_documents(
        {
            "tls_policy": {NAME: {"ca_file": cloud.ca_file}},
            "object_store": {
                "packs": {"bucket": PACKS_BUCKET, **place},
                "ledger": {"bucket": LEDGER_BUCKET, **place},
            },
            "ledger": {NAME: {"store": "ledger"}},
            "key_provider": {
                NAME: {
                    "providers": [f"awskms:{cloud.kek}"],
                    "kms_endpoint_url": cloud.url,
                    "kms_region": cloud.region,
                }
            },
            "repository": {
                NAME: {
                    "store": "packs",
                    "ledger": NAME,
                    "keys": NAME,
                    "tls": NAME,
                    "host_secret": f"awskms-mac:{cloud.mac_key}",
                    "state": str(ground.state),
                }
            },
        }
    )
    return load_block(Repository, NAME).configuration()


def register_source(origin: Origin, left_out: tuple[str, ...]) -> None:
    """Register the tree as it is to be backed up next."""
    fields: dict[str, Any] = {"root": str(origin.root), "label": NAME, "exclude": [*origin.excluded, *left_out]}
    register_documents({"source": {NAME: fields}})


def initialise(configuration: Configuration) -> bytes:
    """Create the repository, as `proofkeep init` does; returns its id."""
    recipients = [provider.recipient for provider in configuration.key_providers()]
    store, ledger = configuration.open_stores()
    return create(store, ledger, configuration.open_host_secret(), recipients, now_ns=time.time_ns()).id
