"""Verify: chains, then objects, then records, last the kept host secret."""

import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from proofkeep import events
from proofkeep.damage import EVERYTHING, OnFound, is_object, snapshot_of, unkept, unread_pack
from proofkeep.format.names import wrapped_keys
from proofkeep.ledger import Heads, load_heads, save_heads
from proofkeep.ports import Cancelled, Progress
from proofkeep.progress import silent
from proofkeep.put_back import notice_put_back
from proofkeep.repository import Repository
from proofkeep.repository.retirement import read_retired
from proofkeep.state import RepositoryState
from proofkeep.verify.chains import verify_chains
from proofkeep.verify.expected import Expected
from proofkeep.verify.kept_secret import verify_kept_secret
from proofkeep.verify.objects import ObjectCheck, Reading
from proofkeep.verify.records import verify_records
from proofkeep.verify.report import Freshness, VerificationReport


def verify_here(
    repository: Repository,
    state: RepositoryState,
    *,
    expect: Heads | None = None,
    read: float = 0.0,
    known: Sequence[str] = (),
    names: Mapping[bytes, str] = {},
    on_found: OnFound = unkept,
    cancelled: Cancelled = lambda: False,
    progress: Progress = silent,
) -> VerificationReport:
    """`verify` against what this host remembers as well; if nothing is wrong, it remembers the heads as they are now.

    Args:
        known, names, on_found: as `verify` has them.

    Raises:
        StateError, StateFullError: what it remembers is malformed, or cannot be noted.
        StoreError, TransportError, CancelledError: as `verify`.
    """
    remembered = load_heads(state.heads_file)
    notice_put_back(repository, state, remembered)
    report, heads = verify(
        repository,
        expect=expect,
        remembered=remembered,
        read=read,
        known=known,
        names=names,
        on_found=on_found,
        cancelled=cancelled,
        progress=progress,
    )
    if report.intact:
        save_heads(state.heads_file, heads)
    return report


def verify(
    repository: Repository,
    *,
    expect: Heads | None = None,
    remembered: Heads | None = None,
    read: float = 0.0,
    seed: bytes | None = None,
    known: Sequence[str] = (),
    names: Mapping[bytes, str] = {},
    on_found: OnFound = unkept,
    cancelled: Cancelled = lambda: False,
    progress: Progress = silent,
) -> tuple[VerificationReport, Heads]:
    """Hold the stores against the ledger, and the ledger against heads known from elsewhere.

    Args:
        expect: heads the caller holds, e.g. from a commit receipt.
        remembered: heads this host remembers.
        read: fraction of packs to read back and hash, 0 to 1; small objects are read unless it is 0.
        seed: draws the packs; random by default.
        known: what this host found damaged before, as `proofkeep.damage` spells it; its objects are read in any case.
        names: of inventory entries by their keyed ids, as far as they are known.
        on_found: is told what is damaged, object by object as they are met, and the rest however this ends.

    Returns:
        The report, and the heads as they are now; to be remembered only when the report is intact.

    Raises:
        StoreError, TransportError: it could not look.
        CancelledError.
    """
    report = VerificationReport(Freshness.NOT_PROVABLE, repository.ledger_shares_neighbourhood)
    expected = Expected()
    try:
        heads = verify_chains(repository, expected, expect or {}, remembered or {}, report, progress)
        retired, refused = read_retired(repository)
        report.findings.extend(refused)
        on_found(report.found)
        check = ObjectCheck(repository, expected, report, retired, on_found, cancelled, progress)
        check.run(Reading(read, seed or os.urandom(16), _to_read(known)))
        snapshots = verify_records(repository, expected, retired, report, names)
        foreign = {thing for thing in known if is_object(thing) and expected.find(thing) is None}
        if read < 1:
            small = "" if read > 0 else " and of all index objects and data keys"
            report.not_tested.append(f"content of {100 - 100 * read:.0f} % of the packs{small} was not read back")
        report.not_tested.append("frames were not opened: that needs the restore role (restore, drill)")
        verify_kept_secret(repository, report)
    finally:
        on_found(report.found)
        expected.close()
    seen = check.sound | {each.id.short for each in snapshots}
    _look_again(known, seen, foreign, report, everything=read >= 1)
    events.emit(
        "verify",
        outcome="success" if report.failure is None else "failure",
        verdict=report.verdict,
        objects=report.objects,
        read=report.read,
        findings=len(report.findings),
    )
    return report, heads


def _look_again(
    known: Sequence[str],
    seen: AbstractSet[str],
    foreign: AbstractSet[str],
    report: VerificationReport,
    *,
    everything: bool,
) -> None:
    """Which of the known damage is mended, as far as a verify can see that.

    Args:
        seen: known objects that were read back and are sound, and all snapshots: what of any other one could not be
            opened is needed by nobody.
        foreign: objects that no entry names, which every verify looks at where they lie.
        everything: all objects were read, so that none can be damaged where nothing was found.
    """
    damaged = {*report.found, *(finding.subject for finding in report.findings)}
    unsettled = {snapshot_of(each) for each in known if not _was_read_back(each, seen, damaged)}
    for thing in (each for each in known if each not in damaged):
        if snapshot := snapshot_of(thing):
            is_gone = snapshot not in seen and not damaged  # its record may be what is damaged
            sound = is_gone or snapshot not in unsettled
        elif is_object(thing):
            sound = thing in seen or (thing in foreign and not damaged)
        else:
            sound = thing != EVERYTHING
        if sound or (everything and not damaged and not snapshot):
            report.sound.append(thing)
    if left := len(known) - len(report.sound) - len(damaged.intersection(known)):
        what = f"{left} things that this host found damaged before"
        report.not_tested.append(f"{what} were not looked at: their failures stay open (proofkeep status)")


def _to_read(known: Sequence[str]) -> frozenset[str]:
    """What is known to be damaged, and each pack that was not read back when it did not open, with its data key."""
    packs = [pack for thing in known if (pack := unread_pack(thing)) is not None]
    keys = (wrapped_keys(pack.writer, pack.data_key) for pack in packs)
    return frozenset([*known, *(pack.name for pack in packs), *keys])


def _was_read_back(thing: str, seen: AbstractSet[str], damaged: AbstractSet[str]) -> bool:
    """Whether it is such a pack, and pack, data key and whatever else the snapshot needs are as the ledger says."""
    pack, snapshot = unread_pack(thing), snapshot_of(thing)
    if pack is None or not seen >= {pack.name, snapshot} or f"snapshot {snapshot}" in damaged:
        return False
    keys = wrapped_keys(pack.writer, pack.data_key)
    return not any(each.startswith(keys) for each in damaged)
