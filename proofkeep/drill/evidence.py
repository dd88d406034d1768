"""The evidence of a drill as one document, schema `proofkeep.drill/1` (docs/auditor/drill-evidence.md).

Keyed ids, counts, digests and instants; no file name, no key, no fraction of a number. Reads and writes nothing.
"""

import platform
import ssl
from dataclasses import asdict

from cryptography.hazmat.backends.openssl.backend import backend

from proofkeep.drill.live import RESULTS
from proofkeep.drill.objectives import NOT_SATISFIED, NOT_TESTED, OBJECTIVES, recovery_point_seconds
from proofkeep.drill.outcome import Outcome
from proofkeep.drill.receipts import (
    Attacked,
    Draw,
    DrillReport,
    Facts,
    Restored,
    Spotted,
    StepFailure,
    Trial,
)
from proofkeep.drill.verdict import verdict_of
from proofkeep.model import Finding

SCHEMA = "proofkeep.drill/1"
SEED_RULE = "SHA-256 of the seed input; rank of a file = SHA-256 of '<seed> <snapshot> <file>'; lowest ranks are drawn"
ALWAYS_UNTESTED = (
    "whole-system recovery: files were restored, no application was started on them",
    "key service: its own log of unwraps was not compared with this drill",
    "tls: no refused protocol version or certificate was tried in this drill",
)


def build_document(outcome: Outcome) -> Facts:
    """The evidence; its JSON form is what later issues sign."""
    plan, draw, restored = outcome.plan, outcome.draw, outcome.restored
    objectives = _objectives(outcome)
    drawn = draw if isinstance(draw, Draw) else None
    return {
        "schema": SCHEMA,
        "id": plan.id,
        "type": plan.type,
        "scenario": plan.scenario,
        "result": "passed" if _passed(outcome, objectives) else "failed",
        "started_at": outcome.started_at,
        "ended_at": outcome.ended_at,
        "repository": outcome.repository,
        "plan": asdict(plan) | {"entries": list(plan.entries), "read": f"{plan.read:g}"},
        "environment": _environment(outcome),
        "seed": None if drawn is None else {"rule": SEED_RULE, "input": drawn.seed_input, "value": drawn.seed},
        "ledger_heads": [] if drawn is None else drawn.heads,
        "verification": None if drawn is None else drawn.verification,
        "snapshots": [] if drawn is None else drawn.snapshots,
        "population": None if drawn is None else drawn.population,
        "strata": [] if drawn is None else drawn.strata,
        "keys": [] if drawn is None else drawn.keys,
        "packs": [] if drawn is None else drawn.packs,
        "sample": [] if drawn is None else _sample(drawn, outcome),
        "scratch": restored.scratch if isinstance(restored, Restored) else None,
        "destruction": restored.destruction if isinstance(restored, Restored) else None,
        "timing": restored.timing if isinstance(restored, Restored) else None,
        "targets": {
            "rto_seconds": plan.rto_seconds,
            "recovery_ms": restored.timing["recovery_ms"] if isinstance(restored, Restored) else None,
            "rpo_seconds": plan.rpo_seconds,
            "recovery_point_seconds": None if drawn is None else recovery_point_seconds(drawn),
        },
        "live_source": [_live(spot) for spot in outcome.spotted if isinstance(spot, Spotted)],
        "negative_tests": _negative(outcome.attacked) if isinstance(outcome.attacked, Attacked) else None,
        "steps_failed": [asdict(failure) for failure in outcome.failures],
        "findings": [{"code": each.code, "subject": each.subject, "detail": each.detail} for each in outcome.findings],
        "objectives": objectives,
        "not_tested": _not_tested(outcome, objectives),
        "signatures": [],
        "oscal": None,
    }


def summarize(document: Facts, folder: str) -> DrillReport:
    """What a caller wants to know at once of evidence that lies in `folder`."""
    timing = document["timing"] or {}
    tests = document["negative_tests"] or {"refusals": []}
    return DrillReport(
        document["id"],
        document["result"] == "passed",
        folder,
        sum(each["result"] == "equal" for each in document["sample"]),
        timing.get("bytes", 0),
        timing.get("recovery_ms", 0) / 1000,
        (document["scratch"] or {}).get("kind", "none"),
        len(document["strata"]),
        (document["population"] or {}).get("files", 0),
        sum(each["counts"]["equal"] for each in document["live_source"]),
        sum(each["refused"] for each in tests["refusals"]),
        [Finding(**each) for each in document["findings"]],
        {each["id"]: each["result"] for each in document["objectives"]},
        [StepFailure(**each) for each in document["steps_failed"]],
        verdict_of(document),
    )


def _objectives(outcome: Outcome) -> list[Facts]:
    rows = []
    for objective in OBJECTIVES:
        result, why = objective.judge(outcome)
        rows.append(
            {
                "id": objective.id,
                "statement": objective.statement,
                "supports": list(objective.supports),
                "result": result,
                "why": why,
            }
        )
    return rows


def _passed(outcome: Outcome, objectives: list[Facts]) -> bool:
    return not outcome.findings and all(row["result"] != NOT_SATISFIED for row in objectives)


def _environment(outcome: Outcome) -> Facts:
    return asdict(outcome.environment) | {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "openssl": {"sealing": backend.openssl_version_text(), "tls": ssl.OPENSSL_VERSION},
        "fips_validated_module": "not asserted",
    }


def _sample(draw: Draw, outcome: Outcome) -> list[Facts]:
    """Each drawn file with what became of it."""
    restored = outcome.restored.files if isinstance(outcome.restored, Restored) else []
    compared = {(file.snapshot, file.file): file for file in restored}
    rows = []
    for sampled in draw.sample:
        file = compared.get((sampled.snapshot, sampled.file))
        rows.append(
            {
                "snapshot": sampled.snapshot,
                "entry": sampled.entry,
                "file": sampled.file,
                "size": sampled.size,
                "pack": sampled.pack or None,
                "stratum": sampled.stratum,
                "why": sampled.why,
                "rank": sampled.rank,
                "digest_expected": sampled.digest,
                "digest_actual": (file.actual or None) if file else None,
                "result": file.result if file else "not-restored",
                "code": (file.code or None) if file else None,
                "metadata": file.metadata if file else "not-compared",
                "metadata_differing": file.fields if file else [],
            }
        )
    return rows


def _live(spot: Spotted) -> Facts:
    return {
        "host": spot.host,
        "entry": spot.entry,
        "at": spot.at,
        "asked": len(spot.answers),
        "counts": {result: spot.count(result) for result in RESULTS},
        "answers": [{"file": each.file, "result": each.result, "digest": each.actual or None} for each in spot.answers],
    }


def _negative(attacked: Attacked) -> Facts:
    return {
        "pack": attacked.pack,
        "pack_sha256": attacked.pack_sha256,
        "data_key": attacked.data_key,
        "recipient": attacked.recipient,
        "controls": [_trial(each, "worked") for each in attacked.controls],
        "refusals": [_trial(each, "refused") for each in attacked.refusals],
    }


def _trial(trial: Trial, what: str) -> Facts:
    return asdict(trial) | {what: trial.as_expected}


def _not_tested(outcome: Outcome, objectives: list[Facts]) -> list[str]:
    """In words, everything this drill says nothing about."""
    words = [f"{row['statement']}: {row['why']}" for row in objectives if row["result"] == NOT_TESTED]
    for step in (outcome.draw, outcome.restored):
        if isinstance(step, Draw | Restored):
            words += step.not_tested
    asked = {spot.entry for spot in outcome.spotted if isinstance(spot, Spotted)}
    if isinstance(outcome.draw, Draw):
        silent = {sampled.entry for sampled in outcome.draw.sample} - asked
        words += [f"entry {entry}: its source's host was not asked" for entry in sorted(silent)]
        packs = len(outcome.draw.packs)
        words.append(f"negative tests were made on a copy of one pack of the {packs} that the drawn files begin in")
    return [*words, *ALWAYS_UNTESTED]
