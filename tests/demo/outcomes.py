"""A demo that went well, made up; tests change one thing at a time."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from infra.demo.claims import ATTACKS, BACKUP_STEPS, FLOWS
from infra.demo.cloud import Cloud
from infra.demo.comparison import Comparison
from infra.demo.evidence import Evidence
from infra.demo.origin import Change, Origin
from infra.demo.outcome import BackupSeen, Outcome
from infra.demo.runs import Recorded
from infra.demo.witness import Vouched
from proofkeep.model import TlsSession

CERTIFICATE = sha256(b"the endpoint's certificate").hexdigest()
KEK = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/00000000-0000-0000-0000-000000000001"
SESSION = TlsSession("TLSv1.3", "TLS_AES_256_GCM_SHA384", CERTIFICATE)
FIRST_PACKS = {"packs/w/k/0": 600, "packs/w/k/1": 300}


def backup(packs: dict[str, int], **totals: int) -> BackupSeen:
    counted = {
        "files": 10,
        "directories": 3,
        "other": 1,
        "bytes": 2000,
        "read_bytes": 1500,
        "new_bytes": 1400,
        "stored": 900,
        "unchanged_files": 0,
        "unread": 0,
    }
    return BackupSeen({"complete": True, "totals": counted | totals}, packs, 2.0)


def verified(**told: Any) -> dict[str, Any]:
    report = {
        "intact": True,
        "findings": [],
        "verdict": "intact",
        "objects": 7,
        "read": 7,
        "bytes": 1100,
        "read_bytes": 1100,
        "freshness": "held against the head that was asked for",
    }
    return report | told


def restored(**told: Any) -> dict[str, Any]:
    return {"intact": True, "findings": [], "files": 10, "bytes": 2000} | told


def drilled(**told: Any) -> dict[str, Any]:
    report = {
        "passed": True,
        "findings": [],
        "files": 4,
        "strata": 3,
        "population": 10,
        "scratch": "tmpfs",
        "seconds": 0.5,
        "compared_live": 4,
        "refusals": 3,
    }
    return report | told


def evidence(**told: Any) -> Evidence:
    good = Evidence(
        Path("/demo/evidence/1"),
        altered=[],
        passed=True,
        destroyed=True,
        attacks=dict.fromkeys((*ATTACKS, "flipped-bit-frame", "extended"), True),
        controls={"opens": True},
    )
    return replace(good, **told)


def recorded() -> list[Recorded]:
    steps = {f"{step}-1ab": "Completed" for step in BACKUP_STEPS}
    return [Recorded(flow, "Completed", steps if flow == "backup" else {"work-2cd": "Completed"}) for flow in FLOWS]


def good_outcome() -> Outcome:
    """Every claim holds of this one."""
    return Outcome(
        origin=Origin(Path("/demo/source"), generated=True),
        change=Change("a log grew", 200, least=1),
        cloud=Cloud("https://127.0.0.1:1", "us-gov-west-1", "/ca.pem", KEK),
        certificate=CERTIFICATE,
        first=backup(FIRST_PACKS),
        second=backup(FIRST_PACKS | {"packs/w/l/0": 90}, new_bytes=120, stored=90, unchanged_files=9),
        vouched=Vouched(7, {"k", "l"}, {SESSION}, {f"awskms:{KEK}"}, {"read-back"}),
        verified=verified(),
        restored=restored(),
        comparison=Comparison(nodes=14, files=10, bytes=2000),
        drilled=drilled(),
        evidence=evidence(),
        recorded=recorded(),
        ui="http://127.0.0.1:4200/runs/flow-run/1",
        seconds=40.0,
    )
