"""Runs the attacks on a copy of one stored pack; without working controls a refusal proves nothing."""

from collections.abc import Callable, Sequence
from hashlib import sha256

from proofkeep import events
from proofkeep.catalog import Catalog
from proofkeep.damage import OnFound
from proofkeep.drill.attacks import Attack, Copy, frames_end, open_copy, unwrap
from proofkeep.drill.keys import wrapped_forms
from proofkeep.drill.receipts import Attacked, Draw, Trial
from proofkeep.errors import (
    CancelledError,
    DrillFailedError,
    IntegrityError,
    KeyAccessError,
    KeyMissingError,
    LedgerMismatchError,
    ProofkeepError,
)
from proofkeep.format import names
from proofkeep.format.names import PackId
from proofkeep.format.sizes import MAX_PACK
from proofkeep.format.wrapped import WrappedDataKey, context
from proofkeep.model import Finding
from proofkeep.ports import Cancelled, KeyProvider, Progress
from proofkeep.repository import Repository

OPENED = "opened"
CONTROL = (OPENED,)


def attack_copy(
    repository: Repository,
    catalog: Catalog,
    providers: Sequence[KeyProvider],
    draw: Draw,
    attacks: Sequence[Attack],
    *,
    on_found: OnFound,
    cancelled: Cancelled,
    progress: Progress,
) -> Attacked:
    """Download the drawn pack, show that it opens as it is, and try everything that must be refused.

    Raises:
        StoreError, TransportError, KeyAccessError: of the kind met while the copy was made.
        CancelledError.
    """
    pack = names.parse_pack(draw.pack)
    data = _download(repository, catalog, pack)
    digest = sha256(data).hexdigest()
    damage: list[Finding] = []
    expected = {row["name"]: row["sha256"] for row in draw.packs}.get(draw.pack)
    if digest != expected:
        on_found([draw.pack])
        damage.append(Finding(LedgerMismatchError.code, draw.pack, "its copy has another sha-256 than the ledger says"))
    form, provider, key = _unwrapped(repository, pack, providers, damage.append)
    controls = [
        Trial("wrapped-key-unwraps", "data key unwrapped in its own context", list(CONTROL), OPENED),
        _control(repository, pack, data, key, damage.append),
    ]
    refusals: list[Trial] = []
    if all(control.as_expected for control in controls):
        copy = Copy(repository, pack, data, key, form, provider, frames_end(data, key, pack.name), draw.seed)
        for attack in attacks:
            if cancelled():
                raise CancelledError("drill was cancelled during its negative tests")
            refusals.append(_try(copy, attack, damage.append))
            progress("attack", tests=len(refusals))
    events.emit(
        "drill-attack",
        outcome="failure" if damage else "success",
        pack=pack.name,
        refused=sum(refusal.as_expected for refusal in refusals),
        tried=len(refusals),
    )
    return Attacked(pack.name, digest, pack.data_key.hex(), form.wrapped.recipient, controls, refusals, damage)


def _download(repository: Repository, catalog: Catalog, pack: PackId) -> bytes:
    number = catalog.find_pack(pack)
    version = None if number is None else catalog.pack(number).version_id
    data = bytearray()
    for part in repository.store.read(pack.name, version_id=version):
        data += part
        if len(data) > MAX_PACK:
            break
    return bytes(data)


def _unwrapped(
    repository: Repository, pack: PackId, providers: Sequence[KeyProvider], damage: Callable[[Finding], None]
) -> tuple[WrappedDataKey, KeyProvider, bytes]:
    """A wrapped form that one of this role's keys opens, and the data key. Raises `KeyAccessError`."""
    by_recipient = {provider.recipient: provider for provider in providers}
    error: KeyAccessError = KeyMissingError(f"data key {pack.data_key.hex()} is wrapped for none of this role's keys")
    for form in reversed(wrapped_forms(repository, pack.writer, pack.data_key, damage)):
        provider = by_recipient.get(form.wrapped.recipient)
        if provider is None:
            continue
        try:
            return form, provider, unwrap(form, provider, context(repository.id, pack.writer, pack.data_key))
        except KeyAccessError as failed:
            error = failed
    raise error


def _control(repository: Repository, pack: PackId, data: bytes, key: bytes, damage: Callable[[Finding], None]) -> Trial:
    seen, does = OPENED, "undamaged copy opened"
    try:
        frames, chunks = open_copy(repository, pack, data, key)
        does += f": {frames} frames, {chunks} chunks proven"
    except IntegrityError as error:
        seen = error.code
        damage(Finding(error.code, pack.name, "its undamaged copy does not open, so nothing could be tried on it"))
    return Trial("copy-opens", does, list(CONTROL), seen)


def _try(copy: Copy, attack: Attack, damage: Callable[[Finding], None]) -> Trial:
    seen = OPENED
    try:
        attack.run(copy)
    except ProofkeepError as error:
        seen = error.code
    refusal = Trial(attack.name, attack.does, list(attack.expected), seen)
    if not refusal.as_expected:
        what = "was not refused" if seen == OPENED else f"ended with {seen}, which proves nothing"
        damage(Finding(DrillFailedError.code, copy.pack.name, f"negative test {attack.name} {what}"))
    return refusal
