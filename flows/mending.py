"""What the card of a verify that found damage says to do next, by the findings' codes, as codes/damaged.md does.

Nothing that lies in a store is mended by a Retry; a verify on the same host says whether it was mended otherwise.
"""

from collections.abc import Sequence

from proofkeep.errors import (
    IntegrityError,
    KeyMissingError,
    ObjectMissingError,
    ObjectUnreadableError,
    PackMissingError,
    PackRetiredError,
    TruncatedError,
)
from proofkeep.format.names import PACKS
from proofkeep.model import Finding

_DAMAGE = {
    ObjectMissingError.code: "gone",
    TruncatedError.code: "of another size",
    IntegrityError.code: "of its size, with other bytes",
    ObjectUnreadableError.code: "not to be read",
}
_FOLLOWS = {PackMissingError.code, PackRetiredError.code, KeyMissingError.code}  # of a snapshot's packs and key

ELSEWHERE = (
    "What this host found is known to no other: on each other host that backs one of them up, run `proofkeep verify "
    "--read-all` first, or its backup relies on these packs and ends well."
)
"""What a host does first that has to keep off damage which another one found."""
_KEYS_ELSEWHERE = (
    "Another host's backup finds such a key by itself when it commits: it ends `pack-missing` once, and its Retry "
    "seals again what lay under the key."
)
_NO_ENTRY = "the entries whose snapshots the findings name"


def to_mend(findings: Sequence[Finding], affected: Sequence[str]) -> str | None:
    """The next step after a verify with these findings; None where the error alone has to tell it.

    Args:
        affected: entries whose snapshots need what is damaged.
    """
    objects = [each for each in findings if each.code in _DAMAGE]
    others = [each for each in findings if each.code not in _DAMAGE.keys() | _FOLLOWS]
    if others:
        return (
            f"let somebody look before anything runs again: a finding is `{others[0].code}`. Retry does not mend "
            "stored bytes."
        )
    if not objects:
        return None
    found = " or ".join(_DAMAGE[code] for code in dict.fromkeys(each.code for each in objects))
    first = _run_a_backup(
        affected,
        packs=any(each.subject.startswith(PACKS) for each in objects),
        keys=any(each.code == KeyMissingError.code for each in findings),
    )
    return (
        f"what the findings name is {found}. {first}{_put_back({each.code for each in objects})} Then start a verify: "
        "it reads first what this host found damaged, and closes this failure once all of it is sound. Retry does not "
        "mend stored bytes."
    )


def _run_a_backup(affected: Sequence[str], *, packs: bool, keys: bool) -> str:
    """Nothing where every data key that a snapshot needs still has a sound form, and all packs are sound."""
    if not packs and not keys:
        return ""
    entries = ", ".join(f"`{each}`" for each in affected) or _NO_ENTRY
    off = ["none of these packs"] * packs + ["nothing under data keys of which no sound form is left"] * keys
    there = " ".join([ELSEWHERE] * packs + [_KEYS_ELSEWHERE] * keys)
    return (
        f"Run a backup of {entries}: on this host it relies on {' and '.join(off)}, and sends again what the source "
        f"still holds of them. {there} Older snapshots need the very bytes. "
    )


def _put_back(codes: set[str]) -> str:
    if codes == {ObjectUnreadableError.code}:
        return "Mend the store's disk or the object's permissions."
    if codes == {ObjectMissingError.code}:
        return "Put them back under their names, from a replica or an older version."
    return "Put them back in place of what lies there, from a replica or an older version."
