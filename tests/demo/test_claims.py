from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from infra.demo import claims, table
from infra.demo.comparison import Comparison, Difference
from infra.demo.origin import Change
from infra.demo.outcome import Outcome
from infra.demo.runs import Recorded
from infra.demo.witness import Vouched
from proofkeep.model import TlsSession
from tests.demo.outcomes import (
    CERTIFICATE,
    FIRST_PACKS,
    KEK,
    SESSION,
    backup,
    drilled,
    evidence,
    good_outcome,
    restored,
    verified,
)

OLD_TLS = TlsSession("TLSv1.1", SESSION.cipher, CERTIFICATE)
CBC = TlsSession("TLSv1.2", "ECDHE-RSA-AES256-SHA384", CERTIFICATE)
CHACHA = TlsSession("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", CERTIFICATE)
STRANGER = TlsSession("TLSv1.3", SESSION.cipher, "0" * 64)

STORED_1 = "the store lists exactly what backup 1 says it stored"
STORED_2 = "the store lists exactly what backup 2 says it stored"
WHOLE = "backup 2 holds every file of the source"
KEPT = "backup 2 left every earlier pack as it was"
ONLY_CHANGES = "backup 2 sent nothing but what changed"
TLS = "every object travelled over TLS 1.2 or newer with AES-GCM, to the demo's own certificate"
KEY = "every data key is wrapped for the demo's KMS key and for no other"
INTACT = "verify found the store as the ledger says"
READ_ALL = "verify read every object back"
FRESH = "verify held the ledger against a remembered head"
SAME = "the restored tree is the source, bit for bit and with its metadata"
DRILL = "the drill passed"
AS_MANIFEST = "the drill restored files as their manifest has them"
CONTROLS = "the undamaged copy opened in the drill"
GOOD_ATTACKS = evidence().attacks
STEPS = "each step of a backup is a task run of its own"
FLOWS = "Prefect ran backup, backup, verify, restore and restore_drill"


def told(**changes: Any) -> dict[str, Any]:
    return {"vouched": replace(Vouched(7, {"k"}, {SESSION}, {f"awskms:{KEK}"}, {"read-back"}), **changes)}


def with_runs(change: Callable[[list[Recorded]], list[Recorded]]) -> Callable[[Outcome], dict[str, Any]]:
    return lambda outcome: {"recorded": change(outcome.recorded)}


SECOND_PACKS = FIRST_PACKS | {"packs/w/l/0": 90}

# what went wrong: the fields that say so, and the claims that must not hold then
LIES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "first incomplete": (
        {"first": replace(backup(FIRST_PACKS), receipt={**backup(FIRST_PACKS).receipt, "complete": False})},
        {"backup 1 is complete"},
    ),
    "first stored less": ({"first": backup(FIRST_PACKS, stored=901)}, {STORED_1}),
    "second stored less": ({"second": backup(SECOND_PACKS, new_bytes=120, stored=91)}, {STORED_2}),
    "a file is not backed up": ({"comparison": Comparison(15, 11, 2100)}, {WHOLE}),
    "an earlier pack was replaced": (
        {"second": backup(SECOND_PACKS | {"packs/w/k/1": 301}, new_bytes=120, stored=90)},
        {KEPT},
    ),
    "too much travelled": ({"second": backup(SECOND_PACKS, new_bytes=201, stored=90)}, {ONLY_CHANGES}),
    "nothing travelled": ({"second": backup(SECOND_PACKS, new_bytes=0, stored=90)}, {ONLY_CHANGES}),
    "new though nothing changed": ({"change": Change("nothing", 0)}, {ONLY_CHANGES}),
    "tls too old": (told(connections={SESSION, OLD_TLS}), {TLS}),
    "cbc": (told(connections={CBC}), {TLS}),
    "chacha": (told(connections={CHACHA}), {TLS}),
    "another server": (told(connections={SESSION, STRANGER}), {TLS}),
    "one without tls": (told(connections={SESSION, None}), {TLS}),
    "no connection at all": (told(connections=set()), {TLS}),
    "another key too": (told(recipients={f"awskms:{KEK}", "file:sha256:00"}), {KEY}),
    "no key": (told(recipients=set()), {KEY}),
    "no proof": (told(proofs=set()), {"the arrival of every object was proven"}),
    "damaged": ({"verified": verified(intact=False, verdict="damaged", findings=[{"code": "x"}])}, {INTACT}),
    "not all read": ({"verified": verified(read=6, read_bytes=1000)}, {READ_ALL}),
    "nothing to read": ({"verified": verified(read=0, objects=0)}, {READ_ALL}),
    "freshness not provable": ({"verified": verified(freshness="not provable: no remembered head")}, {FRESH}),
    "restore damaged": ({"restored": restored(intact=False)}, {"restore brought back every file"}),
    "a byte differs": (
        {"comparison": Comparison(14, 10, 2000, differences=[Difference(b"a\xff", "differs in content")])},
        {SAME},
    ),
    "nothing compared": ({"comparison": Comparison(1, 10, 2000)}, {SAME}),
    "drill failed": ({"drilled": drilled(passed=False)}, {DRILL}),
    "evidence says failed": ({"evidence": evidence(passed=False)}, {DRILL}),
    "nothing drilled": ({"drilled": drilled(files=0)}, {AS_MANIFEST}),
    "a drilled file differs": ({"evidence": evidence(unequal=1)}, {AS_MANIFEST}),
    "no live source": (
        {"drilled": drilled(compared_live=0)},
        {"the drill compared restored files with the live source"},
    ),
    "plaintext left": ({"evidence": evidence(destroyed=False)}, {"the drill destroyed what it restored"}),
    "nothing opens at all": ({"evidence": evidence(controls={"opens": False})}, {CONTROLS}),
    "no control": ({"evidence": evidence(controls={})}, {CONTROLS}),
    "a flipped bit went unnoticed": (
        {"evidence": evidence(attacks={**GOOD_ATTACKS, "flipped-bit-frame": False})},
        {"the drill saw every flipped-bit refused"},
    ),
    "nothing was tried": (
        {"evidence": evidence(attacks={})},
        {f"the drill saw every {attack} refused" for attack in claims.ATTACKS},
    ),
    "evidence altered": (
        {"evidence": evidence(altered=["drill.md"])},
        {"the drill's evidence matches its checksums"},
    ),
}

RUNS: dict[str, tuple[Callable[[list[Recorded]], list[Recorded]], set[str]]] = {
    "no drill": (lambda runs: runs[:-1], {FLOWS}),
    "failed task": (
        lambda runs: [*runs[:2], Recorded("verify", "Completed", {"work-1": "Failed"}), *runs[3:]],
        {"Prefect shows verify and its steps as completed"},
    ),
    "run still running": (
        lambda runs: [*runs[:3], Recorded("restore", "Running", {"work-1": "Completed"}), *runs[4:]],
        {"Prefect shows restore and its steps as completed"},
    ),
    "no task": (
        lambda runs: [*runs[:3], Recorded("restore", "Completed"), *runs[4:]],
        {"Prefect shows restore and its steps as completed"},
    ),
    "a step is no task": (
        lambda runs: [Recorded("backup", "Completed", {"upload-1": "Completed"}) for _ in runs[:2]] + runs[2:],
        {STEPS},
    ),
}


def broken(outcome: Outcome) -> set[str]:
    return {claim.sentence for claim in claims.broken(outcome)}


def test_every_claim_holds_of_a_demo_that_went_well() -> None:
    assert broken(good_outcome()) == set()


@pytest.mark.parametrize("lie", LIES)
def test_a_claim_does_not_survive(lie: str) -> None:
    changes, expected = LIES[lie]

    found = broken(replace(good_outcome(), **changes))

    assert found == expected


@pytest.mark.parametrize("lie", RUNS)
def test_a_claim_does_not_survive_what_prefect_recorded(lie: str) -> None:
    change, expected = RUNS[lie]
    outcome = good_outcome()

    found = broken(replace(outcome, recorded=change(outcome.recorded)))

    assert found == expected


def test_every_claim_is_broken_by_some_lie() -> None:
    outcome = good_outcome()
    all_lies: set[str] = set().union(*(expected for _, expected in [*LIES.values(), *RUNS.values()]))

    never = {claim.sentence for claim in claims.claims(outcome)} - all_lies

    assert {sentence for sentence in never if not sentence.startswith(("Prefect shows", "backup 2 is"))} == set()


def test_table_says_what_a_person_asks() -> None:
    rows = dict(table.rows(good_outcome()))

    assert rows["in transit"].startswith("TLSv1.3 TLS_AES_256_GCM_SHA384")
    assert rows["key id"].startswith("00000000-0000-0000-0000-000000000001")
    assert rows["ratio"].startswith("1.67 : 1")
    assert rows["second backup"].startswith("120 B new, 90 B stored in 1 pack;")
    assert rows["evidence"] == "/demo/evidence/1/drill.json"
    assert "make ui" in rows["look at it"]
    assert "ends with them" in rows["end it"]
