"""What a drill found damaged in the repository, and what of earlier damage sound, as `proofkeep.damage` spells it."""

from collections.abc import Iterator

from proofkeep.damage import snapshot_of, spelled, within
from proofkeep.drill.outcome import Outcome
from proofkeep.drill.receipts import Attacked, Compared, Draw, Restored
from proofkeep.errors import (
    KeyDeniedError,
    KeyMismatchError,
    KeyMissingError,
    KeyRevokedError,
    LedgerMismatchError,
    RestoreError,
    TargetError,
    TargetFullError,
)

# Files that were lost for want of a key or of room in scratch say nothing of what is stored.
_NOT_STORED = {
    each.code
    for each in (
        KeyDeniedError,
        KeyMismatchError,
        KeyMissingError,
        KeyRevokedError,
        RestoreError,
        TargetError,
        TargetFullError,
    )
}


def found_damaged(outcome: Outcome) -> list[str]:
    """Objects that are not what the ledger says; drawn files too, where no such object explains their loss."""
    return spelled(_found(outcome))


def found_sound(outcome: Outcome, damaged: list[str]) -> list[str]:
    """What the drill's verify saw mended, and the drawn files that are as their manifest says."""
    sound = list(outcome.draw.sound) if isinstance(outcome.draw, Draw) else []
    if isinstance(outcome.restored, Restored):
        sound += [_file(each) for each in outcome.restored.files if each.result == "equal"]
    return [thing for thing in dict.fromkeys(sound) if thing not in damaged]


def _found(outcome: Outcome) -> Iterator[str]:
    if isinstance(outcome.draw, Draw):
        yield from outcome.draw.damaged
    if isinstance(outcome.restored, Restored):
        objects = [thing for thing in outcome.restored.damaged if not snapshot_of(thing)]
        yield from objects
        if len(objects) < len(outcome.restored.damaged) or not objects:
            yield from (
                _file(each)
                for each in outcome.restored.files
                if each.result != "equal" and each.code not in _NOT_STORED
            )
    if isinstance(outcome.attacked, Attacked):
        altered = LedgerMismatchError.code
        yield from (each.subject for each in outcome.attacked.damage if each.code == altered)


def _file(compared: Compared) -> str:
    return within(f"file {compared.file}", compared.snapshot)
