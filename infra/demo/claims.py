"""What the demo claims, each claim held against what was seen; the exit code is 0 only if all of them hold."""

from collections.abc import Iterator
from dataclasses import dataclass

from infra.demo.outcome import BackupSeen, Outcome
from proofkeep.cli import shown

FLOWS = ["backup", "backup", "verify", "restore", "restore_drill"]
BACKUP_STEPS = frozenset({"snapshot", "compress", "encrypt", "checksum", "upload", "verify", "commit"})
TLS_VERSIONS = frozenset({"TLSv1.2", "TLSv1.3"})
ATTACKS = ("wrong-key", "flipped-bit", "wrong-context", "truncated", "tampered-wrapped-key")


@dataclass(frozen=True)
class Claim:
    """One sentence, whether it is true, and what was seen instead."""

    sentence: str
    holds: bool
    seen: str


def broken(outcome: Outcome) -> list[Claim]:
    """Claims that do not hold."""
    return [claim for claim in claims(outcome) if not claim.holds]


def claims(outcome: Outcome) -> Iterator[Claim]:
    """All of them."""
    yield from _backups(outcome)
    yield from _change(outcome)
    yield from _travel(outcome)
    yield from _verify(outcome)
    yield from _restore(outcome)
    yield from _drill(outcome)
    yield from _orchestration(outcome)


def _backups(outcome: Outcome) -> Iterator[Claim]:
    for number, backup in enumerate((outcome.first, outcome.second), start=1):
        yield Claim(
            f"backup {number} is complete", backup.receipt["complete"], f"{backup.totals['unread']} could not be read"
        )
    yield _stored("backup 1", outcome.first, outcome.first.packs)
    yield _stored("backup 2", outcome.second, outcome.new_packs)
    ours, theirs = outcome.comparison, outcome.second.totals
    yield Claim(
        "backup 2 holds every file of the source",
        (ours.files, ours.bytes) == (theirs["files"], theirs["bytes"]),
        f"{ours.files} files and {ours.bytes} bytes found, {theirs['files']} and {theirs['bytes']} backed up",
    )


def _stored(name: str, backup: BackupSeen, packs: object) -> Claim:
    listed = sum(packs.values()) if isinstance(packs, dict) else 0
    return Claim(
        f"the store lists exactly what {name} says it stored",
        listed == backup.totals["stored"],
        f"{listed} bytes are listed, {backup.totals['stored']} were stored",
    )


def _change(outcome: Outcome) -> Iterator[Claim]:
    first, second = outcome.first, outcome.second
    kept = {name: size for name, size in second.packs.items() if name in first.packs}
    yield Claim("backup 2 left every earlier pack as it was", kept == dict(first.packs), "a pack changed or went")
    new = second.totals["new_bytes"]
    yield Claim(
        "backup 2 sent nothing but what changed",
        outcome.change.least <= new <= outcome.change.most,
        f"{new} bytes were new, {outcome.change.most} in files that changed",
    )


def _travel(outcome: Outcome) -> Iterator[Claim]:
    told = outcome.vouched
    bad = [
        "none" if each is None else f"{each.version} {each.cipher} with peer {each.peer_sha256[:16]}"
        for each in told.connections
        if each is None
        or each.version not in TLS_VERSIONS
        or not ("AES" in each.cipher and "GCM" in each.cipher)
        or each.peer_sha256 != outcome.certificate
    ]
    yield Claim(
        "every object travelled over TLS 1.2 or newer with AES-GCM, to the demo's own certificate",
        bool(told.connections) and not bad,
        "; ".join(bad) or "the ledger names no connection",
    )
    yield Claim(
        "every data key is wrapped for the demo's KMS key and for no other",
        told.recipients == {f"awskms:{outcome.cloud.kek}"},
        ", ".join(sorted(told.recipients)) or "the ledger names no key",
    )
    yield Claim("the arrival of every object was proven", bool(told.proofs), "the ledger names no proof")


def _verify(outcome: Outcome) -> Iterator[Claim]:
    report = outcome.verified
    yield Claim(
        "verify found the store as the ledger says", report["intact"] and not report["findings"], str(report["verdict"])
    )
    yield Claim(
        "verify read every object back",
        report["read"] == report["objects"] > 0 and report["read_bytes"] == report["bytes"],
        f"{report['read']} of {report['objects']} objects, {report['read_bytes']} of {report['bytes']} bytes",
    )
    yield Claim(
        "verify held the ledger against a remembered head",
        "not provable" not in report["freshness"],
        str(report["freshness"]),
    )


def _restore(outcome: Outcome) -> Iterator[Claim]:
    report, found = outcome.restored, outcome.comparison
    moved = f", {found.moved} of them because the source changed meanwhile" if found.moved else ""
    yield Claim("restore brought back every file", report["intact"], f"{len(report['findings'])} findings")
    first = "; ".join(f"{shown.name(each.path)} {each.what}" for each in found.differences[:3])
    yield Claim(
        "the restored tree is the source, bit for bit and with its metadata",
        found.identical,
        f"{len(found.differences)} differences{moved}: {first}" if found.differences else "nothing was compared",
    )


def _drill(outcome: Outcome) -> Iterator[Claim]:
    report, evidence = outcome.drilled, outcome.evidence
    yield Claim(
        "the drill's evidence matches its checksums", not evidence.altered, f"altered: {', '.join(evidence.altered)}"
    )
    yield Claim(
        "the drill passed",
        report["passed"] and evidence.passed,
        f"{len(report['findings'])} findings, {evidence.folder}",
    )
    yield Claim(
        "the drill restored files as their manifest has them",
        report["files"] > evidence.unequal == 0,
        f"{evidence.unequal} of {report['files']} files differ",
    )
    live = report["compared_live"]
    yield Claim("the drill compared restored files with the live source", live > 0, f"{live} files")
    yield Claim("the drill destroyed what it restored", evidence.destroyed, "something was left")
    worked = [name for name, yes in evidence.controls.items() if not yes]
    yield Claim(
        "the undamaged copy opened in the drill",
        bool(evidence.controls) and not worked,
        ", ".join(worked) or "not tried",
    )
    for attack in ATTACKS:
        tried = {name: refused for name, refused in evidence.attacks.items() if name.startswith(attack)}
        opened = [name for name, refused in tried.items() if not refused]
        yield Claim(
            f"the drill saw every {attack} refused", bool(tried) and not opened, ", ".join(opened) or "not tried"
        )


def _orchestration(outcome: Outcome) -> Iterator[Claim]:
    yield Claim(
        "Prefect ran backup, backup, verify, restore and restore_drill",
        [each.flow for each in outcome.recorded] == FLOWS,
        ", ".join(each.flow for each in outcome.recorded),
    )
    for each in outcome.recorded:
        ended = ", ".join(f"{name} {state}" for name, state in each.tasks.items() if state != "Completed")
        yield Claim(
            f"Prefect shows {each.flow} and its steps as completed",
            each.completed and bool(each.tasks),
            ended or f"the run is {each.state}, with {len(each.tasks)} task runs",
        )
    steps = {name.rpartition("-")[0] for each in outcome.recorded[:2] for name in each.tasks}
    yield Claim(
        "each step of a backup is a task run of its own",
        steps >= BACKUP_STEPS,
        f"missing: {', '.join(sorted(BACKUP_STEPS - steps))}",
    )
