"""What scripts rely on: one object on standard output, its members and their types."""

import re
from pathlib import Path
from types import NoneType
from typing import Any

from tests.architecture.tree import ROOT
from tests.engine.cli.places import Place

ORDER = ["v", "command", "result", "error", "exit"]

BACKUP = {
    "run": str,
    "snapshot": str,
    "entry": str,
    "entry_id": str,
    "writer": str,
    "complete": bool,
    "totals": dict,
    "packs": int,
    "head": str,
    "ledger_shares_neighbourhood": bool,
    "clock_checked": bool,
    "note": NoneType,
    "stored": int,
    "tls": list,
    "verified_by": list,
    "adopted": list,
    "unread": list,
    "findings": list,
}
VERIFY = {
    "writers": int,
    "entries": int,
    "objects": int,
    "bytes": int,
    "read": int,
    "read_bytes": int,
    "snapshots": int,
    "withdrawn": int,
    "unvouched": int,
    "verdict": str,
    "freshness": str,
    "ledger_shares_neighbourhood": bool,
    "heads": list,
    "clock": NoneType,
    "not_tested": list,
    "findings": list,
}
RESTORE = {
    "snapshot": str,
    "complete": bool,
    "intact": bool,
    "synced": bool,
    "files": int,
    "directories": int,
    "other": int,
    "skipped": int,
    "bytes": int,
    "read": int,
    "owners_unset": int,
    "xattrs_unset": int,
    "findings": list,
}
SNAPSHOT_ROW = {
    "snapshot": str,
    "entry": str,
    "entry_id": str,
    "writer": str,
    "source_at": str,
    "expires_at": str,
    "complete": bool,
    "totals": dict,
}
LS_ROW = {
    "path": str,
    "mode": str,
    "uid": int,
    "gid": int,
    "size": int,
    "mtime_ns": int,
    "target": str | None,
    "unread": str | None,
}


def fits(document: dict[str, Any], shape: dict[str, Any]) -> bool:
    """Exactly these members, each of its type."""
    return list(document) == list(shape) and all(isinstance(document[name], kind) for name, kind in shape.items())


def test_results_have_their_members_and_types(repository: Place) -> None:
    repository.configure(backup="expiry_days = 30")

    backup = repository.run("backup", "--json").document
    snapshots = repository.run("snapshots", "--json").document
    listed = repository.run("ls", "latest", "--json").document
    verify = repository.run("verify", "--json").document
    restore = repository.run("restore", "latest", "restored", "--json").document

    assert list(backup) == list(verify) == list(restore) == ORDER
    assert list(snapshots) == list(listed) == [*ORDER[:2], "rows", *ORDER[2:]]
    assert fits(backup["result"], BACKUP)
    assert fits(verify["result"], VERIFY)
    assert fits(restore["result"], RESTORE)
    assert all(fits(row, SNAPSHOT_ROW) for row in snapshots["rows"])
    assert all(fits(row, LS_ROW) for row in listed["rows"])
    assert len(listed["rows"]) == listed["result"]["entries"] > 1
    assert {each["v"] for each in (backup, snapshots, listed, verify, restore)} == {1}


def documented() -> dict[str, tuple[str, str]]:
    """Of each command, what docs/exit-codes.md says that result and rows hold."""
    text = (ROOT / "docs" / "exit-codes.md").read_text()
    rows = re.findall(
        r"^\| (`[a-z].*?`) \| (.+?) \| (.*?)\|$", text.partition("| command | `result` |")[2], re.MULTILINE
    )
    return {command: (result, row) for commands, result, row in rows for command in re.findall("`(.+?)`", commands)}


def undocumented(members: dict[str, Any], text: str) -> set[str]:
    names = set(re.findall("`([a-z_0-9]+)`", text))
    counts = {name for name, value in members.items() if "counts" in text and type(value) is int}
    return members.keys() - names - counts


def test_every_member_is_documented(place: Place) -> None:
    told = documented()
    key = place.root / "another.pem"
    commands: dict[str, tuple[str | Path, ...]] = {
        "keygen key": (key, "--unprotected"),
        "keygen public": (key, place.root / "another.pub"),
        "keygen host-secret": (place.root / "another.secret",),
        "init": (),
        "backup": (),
        "snapshots": (),
        "ls": ("latest",),
        "verify": ("--files",),
        "restore": ("latest", "restored"),
        "drill": (),
        "status": (),
        "resume-transfers": (),
        "explain": ("00" * 16, "00" * 16),
    }

    said = {command: place.run(*command.split(), *rest, "--json").document for command, rest in commands.items()}

    assert told.keys() == commands.keys() | {"enrol", "reconcile", "configure", "abandon", "plan", "apply"}
    for command, document in said.items():
        result, row = told[command]
        assert undocumented(document["result"], result) == set(), command
        assert bool(row.strip()) is ("rows" in document), command
        for each in document.get("rows", []):
            assert undocumented(each, row) == set(), command


def test_error_is_an_object_too(place: Place) -> None:
    document = place.run("backup", "--json").document

    assert list(document) == ORDER
    assert fits(document["error"], {"code": str, "cause": str, "message": str, "hint": str, "retryable": bool})
    assert document["exit"] == 2


def test_nothing_but_the_result_is_on_standard_output(repository: Place) -> None:
    ended = repository.run("backup", "--log", "json")

    assert ended.out.startswith("snapshot ")
    assert "{" not in ended.out
    assert '"event": "snapshot-commit"' in ended.err


def test_events_are_silent_unless_asked_for(repository: Place) -> None:
    assert "{" not in repository.run("backup").err


def test_events_name_no_file_and_no_key(repository: Place) -> None:
    (repository.source / "canary-name").write_bytes(b"canary-content")

    ended = repository.run("backup", "--log", "json", "--json", "--quiet")

    assert "canary" not in ended.err
    assert "PRIVATE" not in ended.err


def test_quiet_success_says_nothing_on_standard_error(repository: Place) -> None:
    assert repository.run("backup", "--quiet").err == ""
