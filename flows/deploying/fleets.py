"""Fleets hold runs of their control host while they wait for backups: a host of both needs room for both.

One inventory is refused by its own text; several meet at the server, where each of them knows nothing of the others.
"""

from collections.abc import Iterator

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.responses import DeploymentResponse

from flows.deploying.wanted import OURS, POOL, mark_of
from proofkeep.inventory import Inventory

_FLEET, _BACKUP = "fleet", "backup"
_PAGE = 200


def crowded(client: SyncPrefectClient, inventory: Inventory) -> list[str]:
    """Hosts whose every run fleets, this inventory's and others', could hold, while backups there keep them waiting."""
    others = list(_others(client, inventory, _FLEET))
    found = []
    for host in inventory.hosts:
        fleets = {each.name for each in others if each.work_queue_name == host.name}
        if host.name == inventory.control_host:
            fleets.add(inventory.name)
        if len(fleets) < host.limit or not fleets or not _is_backed_up(client, inventory, host.name):
            continue
        found.append(
            f"fleets of inventories {', '.join(sorted(fleets))} take a run each of host {host.name} while they wait, "
            f"and backups run there too: its limit has to be {len(fleets) + 1} at least, not {host.limit}"
        )
    return found


def _is_backed_up(client: SyncPrefectClient, inventory: Inventory, host: str) -> bool:
    """Whether a fleet, whosever, waits for a backup on it."""
    if any(entry.host == host for entry in inventory.entries):
        return True
    return any(each.work_queue_name == host for each in _others(client, inventory, _BACKUP))


def _others(client: SyncPrefectClient, inventory: Inventory, flow: str) -> Iterator[DeploymentResponse]:
    """Deployments of a flow that other inventories made."""
    chosen = DeploymentFilter(tags=DeploymentFilterTags(all_=[OURS, flow]))
    offset, mark = 0, mark_of(inventory)
    while page := client.read_deployments(deployment_filter=chosen, limit=_PAGE, offset=offset):
        offset += len(page)
        yield from (each for each in page if mark not in each.tags and each.work_pool_name == POOL)
