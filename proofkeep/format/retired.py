"""Retirements of packs and what lifts them, signed by the retention role (format.md section 12)."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from proofkeep.errors import AuthenticationError, MalformedError
from proofkeep.format import documents, instants, names
from proofkeep.format.names import PackId
from proofkeep.format.pack_set import decode_packs, encode_runs


class Retirement(msgspec.Struct, frozen=True):
    """Packs about to be deleted, or (`lifted`) packs that stay after all; ascending in the order of their names."""

    id: bytes
    lifted: bool
    packs: tuple[PackId, ...]
    reason: str
    at_ns: int
    approvals: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The object's name."""
        return names.retired(self.id, lifted=self.lifted)


def sign_retirement(key: ec.EllipticCurvePrivateKey, repository: bytes, retirement: Retirement) -> bytes:
    """The object's bytes."""
    return documents.sign_document(
        key,
        {
            "repository": repository.hex(),
            "id": retirement.id.hex(),
            "kind": "lifted" if retirement.lifted else "retired",
            "packs": _encode(retirement.packs),
            "reason": retirement.reason,
            "at": instants.to_text(retirement.at_ns),
            "approvals": list(retirement.approvals),
        },
    )


def open_retirement(public_key: bytes | None, repository: bytes, name: str, data: bytes) -> Retirement:
    """What lies under `name`, once its signature holds. Raises `AuthenticationError` or `MalformedError`."""
    subject = f"retirement {name}"
    document = documents.open_signed(public_key, data, subject)
    lifted = document.get("kind") == "lifted"
    if not lifted and document.get("kind") != "retired":
        raise MalformedError(f"{subject} has no valid member kind")
    retirement = Retirement(
        documents.require_bytes(document, "id", 16, subject),
        lifted,
        tuple(_decode(document.get("packs"), subject)),
        documents.require_str(document, "reason", subject),
        instants.from_text(document.get("at"), subject),
        _approvals(document, subject),
    )
    if retirement.name != name or documents.require_bytes(document, "repository", 16, subject) != repository:
        raise AuthenticationError(f"{subject} names another place than its own")
    return retirement


def _approvals(document: dict[str, Any], subject: str) -> tuple[str, ...]:
    approvals = document.get("approvals")
    if not isinstance(approvals, list) or not all(isinstance(approval, str) for approval in approvals):
        raise MalformedError(f"{subject} has no valid member approvals")
    return tuple(approvals)


def _encode(packs: Iterable[PackId]) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for (writer, data_key), group in groupby(packs, key=lambda pack: (pack.writer, pack.data_key)):
        runs = encode_runs(pack.counter for pack in group)
        pairs, position = [], 0
        for gap, count in zip(runs[::2], runs[1::2], strict=True):
            pairs.append([position + gap, count])
            position += gap + count
        rows.append([writer.hex(), data_key.hex(), *pairs])
    return rows


def _decode(rows: object, subject: str) -> Iterable[PackId]:
    encoded = []
    try:
        for writer, data_key, *pairs in rows:  # type: ignore[attr-defined]
            runs: list[int] = []
            position = 0
            for first, count in pairs:
                runs.extend((first - position, count))
                position = first + count
            encoded.append((bytes.fromhex(writer), bytes.fromhex(data_key), runs))
    except (TypeError, ValueError):
        raise MalformedError(f"{subject} has no valid member packs") from None
    return decode_packs(encoded)
