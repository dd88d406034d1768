"""What the retention role is about to delete (format.md section 12)."""

from proofkeep import events
from proofkeep.errors import REFUSED, ObjectMissingError
from proofkeep.format import names, retired
from proofkeep.format.names import PackId
from proofkeep.model import Finding
from proofkeep.repository import Repository


def read_retired(repository: Repository) -> tuple[set[PackId], list[Finding]]:
    """Packs that are retired and not lifted, and a finding for each retirement whose signature does not hold."""
    packs: dict[bytes, set[PackId]] = {}
    lifted: dict[bytes, set[PackId]] = {}
    findings: list[Finding] = []
    for stat in repository.store.list(names.RETIRED):
        try:
            data = repository.store.get(stat.name)
            entry = retired.open_retirement(repository.descriptor.retention_key, repository.id, stat.name, data)
        except (*REFUSED, ObjectMissingError) as error:
            events.emit("retirement-refused", outcome="failure", object=stat.name, code=error.code)
            findings.append(Finding(error.code, stat.name, str(error)))
            continue
        (lifted if entry.lifted else packs)[entry.id] = set(entry.packs)
    # What lifts one retirement says nothing of another that names the same packs.
    return set().union(*(named - lifted.get(identity, set()) for identity, named in packs.items())), findings
