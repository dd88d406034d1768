import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from proofkeep.drill import Plan, render_markdown
from proofkeep.drill.attacks import ATTACKS, Attack, Copy
from proofkeep.errors import CancelledError, DrillFailedError, KeyDeniedError, KeyServiceUnavailableError, UsageError
from tests.engine.drill.house import CANARY, CANARY_NAME, House, flip_byte, holding

PLAN = Plan("2026-q4", per_stratum=20)


def results(document: dict[str, object]) -> dict[str, str]:
    objectives = document["objectives"]
    assert isinstance(objectives, list)
    return {each["id"]: each["result"] for each in objectives}


@pytest.mark.parametrize("sealed", [False, True], ids=["tmpfs", "sealed"])
def test_sound_repository_passes(stored: House, *, sealed: bool) -> None:
    report = stored.drill(PLAN, sealed=sealed, live=[stored.live()])

    document = stored.evidence("2026-q4")
    assert report.passed
    assert document["result"] == "passed"
    assert document["scratch"]["kind"] == report.scratch == ("sealed" if sealed else "tmpfs")
    assert report.files == len(document["sample"]) == 17
    assert all(each["digest_actual"] == each["digest_expected"] for each in document["sample"])
    assert results(document) == {
        "ledger": "satisfied",
        "freshness": "not-tested",
        "media-reliability": "satisfied",
        "information-integrity": "satisfied",
        "metadata": "not-tested" if sealed else "satisfied",
        "live-source": "satisfied",
        "refusals": "satisfied",
        "recovery-time": "not-tested",
        "recovery-point": "not-tested",
        "plaintext-destroyed": "satisfied",
    }


@pytest.mark.parametrize("sealed", [False, True], ids=["tmpfs", "sealed"])
def test_nothing_of_the_plaintext_is_left(stored: House, *, sealed: bool) -> None:
    stored.drill(PLAN, sealed=sealed, live=[stored.live()])

    assert list(stored.memory.iterdir()) == []
    places = [place for place in stored.root.iterdir() if place.is_dir() and place != stored.source]
    assert {place.name for place in places} >= {"evidence", "drill-state", "packs"}
    for place in places:
        assert holding(place, CANARY) == []
        assert holding(place, CANARY_NAME.encode()) == []


def test_evidence_proves_itself_with_sha256sum(stored: House) -> None:
    report = stored.drill(PLAN)

    ended = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=report.evidence, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.decode().split() == [
        word for name in ("drill.json", "drill.md", "population.csv", "seed.txt") for word in (f"{name}:", "OK")
    ]


def test_evidence_is_private_and_leaves_the_place_of_signatures(stored: House) -> None:
    report = stored.drill(PLAN)

    document = stored.evidence("2026-q4")
    assert (document["schema"], document["signatures"], document["oscal"]) == ("proofkeep.drill/1", [], None)
    folder = Path(report.evidence)
    assert [oct(path.stat().st_mode & 0o777) for path in (folder, *folder.iterdir())] == ["0o700", *["0o600"] * 5]
    assert [path.name for path in folder.parent.iterdir()] == ["2026-q4"]


def test_what_was_not_tested_never_prints_as_satisfied(stored: House) -> None:
    stored.drill(PLAN, sealed=True)

    document = stored.evidence("2026-q4")
    lines = render_markdown(document).splitlines()
    untested = [each["statement"] for each in document["objectives"] if each["result"] == "not-tested"]
    assert len(untested) == 5
    for statement in untested:
        (row,) = [line for line in lines if line.startswith(f"| {statement} |")]
        assert "**not-tested**" in row
        assert "satisfied" not in row
        assert any(line.startswith(f"- {statement}: ") for line in lines)


def test_damaged_pack_fails_the_drill_and_the_evidence_says_so(stored: House) -> None:
    flip_byte(stored.packs()[0], 200)

    with pytest.raises(DrillFailedError, match="2026-q4"):
        stored.drill(PLAN, live=[stored.live()])

    document = stored.evidence("2026-q4")
    lost = [each for each in document["sample"] if each["result"] == "lost"]
    assert document["result"] == "failed"
    assert lost
    assert {each["code"] for each in lost} == {"authentication"}
    assert [each for each in document["sample"] if each["result"] == "equal"]
    assert results(document)["media-reliability"] == "not-satisfied"
    assert results(document)["plaintext-destroyed"] == "satisfied"
    assert "authentication" in {each["code"] for each in document["findings"]}
    assert list(stored.memory.iterdir()) == []


def test_missing_pack_fails_the_drill_and_the_rest_is_still_drilled(stored: House) -> None:
    for pack in stored.packs():
        if pack.stat().st_size > 1 << 20:
            pack.unlink()

    with pytest.raises(DrillFailedError):
        stored.drill(PLAN)

    document = stored.evidence("2026-q4")
    assert results(document)["ledger"] == "not-satisfied"
    assert {each["code"] for each in document["findings"]} >= {"object-missing", "pack-missing"}


def test_rolled_back_ledger_fails_the_drill(stored: House) -> None:
    stored.drill(replace(PLAN, id="first"))
    ledger = sorted(path for path in (stored.root / "ledger/ledger").rglob("*") if path.is_file())
    ledger[-1].unlink()

    with pytest.raises(DrillFailedError):
        stored.drill(PLAN)

    assert results(stored.evidence("2026-q4"))["freshness"] == "not-satisfied"


def test_second_drill_proves_freshness(stored: House) -> None:
    stored.drill(replace(PLAN, id="first"))

    report = stored.drill(PLAN)

    assert report.objectives["freshness"] == "satisfied"


def test_negative_test_that_is_not_refused_fails_the_drill(stored: House) -> None:
    open_door = Attack("open-door", "nothing refused this", ("authentication",), lambda _copy: None)

    with pytest.raises(DrillFailedError, match="refusals"):
        stored.drill(PLAN, attacks=[*ATTACKS, open_door])

    document = stored.evidence("2026-q4")
    tests = {each["name"]: each for each in document["negative_tests"]["refusals"]}
    assert (tests["open-door"]["seen"], tests["open-door"]["refused"]) == ("opened", False)
    assert sum(each["refused"] for each in tests.values()) == len(ATTACKS)
    assert results(document)["refusals"] == "not-satisfied"
    assert "| open-door | nothing refused this | opened | **NO** |" in render_markdown(document)


def test_refusal_for_another_reason_proves_nothing(stored: House) -> None:
    def away(_copy: Copy) -> None:
        raise KeyServiceUnavailableError("key service is away")

    with pytest.raises(DrillFailedError):
        stored.drill(
            PLAN, attacks=[Attack("wrong-context", "asked while the key service is away", ("key-mismatch",), away)]
        )

    (test,) = stored.evidence("2026-q4")["negative_tests"]["refusals"]
    assert (test["seen"], test["refused"]) == ("key-service-unavailable", False)


def test_role_that_may_not_unwrap_fails_with_evidence(stored: House) -> None:
    stored.providers = stored.backup_providers

    with pytest.raises(DrillFailedError) as failed:
        stored.drill(PLAN)

    document = stored.evidence("2026-q4")
    assert (failed.value.code, failed.value.hint) == (KeyDeniedError.code, KeyDeniedError.hint)
    assert document["result"] == "failed"
    assert document["steps_failed"] == [
        {"step": "draw", "code": "key-denied", "message": document["steps_failed"][0]["message"]}
    ]
    assert set(results(document).values()) == {"not-tested"}


def test_empty_repository_fails_the_drill(house: House) -> None:
    with pytest.raises(DrillFailedError):
        house.drill(PLAN)

    document = house.evidence("2026-q4")
    assert [each["code"] for each in document["findings"]] == ["snapshot-missing"]
    assert results(document)["media-reliability"] == "not-tested"


def test_entry_without_a_snapshot_fails_the_drill(stored: House) -> None:
    with pytest.raises(DrillFailedError):
        stored.drill(replace(PLAN, entries=("home", "other")))

    (finding,) = stored.evidence("2026-q4")["findings"]
    assert finding["subject"] == f"entry {stored.repository.keys.entry_id('other').hex()}"


def test_missed_recovery_point_fails_the_drill(house: House) -> None:
    house.backup()
    later = 10**9 * 7200

    with pytest.raises(DrillFailedError, match="recovery-point"):
        house.drill(replace(PLAN, rpo_seconds=3600), clock=lambda: later + 1_900_000_000 * 10**9)


def test_targets_that_are_met(stored: House) -> None:
    report = stored.drill(replace(PLAN, rpo_seconds=3600, rto_seconds=3600))

    assert report.objectives["recovery-point"] == "satisfied"
    assert report.objectives["recovery-time"] == "satisfied"


def test_sample_within_its_target_is_no_full_recovery(stored: House) -> None:
    report = stored.drill(replace(PLAN, per_stratum=1, rto_seconds=3600))

    assert report.objectives["recovery-time"] == "not-tested"


def test_evidence_is_never_rewritten(stored: House) -> None:
    stored.drill(PLAN)
    before = (stored.root / "evidence/2026-q4/SHA256SUMS").read_bytes()

    with pytest.raises(UsageError, match="2026-q4"):
        stored.drill(PLAN)

    assert (stored.root / "evidence/2026-q4/SHA256SUMS").read_bytes() == before


@pytest.mark.parametrize("name", ["", "../up", "Upper", "-dash", ".hidden", "a" * 65, "a/b", "a\n"])
def test_id_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="drill id"):
        Plan(name).check()


@pytest.mark.parametrize(
    "plan",
    [
        replace(PLAN, per_stratum=0),
        replace(PLAN, read=1.5),
        replace(PLAN, type="whenever"),
        replace(PLAN, largest=0),
        replace(PLAN, rto_seconds=-1),
    ],
)
def test_plan_that_cannot_be_done_is_refused(plan: Plan) -> None:
    with pytest.raises(UsageError, match="2026-q4"):
        plan.check()


def test_drill_checks_its_plan(stored: House) -> None:
    with pytest.raises(UsageError):
        stored.drill(Plan("../up"))


@pytest.mark.parametrize("during", ["draw", "restore", "compare", "spot-check", "attack"])
def test_cancelled_drill_leaves_neither_plaintext_nor_evidence(stored: House, during: str) -> None:
    steps: list[str] = []

    with pytest.raises(CancelledError):
        stored.drill(
            PLAN,
            live=[stored.live()],
            progress=lambda step, **_: steps.append(step),
            cancelled=lambda: during in steps,
        )

    assert steps[-1] == during
    assert list(stored.memory.iterdir()) == []
    assert not (stored.root / "evidence/2026-q4").exists()


def test_evidence_states_environment_keys_and_clock(stored: House) -> None:
    stored.drill(PLAN)

    document = stored.evidence("2026-q4")
    (key,) = document["keys"]
    assert [each["recipient"] for each in key["wrapped_for"]] == [stored.providers[0].recipient]
    assert document["environment"]["fips_validated_module"] == "not asserted"
    assert document["timing"]["clock_starts"]
    assert document["timing"]["clock_stops"]
    assert {each["pack"] for each in document["sample"]} - {None} == {each["name"] for each in document["packs"]}
