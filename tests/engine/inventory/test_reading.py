from pathlib import Path

import pytest

from proofkeep.errors import InventoryError, PolicyError
from proofkeep.inventory import load, parse
from proofkeep.inventory.schema import render
from tests.architecture.tree import ROOT
from tests.engine.inventory.example import PATH, TEXT, changed

ENTRY = "cui: true"
BILLION = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


def test_example_is_read_with_every_field() -> None:
    entry = load(PATH).entries[0]

    assert (entry.name, entry.system, entry.source, entry.cui, entry.owner) == (
        "home",
        "file server",
        "home",
        True,
        "it operations",
    )
    assert entry.allowed.total_seconds() == 26 * 3600
    assert entry.retention_days == 90


@pytest.mark.parametrize(
    "before,after,said",
    [
        ("30 1 *", "30 25 *", "line 32: entry home, schedule.cron: hour '25' is not between 0 and 23"),
        ("0 6 * * 0", "@weekly", "line 20: repository main, verify.cron: a cron expression has 5 fields, not 1"),
        ("timezone: UTC", "timezone: Mars/Base", "line 33: entry home, schedule.timezone: 'Mars/Base' is no time zone"),
        (ENTRY, f"{ENTRY}\n    colour: red", "line 29: entry home, colour: is not known"),
        ("    owner: it", "    Owner: it", "entry home, Owner: is not known"),
        ("    system: file server\n", "", "entry home, system: is missing"),
        (
            "allowed_age: 26h",
            "allowed_age: a day",
            "line 34: entry home, allowed_age: duration 'a day' is no span of time",
        ),
        ("allowed_age: 26h", "allowed_age: 26", "entry home, allowed_age: 26 has no unit, write it as 26h, 90m or 90d"),
        ("retention: 90d", "retention: 90", "entry home, retention: 90 has no unit, write it as 26h, 90m or 90d"),
        ("system: file server", "system: 7", "entry home, system: is to be text, in quotes where it looks like a"),
        (
            "timezone: UTC\n",
            "timezone: UTC\n      window: 99d\n",
            "entry home, schedule: window '99d' is longer than the 1d between two runs: none would miss it",
        ),
        ("retention: 90d", "retention: 36h", "entry home, retention: '36h' is no whole number of days"),
        (ENTRY, "cui: maybe", "line 28: entry home, cui: is to be true or false"),
        (
            ENTRY,
            f"{ENTRY}\n    spool_limit: 1000",
            "line 29: entry home, spool_limit: input should be greater than or equal to 16777216",
        ),
        (
            ENTRY,
            f"{ENTRY}\n    spool_limit: 32 GiB",
            "line 29: entry home, spool_limit: is to be a whole number",
        ),
        (ENTRY, f"{ENTRY}\n    allow_empty: perhaps", "entry home, allow_empty: is to be true or false"),
        ("read: 0.1", "read: 2", "repository main, verify.read: input should be less than or equal to 1"),
        (
            "    host: backup-1.example\n    source",
            "    host: x\n    source",
            "line 26: entry home, host: x is no host",
        ),
        ("repository: main", "repository: other", "line 30: entry home, repository: other is no repository"),
        ("    restore_key: restore\n", "", "entry home, drill: a drill decrypts, and repository main names no restore"),
        ("control_host: backup-1.example", "control_host: x", "line 5: control_host: x is no host of this inventory"),
        ("limit: 2", "limit: 1", "line 10: host backup-1.example, limit: a fleet takes one run of its control host"),
        (
            "hosts:\n",
            "hosts:\n  - name: backup-1.example-control\n",
            "host backup-1.example-control, name: backup-1.example-control is the control queue of another host",
        ),
        ("limit: 2", "limit: 0", "host backup-1.example, limit: input should be greater than or equal to 1"),
        ("version: 1", "version: 2", "line 3: version: input should be 1"),
        ("name: main", "name: Main Store", "line 13: repository Main Store, name: is to be small letters and digits"),
        (ENTRY, f"{ENTRY}\n    cui: false", ", line 29: cui is there twice"),
        (ENTRY, "cui: &it true\n    x: *it", ", line 29: aliases are not read"),
        ("    owner: it", "   owner: it", ", line 38: expected <block end>"),
        ("version: 1", "version: !!python/object/apply:os.abort []", ", line 3: could not determine a constructor"),
        ("version: 1", "? [1, 2]\n: 1", ", line 3: a key has to be one plain word"),
    ],
)
def test_refusal_names_line_entry_and_field(before: str, after: str, said: str) -> None:
    with pytest.raises(InventoryError) as refused:
        parse(changed((before, after)), "inventory x.yaml")

    assert str(refused.value).startswith("inventory x.yaml")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_control_host_that_is_backed_up_by_no_entry_may_run_one_at_a_time() -> None:
    apart = ("control_host: backup-1.example", "control_host: control.example")
    hosts = ("hosts:\n", "hosts:\n  - name: control.example\n    limit: 1\n")

    assert parse(changed(apart, hosts)).host("control.example").limit == 1


def test_other_host_may_run_one_at_a_time() -> None:
    hosts = ("hosts:\n", "hosts:\n  - name: backup-2.example\n    limit: 1\n")

    assert parse(changed(hosts)).host("backup-2.example").limit == 1


def test_every_problem_is_told_at_once_and_no_value_that_may_be_a_secret() -> None:
    text = changed((ENTRY, "cui: hunter2"), ("key: backup", "key: hunter2=="), ("90d", "soon"))

    with pytest.raises(InventoryError) as refused:
        parse(text)

    assert str(refused.value).count("line ") == 3
    assert "hunter2" not in str(refused.value)


def test_entry_named_twice_is_refused_at_its_second_line() -> None:
    entry = TEXT[TEXT.index("  - name: home") :]

    with pytest.raises(InventoryError, match=r"line 39: entry home, name: home is there twice"):
        parse(TEXT + entry)


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "[]", "just words", "\0", BILLION, "[" * 400, "a: " * 5], ids=range(8)
)
def test_what_is_no_inventory_is_refused_as_one(text: str) -> None:
    with pytest.raises(InventoryError):
        parse(text)


def test_document_is_bounded() -> None:
    with pytest.raises(InventoryError, match="is larger than"):
        parse("#" * (1 << 20) + "\n" + TEXT)


def test_file_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    file.write_text(TEXT)
    file.chmod(0o666)

    with pytest.raises(PolicyError, match="can be written by everybody"):
        load(file)


def test_missing_file_is_an_inventory_error(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="cannot be read: no such file"):
        load(tmp_path / "absent.yaml")


def test_published_schema_is_the_models() -> None:
    page = ROOT / "docs" / "platform-engineer" / "inventory.schema.json"

    assert page.read_text() == render(), f"run: python -m proofkeep.inventory.schema > {page.relative_to(ROOT)}"
