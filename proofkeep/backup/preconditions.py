"""What has to hold before a run touches anything: a repository's rules, and a clock that agrees with the others'."""

from typing import TYPE_CHECKING

from proofkeep.errors import ClockError, PolicyError
from proofkeep.ledger import newest_entry_ns
from proofkeep.model import Finding
from proofkeep.repository.clock import check_clock

if TYPE_CHECKING:
    from proofkeep.backup.run import Backup


def refuse_by_policy(run: "Backup") -> None:
    """No locks that are asked for and not set; where a name can be created twice, no second writer.

    Raises:
        PolicyError
    """
    descriptor = run.repository.descriptor
    if descriptor.lock_days is not None:
        raise PolicyError(f"repository {run.repository.id.hex()} asks for object locks, which this version cannot set")
    others = run.catalog.heads().keys() - {run.writer}
    both = (descriptor.capabilities, descriptor.ledger_capabilities)
    if others and not all(capabilities.refuses_second_create for capabilities in both):
        raise PolicyError(
            f"store creates a name twice, so writer {run.writer.hex()} may not join writer {min(others).hex()}"
        )


def compare_clocks(run: "Backup") -> bool:
    """Hold this host's clock against the services'; without those, against every writer's newest entry.

    With a service to judge by, another writer's entry from the future is that writer's trouble.

    Returns:
        Whether anybody else's clock was there to compare with.

    Raises:
        ClockError
    """
    repository, catalog = run.repository, run.catalog
    services = {"store": repository.store.clock, "ledger": repository.ledger_store.clock}
    heads = {writer: head for writer, head in catalog.heads().items() if writer not in catalog.faults()}
    now = run.clock()
    if any(services.values()):
        others = {writer: head for writer, head in heads.items() if writer != run.writer}
        try:
            check_clock({}, now_ns=now, newest_ledger_ns=newest_entry_ns(repository, others))
        except ClockError as error:
            run.findings.append(Finding(error.code, "ledger of another writer", str(error)))
        heads = {writer: head for writer, head in heads.items() if writer == run.writer}
    return check_clock(services, now_ns=now, newest_ledger_ns=newest_entry_ns(repository, heads))
