"""`status` as a person or a monitor meets it."""

import shutil
from typing import Any

import pytest

from proofkeep.cli.exits import Exit
from proofkeep.status import RECORDS_DAMAGED
from tests.engine.cli.places import Place, refused


def status(place: Place) -> tuple[int, dict[str, Any]]:
    """Its exit code and result."""
    ended = place.run("status", "--json")
    result: dict[str, Any] = ended.document["result"]
    return ended.code, result


def only(rows: list[dict[str, Any]]) -> dict[str, Any]:
    (row,) = rows
    return row


def test_entry_is_in_time_once_it_was_backed_up_and_open_again_when_that_fails(repository: Place) -> None:
    never = status(repository)
    repository.done("backup")
    good = status(repository)
    hidden = repository.source.rename(repository.root / "elsewhere")
    failed = repository.run("backup", "--json")
    bad = status(repository)
    text = repository.run("status")
    hidden.rename(repository.source)
    repository.done("backup")

    assert never[0] == 7
    assert (only(never[1]["entries"])["entry"], only(never[1]["entries"])["overdue"]) == ("home", True)
    assert good[0] == 0
    entry = only(good[1]["entries"])
    assert (entry["overdue"], entry["failures"], entry["drill"]) == (False, [], None)
    assert (entry["allowed_seconds"], entry["repository"]) == (26 * 3600, str(repository.root / "store"))
    assert bad[0] == 7
    failure = only(only(bad[1]["entries"])["failures"])
    assert (failure["verb"], failure["code"]) == ("backup", failed.document["error"]["code"])
    assert text.code == 7
    assert f"[{failure['code']}]" in text.out
    assert status(repository)[0] == 0


def test_entry_older_than_its_allowed_age_is_overdue(repository: Place) -> None:
    repository.configure(source='root = "source"\nallowed_age = "1s"')
    repository.done("backup")

    while (code_and_result := status(repository))[0] == 0:
        pass

    assert only(code_and_result[1]["entries"])["overdue"]
    assert "OVERDUE" in repository.run("status").out


def test_lost_state_directory_forgets_failures_and_keeps_the_age(repository: Place) -> None:
    repository.done("backup")
    shutil.rmtree(repository.root / "state")

    code, result = status(repository)

    entry = only(result["entries"])
    assert (code, entry["overdue"], entry["failures"]) == (0, False, [])
    assert entry["snapshot"]


def test_without_the_repository_status_tells_what_the_host_remembers(repository: Place) -> None:
    repository.done("backup")
    (repository.root / "store").rename(repository.root / "away")

    ended = repository.run("status", "--json")

    entry = only(ended.document["result"]["entries"])
    assert ended.code != 0
    assert ended.document["result"]["unreachable"] == ended.document["error"]["code"]
    assert (entry["overdue"], entry["snapshot"], entry["verified_at"] is None) == (False, None, False)


def test_failed_and_passed_verify_and_drill_are_told(repository: Place) -> None:
    repository.done("backup")
    repository.done("drill")
    pack = max((repository.root / "store" / "packs").rglob("*"), key=lambda path: path.stat().st_size)
    content = pack.read_bytes()
    pack.chmod(0o600)
    pack.write_bytes(content[:-1])
    assert repository.run("verify").code == 4
    open_ = status(repository)
    pack.write_bytes(content)
    repository.done("verify")
    closed = status(repository)

    assert only(open_[1]["entries"])["drill"]["code"] is None
    assert (open_[0], only(only(open_[1]["entries"])["failures"])["code"]) == (7, "damaged")
    assert (closed[0], only(closed[1]["entries"])["failures"]) == (0, [])


def test_drill_is_told_where_it_ran_and_said_to_be_unknown_elsewhere(repository: Place) -> None:
    repository.done("backup")
    untold = repository.run("status")
    shutil.rmtree(repository.root / "state")
    repository.configure(top=f'state = "state"\nhost_secret = "file:{repository.root}/host.secret"')
    repository.run("drill")
    told, said = status(repository), repository.run("status")

    assert "  no drill on this host\n" in untold.out
    drilled = only(told[1]["drilled"])
    assert (told[1]["entries"], drilled["drill"]["verb"]) == ([], "drill")
    assert f"{drilled['entry']}  backed up elsewhere  drill " in said.out


def test_host_that_only_verifies_tells_its_open_failure_and_is_asked_no_age(repository: Place) -> None:
    repository.done("backup")
    shutil.rmtree(repository.root / "state")
    repository.configure(top=f'state = "state"\nhost_secret = "file:{repository.root}/host.secret"')
    untold = status(repository)
    pack = max((repository.root / "store" / "packs").rglob("*"), key=lambda path: path.stat().st_size)
    kept = pack.rename(repository.root / "kept")
    assert repository.run("verify").code == 4
    bad, said = status(repository), repository.run("status")
    kept.rename(pack)
    assert repository.run("verify").code == Exit.NOT_PROVEN  # nobody remembers a head here
    unknown = status(repository)
    repository.done("verify")

    assert untold[0] == 0
    failure = only(bad[1]["failures"])
    assert (bad[0], bad[1]["entries"], failure["verb"], failure["entries"]) == (7, [], "verify", [])
    assert f"open: verify of all entries {failure['run']} [damaged] " in said.out
    assert (unknown[0], [each["code"] for each in unknown[1]["failures"]]) == (7, ["damaged", "not-proven"])
    assert (status(repository)[0], status(repository)[1]["failures"]) == (0, [])


def test_failure_on_a_repository_that_is_served_no_more_stays_until_a_command_forgets_it(repository: Place) -> None:
    repository.done("backup")
    max((repository.root / "store" / "packs").rglob("*"), key=lambda path: path.stat().st_size).unlink()
    assert repository.run("verify").code == 4
    place = str(repository.root / "store")
    own = repository.run("status", "--forget-repository", place)
    repository.run("status", "--forget", "home")
    repository.configure(**{name: f'kind = "local"\npath = "other-{name}"' for name in ("store", "ledger")})
    repository.done("init")
    repository.done("backup")

    bad, said = status(repository), repository.run("status")
    good = repository.done("status", "--forget-repository", place)

    assert own.code == 2
    failure = only(bad[1]["failures"])
    assert (bad[0], failure["verb"], failure["repository"]) == (7, "verify", place)
    assert f"open: verify of all entries in {place} {failure['run']} [damaged] " in said.out
    assert f"if this host serves {place} no more: proofkeep status --forget-repository {place}\n" in said.out
    assert good["failures"] == []


@pytest.mark.parametrize("verb", ["backup", "verify"])
def test_command_line_that_is_wrong_opens_no_failure(repository: Place, verb: str) -> None:
    repository.done("backup")
    wrong = {"backup": ("--resume", "00" * 16), "verify": ("--sample", "0%")}[verb]

    assert repository.run(verb, *wrong).code == 2
    assert status(repository)[0] == 0


def test_forgotten_entry_is_listed_no_more(repository: Place) -> None:
    repository.done("backup")
    top = repository.sections[""].replace('"home"', '"other"')
    repository.configure(top=top)
    assert [entry["entry"] for entry in status(repository)[1]["entries"]] == ["home", "other"]

    ended = repository.run("status", "--forget", "home", "--json")

    assert [entry["entry"] for entry in ended.document["result"]["entries"]] == ["other"]
    assert repository.run("status", "--forget", "home").code == 2


def test_damaged_record_is_told_and_a_restore_that_it_ended_says_what_closes_it(repository: Place) -> None:
    repository.done("backup")
    (record,) = (repository.root / "store").glob("snapshots/*/*/*")
    kept = record.read_bytes()
    record.chmod(0o600)
    record.write_bytes(kept[: len(kept) // 2])

    bad, said = status(repository), repository.run("status")
    assert repository.run("restore", "latest", repository.root / "restored").code == 1
    record.write_bytes(kept)
    closing = repository.run("status")
    repository.done("verify", "--read-all")

    (damaged,) = only(bad[1]["entries"])["damaged"]
    assert (bad[0], damaged["snapshot"]) == (7, record.name)
    assert f"  record of snapshot {record.name} is damaged [{damaged['code']}]\n" in said.out
    assert RECORDS_DAMAGED in said.out
    assert "; nothing less closes it than `proofkeep verify --read-all` that finds nothing\n" in closing.out
    assert status(repository)[0] == 0


@pytest.mark.parametrize("name", [" ", "ho|me", "Home", "line\\nfeed", "-home", "a" * 101])
def test_name_that_no_inventory_takes_is_refused_and_opens_no_failure(repository: Place, name: str) -> None:
    repository.configure(top=repository.sections[""].replace('"home"', f'"{name}"'))

    ended = repository.run("backup", "--json")

    refused(ended, "usage")
    assert "is no entry's name: small letters and digits" in ended.err
    assert only(status(repository)[1]["entries"])["failures"] == []
