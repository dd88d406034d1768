"""The host secret as `init` kept it: is there something to recover it from for each recipient?

Nothing vouches for what lies under `secrets/`, and only a recipient can unwrap it: held here are form and place.
"""

from proofkeep.errors import IntegrityError, ObjectMissingError, UnsupportedVersionError
from proofkeep.format import names, wrapped
from proofkeep.repository import Repository
from proofkeep.repository.create import FILE_SCHEME
from proofkeep.repository.stored import fetch
from proofkeep.verify.report import VerificationReport


def verify_kept_secret(repository: Repository, report: VerificationReport) -> None:
    """Find recipients for whom no well-formed copy of the host secret is kept; nothing where a key service holds it.

    Raises:
        StoreError, TransportError: it could not look.
    """
    descriptor = repository.descriptor
    if descriptor.host_secret != FILE_SCHEME:
        return
    listed = [stat.name for stat in repository.store.list(names.SECRETS)]
    for recipient in descriptor.recipients:
        prefix = names.wrapped_secret(recipient, 1).rpartition(".")[0]
        copies = [name for name in listed if name.startswith(f"{prefix}.")]
        errors = [_error(repository, name) for name in copies]
        if not copies:
            report.find(
                ObjectMissingError.code, prefix, "the host secret is not kept for this recipient, who cannot recover it"
            )
        elif all(errors):
            report.find(str(errors[-1]), copies[-1], "the host secret cannot be recovered from it")
    report.not_tested.append("the kept host secret was not unwrapped: that needs the restore role (enrol recover)")


def _error(repository: Repository, name: str) -> str | None:
    """The code of what is wrong with one copy; none where it can be tried."""
    try:
        wrapped.decode_secret(repository.id, name, fetch(repository.store, name))
    except (IntegrityError, ObjectMissingError, UnsupportedVersionError) as error:
        return error.code
    return None
