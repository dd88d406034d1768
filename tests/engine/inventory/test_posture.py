from datetime import UTC, datetime

import pytest

from proofkeep.inventory import gaps, render_posture
from proofkeep.inventory.posture import CHECKS
from tests.engine.inventory.example import inventory

NOW = datetime(2026, 11, 24, tzinfo=UTC)

DRILL_ELSEWHERE = ('cron: "0 6 1 1,4,7,10 *"', 'cron: "0 6 1 1,4,7,10 *"\n      host: restore-1.example')
SECOND_HOST = ("    limit: 2\n", "    limit: 2\n  - name: restore-1.example\n")
COVERED = (DRILL_ELSEWHERE, SECOND_HOST)
WIKI = """\
entries:
  - {name: wiki, system: wiki, host: backup-1.example, source: wiki, cui: false, location: cloud, repository: main,
     schedule: {cron: "0 2 * * *"}, allowed_age: 26h, retention: 30d, owner: it}
"""
SECOND_ENTRY = ("entries:\n", WIKI)

LACKING = {
    "no-schedule": [
        ('    schedule:\n      cron: "30 1 * * *"\n      timezone: UTC\n', ""),
    ],
    "age-shorter-than-interval": [("allowed_age: 26h", "allowed_age: 24h")],
    "no-drill": [('    drill:\n      cron: "0 6 1 1,4,7,10 *"\n      host: restore-1.example\n', "")],
    "rare-drill": [('"0 6 1 1,4,7,10 *"', '"0 6 1 1,7 *"')],
    "own-host-decrypts": [("host: restore-1.example\n", "host: backup-1.example\n")],
    "no-separate-decrypt": [("restore_key: restore", "restore_key: backup")],
    "same-location": [("location: aws us-east-1", "location: Headquarters ")],
    "packs-stay-local": [("transport: tls", "transport: local")],
    "no-verify": [('    verify:\n      cron: "0 6 * * 0"\n      read: 0.1\n', "")],
    "no-retention": [("    retention: 90d\n", "")],
    "no-owner": [("    owner: it operations\n", "")],
    "mixed-repository": [SECOND_ENTRY],
}


def test_covered_entry_has_no_gap() -> None:
    assert gaps(inventory(*COVERED), NOW) == []


def test_every_check_is_provoked_below() -> None:
    assert list(LACKING) == [check.code for check in CHECKS]


@pytest.mark.parametrize("code", LACKING)
def test_what_lacks_is_found_and_says_which_objective_it_serves(code: str) -> None:
    found = gaps(inventory(*COVERED, *LACKING[code]), NOW)

    assert [gap.code for gap in found] == [code]
    assert found[0].entry == "home"
    assert found[0].objectives


def test_fleet_schedule_counts_as_the_entrys() -> None:
    unscheduled = LACKING["no-schedule"][0]
    fleet = ("hosts:\n", 'fleet:\n  cron: "0 1 * * *"\nhosts:\n')

    assert gaps(inventory(*COVERED, unscheduled, fleet), NOW) == []


def test_window_of_the_fleet_counts_for_the_entrys_age() -> None:
    unscheduled = LACKING["no-schedule"][0]
    fleet = ("hosts:\n", 'fleet:\n  cron: "0 1 * * *"\n  window: 3h\nhosts:\n')

    (gap,) = gaps(inventory(*COVERED, unscheduled, fleet), NOW)

    assert gap.code == "age-shorter-than-interval"


def test_drill_of_public_data_is_nobodys_duty() -> None:
    without = LACKING["no-drill"][0]

    assert gaps(inventory(*COVERED, without, ("cui: true", "cui: false")), NOW) == []


def test_page_names_every_check_its_objectives_and_the_owner() -> None:
    lacking = inventory(("allowed_age: 26h", "allowed_age: 1h"), ("it operations", "a | b <i>"))
    page = render_posture(lacking, gaps(lacking, NOW))

    assert all(f"`{check.code}` | {check.asks} | {', '.join(check.objectives)}" in page for check in CHECKS)
    assert "| home | yes | a \\| b &lt;i> | `age-shorter-than-interval` |" in page
    assert "1 entries, 1 with CUI; 2 gaps in 1 entries." in page


def test_page_names_the_host_that_drills_each_entry_and_so_tells_of_it() -> None:
    elsewhere = render_posture(found := inventory(*COVERED), gaps(found, NOW))
    never = render_posture(found := inventory(*COVERED, *LACKING["no-drill"]), gaps(found, NOW))

    assert "| home | backup-1.example | restore-1.example | `0 6 1 1,4,7,10 *` UTC |" in elsewhere
    assert "## Drills" not in never
    assert "no drill of its restore is scheduled" in never


def test_inventory_without_any_entry_is_a_gap_of_its_own() -> None:
    page = render_posture(empty := inventory().model_copy(update={"entries": []}), found := gaps(empty, NOW))

    assert [gap.code for gap in found] == ["no-entry"]
    assert "0 entries, 0 with CUI; 1 gaps in 0 entries." in page
    assert "| none | no | nobody | `no-entry` | nothing is backed up or drilled | CP-09 |" in page
    assert "| `no-entry` | is there any | CP-09 | 1 |" in page
