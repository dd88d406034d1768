"""The short table at the end: what was done, in words that need no manual."""

from pathlib import Path

from infra.demo.evidence import DOCUMENT
from infra.demo.outcome import Outcome
from proofkeep.cli.shown import size
from proofkeep.progress import counted

Rows = list[tuple[str, str]]


def rows(outcome: Outcome) -> Rows:
    """Every row, in the order a person asks."""
    return [*_stored(outcome), *_protected(outcome), *_proven(outcome), *_next(outcome)]


def _stored(outcome: Outcome) -> Rows:
    first, second = outcome.first, outcome.second
    totals, again = first.totals, second.totals
    rate = size(int(totals["read_bytes"] / first.seconds))
    twice = "; the rest was there twice, and is stored once" if totals["new_bytes"] < totals["read_bytes"] else ""
    whose = "" if outcome.origin.generated else ", which was only read"
    travelled = (
        f"{size(again['new_bytes'])} new, {size(again['stored'])} stored in {counted(len(outcome.new_packs), 'pack')}"
    )
    return [
        ("source", f"{_near(outcome.origin.root)}{whose}"),
        ("files", f"{totals['files']:,} in {totals['directories']:,} directories; {totals['other']:,} of other kinds"),
        ("read", f"{size(totals['read_bytes'])}; holes are not read"),
        ("new", f"{size(totals['new_bytes'])}{twice}"),
        ("stored", f"{size(totals['stored'])} in {counted(len(first.packs), 'pack')}"),
        ("ratio", f"{totals['read_bytes'] / max(totals['stored'], 1):.2f} : 1, read to stored"),
        ("throughput", f"{rate}/s, from the source to the committed snapshot in {first.seconds:.1f} s"),
        ("then changed", outcome.change.words),
        ("second backup", f"{travelled}; {again['unchanged_files']:,} files not read again"),
    ]


def _protected(outcome: Outcome) -> Rows:
    told = outcome.vouched
    wires = sorted({f"{each.version} {each.cipher}" for each in told.connections if each is not None})
    return [
        ("in transit", f"{', '.join(wires)}; certificate and host checked"),
        ("sealed", f"AES-256-GCM, {len(told.data_keys)} data keys, each wrapped by the KMS key"),
        ("key id", f"{', '.join(_key_id(uri) for uri in sorted(told.recipients))} of KMS in {outcome.cloud.region}"),
        ("ledger", f"{told.objects} objects vouched for, in another bucket (of one endpoint: this is a demo)"),
    ]


def _proven(outcome: Outcome) -> Rows:
    verified, restored, found, drilled = outcome.verified, outcome.restored, outcome.comparison, outcome.drilled
    read_back = f"all {verified['read']} objects, {size(verified['read_bytes'])}, read back and hashed"
    left_out = f"; {found.left_out} sockets and devices left out" if found.left_out else ""
    not_ours = f"; {found.not_ours} owners or attributes need root" if found.not_ours else ""
    parted = f"; {found.parted} names of linked symlinks or FIFOs became ones of their own" if found.parted else ""
    removed = "; then removed" if found.identical and not outcome.origin.generated else ""
    same = "bit for bit and in all metadata as the source" if found.identical else "NOT the same as the source"
    sample = f"{counted(drilled['files'], 'file')}, drawn from the {drilled['population']:,} of both snapshots"
    alive = f"{drilled['compared_live']} compared with the live source"
    return [
        ("verified", f"{verified['verdict']}; {read_back}"),
        ("", "(everything, since this store keeps whatever digest it is told)"),
        ("restored", f"{restored['files']:,} files, {size(restored['bytes'])} with their holes{removed}"),
        ("compared", f"{same}{left_out}{parted}{not_ours}"),
        ("drilled", f"{sample}; restored to {drilled['scratch']} and destroyed"),
        ("", f"{alive}; {drilled['refusals']} attacks refused: wrong key, flipped bit, wrong context"),
        ("evidence", str(_near(outcome.evidence.folder / DOCUMENT))),
    ]


def _next(outcome: Outcome) -> Rows:
    return [
        ("took", f"{outcome.seconds:.0f} s, with the start of both servers"),
        ("look at it", "make ui shows this very run in Prefect"),
        ("end it", "make down stops the servers; the repository lives in their memory and ends with them"),
    ]


def _key_id(uri: str) -> str:
    """Of an ARN its last part."""
    return uri.rpartition("/")[2]


def _near(path: Path) -> Path:
    """As a person types it from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
