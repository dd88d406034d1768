"""What has to hold before a run touches anything: a repository's rules, and a clock that agrees with the others'."""

from typing import TYPE_CHECKING

from proofkeep import events
from proofkeep.errors import LedgerAheadError, PolicyError
from proofkeep.ledger import entries_at, spell_head
from proofkeep.model import Finding
from proofkeep.repository.clock import check_clock, hours_ahead

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
    """Hold this host's clock against the services', then against every writer's newest entry.

    An entry from the future is a finding where a service judges and it is another writer's, and where a person said
    that it is known (`Options.known_ahead`). What is committed then follows it, and settles it for every host.

    Returns:
        Whether anybody else's clock was there to compare with.

    Raises:
        ClockError: a service's clock differs.
        LedgerAheadError: an entry is from the future.
    """
    repository, catalog = run.repository, run.catalog
    confirmed = check_clock(repository.clocks)
    heads = {writer: head for writer, head in catalog.heads().items() if writer not in catalog.faults()}
    ahead = hours_ahead(entries_at(repository, heads), now_ns=run.clock())
    unknown = {}
    for writer, hours in ahead.items():
        head = spell_head(writer, heads[writer])
        is_known = head in run.options.known_ahead
        if is_known:
            events.emit("ledger-ahead-known", run=run.identity.run.hex(), head=head, hours=round(hours, 1))
        if is_known or (confirmed and writer != run.writer):
            said = f"newest entry is {hours:.1f} hours ahead of this host's clock"
            run.findings.append(Finding(LedgerAheadError.code, f"ledger of writer {writer.hex()}", said))
        else:
            unknown[head] = hours
    if unknown:
        most = f"{max(unknown.values()):.1f} hours ahead of this host's clock"
        raise LedgerAheadError(f"newest ledger entry is {most}: {', '.join(unknown)}")
    return confirmed or bool(heads)
