"""The draw: verify, seed, walk, pick. Everything a reviewer needs to draw again is in its receipt."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import TextIO

from proofkeep import events
from proofkeep.catalog import Catalog
from proofkeep.damage import OnFound
from proofkeep.drill.ledgered import pack_facts
from proofkeep.drill.plan import Plan
from proofkeep.drill.population import HEADING, NO_KEY, Lowest, Population, Scoped, scope_of
from proofkeep.drill.receipts import Draw, Facts, Sampled
from proofkeep.drill.seed import seed_input, seed_of
from proofkeep.drill.strata import Stratum, confidence, least_seen
from proofkeep.drill.writing import writing_evidence
from proofkeep.errors import PartialSnapshotError, SnapshotMissingError, UsageError
from proofkeep.format import instants
from proofkeep.model import Finding
from proofkeep.ports import Cancelled, Progress
from proofkeep.progress import counted
from proofkeep.repository import Repository
from proofkeep.snapshots import ChunkStore, CommittedSnapshot, DataKeys, list_snapshots
from proofkeep.snapshots.damaged import ReadBack, damage_met, telling_when_cut
from proofkeep.verify import VerificationReport


def make_draw(
    repository: Repository,
    catalog: Catalog,
    data_keys: DataKeys,
    plan: Plan,
    verified: VerificationReport,
    listing: Path,
    *,
    now_ns: int,
    on_found: OnFound,
    cancelled: Cancelled,
    progress: Progress,
) -> Draw:
    """Record the seed, walk the population into `listing`, and draw.

    Args:
        verified: gives the ledger heads and what else was found.
        listing: a new file, one line for each file that could be drawn.
        on_found: is told what is damaged snapshot by snapshot.

    Raises:
        KeyAccessError, StoreError, TransportError: of the kind met.
        TargetFullError, TargetError: the listing cannot be written.
        CancelledError.
    """
    text = seed_input(plan.id, verified.heads)
    seed = seed_of(text)
    events.emit("drill-seed", drill=plan.id, seed=seed, seed_input=text)
    damage = [replace(finding, path=None) for finding in verified.findings]
    scoped, passed_over = _scope(repository, plan, now_ns, damage.append)
    population = Population(repository, catalog, seed, plan.per_stratum, plan.largest, cancelled, progress)
    chunks = ChunkStore(repository, catalog, data_keys)
    damaged, back = verified.found, ReadBack(repository)
    with writing_evidence(plan.id), _new_private_file(listing) as out:
        out.write(HEADING)
        for one in scoped:
            chunks.damaged.clear()  # it is told of the snapshot that met it
            short = one.snapshot.id.short
            with telling_when_cut(chunks, short, on_found):
                population.walk(one, chunks, data_keys, out, damage.append)
            on_found(met := damage_met(back, chunks, data_keys, short))
            damaged += met
    damage += _undrawn(plan, population)
    strata = population.strata
    sample = _pick(population)
    packs = [sampled.pack for sampled in sorted(sample, key=attrgetter("rank")) if sampled.pack]
    return Draw(
        plan.id,
        instants.to_text(now_ns),
        sorted(verified.heads),
        text,
        seed,
        _verification(verified),
        [_snapshot_facts(one) for one in scoped],
        _population_facts(population, sample),
        [_stratum_facts(number, stratum, strata[stratum], sample) for number, stratum in enumerate(sorted(strata))],
        [facts for _, facts in sorted(population.keys.items())],
        pack_facts(repository, set(packs)),
        sample,
        packs[0] if packs else "",
        damage,
        [*verified.not_tested, *_not_tested(plan, population, scoped, passed_over)],
        damaged,
        verified.sound,
    )


def _new_private_file(file: Path) -> TextIO:
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w", encoding="ascii")


def _scope(
    repository: Repository, plan: Plan, now_ns: int, damage: Callable[[Finding], None]
) -> tuple[list[Scoped], list[CommittedSnapshot]]:
    snapshots, _ = list_snapshots(repository)
    wanted = {repository.keys.entry_id(name): name for name in plan.entries}
    if wanted:
        snapshots = [snapshot for snapshot in snapshots if snapshot.id.entry in wanted]
    scoped, passed_over = scope_of(snapshots, every=plan.every_snapshot, now_ns=now_ns)
    present = {one.snapshot.id.entry for one in scoped}
    for entry in wanted.keys() - present or ([] if present else [b""]):
        subject = f"entry {entry.hex()}" if entry else f"repository {repository.id.hex()}"
        damage(Finding(SnapshotMissingError.code, subject, "it has no committed snapshot to drill"))
    for one in scoped:
        if "newest" in one.roles and not one.snapshot.facts.complete:
            subject = f"snapshot {one.snapshot.id.short}"
            damage(Finding(PartialSnapshotError.code, subject, "its entry has no complete snapshot"))
    return scoped, passed_over


def _undrawn(plan: Plan, population: Population) -> Iterator[Finding]:
    """Entries all of whose content was left out: a drill that restores nothing of it proves nothing."""
    drawable = {stratum.entry for stratum in population.strata if stratum.key != NO_KEY}
    for entry in sorted({entry for entry, _ in population.left_out} - drawable):
        large, unread = population.left_out[entry, "too_large"], population.left_out[entry, "unread"]
        why = [f"{counted(large, 'file')} larger than `largest`, {plan.largest:,} bytes"] if large else []
        why += [f"{counted(unread, 'file')} not read completely at backup"] if unread else []
        error = UsageError if large else PartialSnapshotError
        yield Finding(error.code, f"entry {entry}", f"no content of entry {entry} could be drawn: {', '.join(why)}")


def _pick(population: Population) -> list[Sampled]:
    """The lowest of each stratum, then the lowest of each entry's oldest and newest snapshot where none was drawn."""
    strata = population.strata
    numbers = {stratum: number for number, stratum in enumerate(sorted(strata))}
    sample = [
        replace(sampled, stratum=number) for stratum, number in numbers.items() for _, sampled in strata[stratum].ranked
    ]
    met = {sampled.snapshot for sampled in sample}
    for (_, role), lowest in sorted(population.ends.items()):
        for stratum, sampled in lowest.ranked:
            if sampled.snapshot not in met:
                number = numbers[population.stratum(stratum)]
                sample.append(replace(sampled, stratum=number, why=role))
                met.add(sampled.snapshot)
    return sample


def _verification(report: VerificationReport) -> Facts:
    return {
        "verdict": report.verdict,
        "freshness": str(report.freshness),
        "ledger_shares_neighbourhood": report.ledger_shares_neighbourhood,
        "writers": report.writers,
        "entries": report.entries,
        "objects": report.objects,
        "bytes": report.bytes,
        "read": report.read,
        "read_bytes": report.read_bytes,
        "snapshots": report.snapshots,
        "findings": len(report.findings),
    }


def _snapshot_facts(one: Scoped) -> Facts:
    facts = one.snapshot.facts
    return {
        "snapshot": one.snapshot.id.short,
        "entry": one.entry,
        "writer": one.snapshot.id.writer.hex(),
        "roles": list(one.roles),
        "age": one.age,
        "source_at": instants.to_text(facts.source_at),
        "complete": facts.complete,
        "files": facts.totals.get("files", 0),
        "bytes": facts.totals.get("bytes", 0),
    }


def _population_facts(population: Population, sample: list[Sampled]) -> Facts:
    counts = population.counts
    return {
        "files": counts["files"],
        "bytes": counts["bytes"],
        "data_keys": len(population.keys),
        "strata_by": "epoch" if population.by_epoch else "data-key",
        "per_stratum": population.per_stratum,
        "left_out": {
            "not_regular_files": counts["not_files"],
            "not_read_at_backup": counts["unread"],
            "larger_than_limit": counts["too_large"],
            "larger_than_limit_bytes": counts["too_large_bytes"],
        },
        "confidence": confidence(counts["files"], len(sample), len(population.strata)),
    }


def _stratum_facts(number: int, stratum: Stratum, lowest: Lowest, sample: list[Sampled]) -> Facts:
    drawn = sum(sampled.stratum == number for sampled in sample)
    return {
        "stratum": number,
        "entry": stratum.entry,
        "key": stratum.key,
        "size_class": stratum.size,
        "age": stratum.age,
        "files": lowest.files,
        "bytes": lowest.bytes,
        "drawn": drawn,
        "least_seen_95": least_seen(lowest.files, drawn),
    }


def _not_tested(
    plan: Plan, population: Population, scoped: list[Scoped], passed_over: list[CommittedSnapshot]
) -> list[str]:
    counts = population.counts
    words = [f"{counts['files']} files were in the population, only the drawn ones were restored"]
    if counts["not_files"]:
        words.append(f"{counts['not_files']} directories, links and other things without content were not drawn")
    if counts["unread"]:
        words.append(f"{counts['unread']} files that were not read completely at backup were not drawn")
    if counts["too_large"]:
        words.append(f"{counts['too_large']} files larger than {plan.largest} bytes were not drawn")
    without = sorted({one.entry for one in scoped} - {stratum.entry for stratum in population.strata})
    words.extend(f"entry {entry}: nothing of it was restored, no file of it could be drawn" for entry in without)
    if not plan.every_snapshot:
        words.append("snapshots between an entry's newest complete and its oldest retained one were not drawn from")
    if plan.entries:
        words.append("inventory entries that the drill was not asked for were not drawn from")
    words.extend(f"snapshot {each.id.short} is newer but incomplete and was not drawn from" for each in passed_over)
    return words
