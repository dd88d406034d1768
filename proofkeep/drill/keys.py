"""What the repository says of the data keys that a population lies under: facts and ids, never a key."""

from collections.abc import Callable
from typing import Any

from proofkeep.errors import IntegrityError
from proofkeep.format import instants, names
from proofkeep.format.wrapped import WrappedDataKey
from proofkeep.model import Finding
from proofkeep.repository import Repository
from proofkeep.repository.key_forms import read_form


def wrapped_forms(
    repository: Repository, writer: bytes, data_key: bytes, damage: Callable[[Finding], None]
) -> list[WrappedDataKey]:
    """Every wrapped form of a data key that is authentic, in the order of names; a finding for each other one."""
    forms = []
    for stat in repository.store.list(names.wrapped_keys(writer, data_key)):
        try:
            forms.append(read_form(repository, stat.name))
        except IntegrityError as error:
            damage(Finding(error.code, stat.name, str(error)))
    return forms


def key_facts(
    repository: Repository, writer: bytes, data_key: bytes, damage: Callable[[Finding], None]
) -> dict[str, Any]:
    """Of a data key: epoch, when it was made, and its KEKs with what the key service said when it wrapped."""
    forms = wrapped_forms(repository, writer, data_key, damage)
    return {
        "data_key": data_key.hex(),
        "writer": writer.hex(),
        "epoch": min((form.epoch for form in forms), default=0),
        "created_at": instants.to_text(min(form.created_at_ns for form in forms)) if forms else None,
        "wrapped_for": [
            {
                "recipient": form.wrapped.recipient,
                "generation": form.generation,
                "material_id": form.wrapped.material_id,
                "request_id": form.wrapped.request_id,
            }
            for form in forms
        ],
    }
