"""What an inventory says of blocks, held against the blocks themselves: nothing is applied that a block contradicts."""

from collections.abc import Iterator
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import BlockDocument
from prefect.exceptions import ObjectNotFound

from blocks import KeyProvider, Repository, Source
from proofkeep.configuration.duration import DEFAULT_ALLOWED_AGE, parse_duration
from proofkeep.inventory import Inventory
from proofkeep.inventory import Repository as Claimed

_TRANSPORT = {"s3": "tls", "local": "local"}
_DEFAULT_KIND = "s3"


def misfits(client: SyncPrefectClient, inventory: Inventory) -> list[str]:
    """Blocks that are missing, and claims that a block contradicts; no value of a block but names and kinds."""
    return list(dict.fromkeys(_misfits(client, inventory)))


def _misfits(client: SyncPrefectClient, inventory: Inventory) -> Iterator[str]:
    for claimed in inventory.repositories:
        block = _document(client, Repository, claimed.name)
        if block is None:
            yield _missing(Repository, claimed.name)
        else:
            yield from _of_repository(claimed, block)
        for name in filter(None, (claimed.key, claimed.restore_key)):
            if _document(client, KeyProvider, name) is None:
                yield _missing(KeyProvider, name)
    for entry in inventory.entries:
        source = _document(client, Source, entry.source)
        if source is None:
            yield _missing(Source, entry.source)
            continue
        age = str(source.data.get("allowed_age") or DEFAULT_ALLOWED_AGE)
        if parse_duration(age) != parse_duration(entry.allowed_age):
            yield f"entry {entry.name} says allowed_age {entry.allowed_age}, source block {entry.source} says {age}"


def _of_repository(claimed: Claimed, block: BlockDocument) -> Iterator[str]:
    store = block.data.get("store")
    kind = store.get("kind", _DEFAULT_KIND) if isinstance(store, dict) else _DEFAULT_KIND
    if (travels := _TRANSPORT.get(kind)) != claimed.transport:
        yield f"repository {claimed.name} says transport {claimed.transport}, its block says {travels}"
    keys = _referred(block, "keys")
    if keys != claimed.key:
        yield f"repository {claimed.name} says key {claimed.key}, its block says {keys or 'keys without a name'}"


def _document(client: SyncPrefectClient, kind: Any, name: str) -> BlockDocument | None:
    try:
        return client.read_block_document_by_name(name, kind.get_block_type_slug(), include_secrets=False)
    except ObjectNotFound:
        return None


def _referred(block: BlockDocument, field: str) -> str | None:
    """Name of the block that a field of a block refers to."""
    reference = block.block_document_references.get(field, {}).get("block_document", {})
    name = reference.get("name")
    return str(name) if name else None


def _missing(kind: Any, name: str) -> str:
    return f"block {kind.get_block_type_slug()}/{name} does not exist, make it (`make blocks`, or Blocks in the UI)"
