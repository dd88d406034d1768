"""Bad input gets a clear error with code and hint, a non-zero exit, and leaves nothing half-visible."""

import json
import time

import pytest

from proofkeep.backup import Backup, drive
from proofkeep.configuration import load
from tests.engine.cli.places import Place, refused, unprivileged

TWO_DAYS_NS = 2 * 86_400 * 10**9


def nothing_is_committed(place: Place) -> bool:
    return not list((place.root / "store").glob("snapshots/*/*/*"))


def edit_descriptors(place: Place, **members: object) -> None:
    for folder in ("store", "ledger"):
        descriptor = place.root / folder / "repository"
        document = json.loads(descriptor.read_bytes()) | members
        descriptor.unlink()
        descriptor.write_text(json.dumps(document, sort_keys=True, separators=(",", ":")))


@pytest.mark.parametrize("command", ["backup", "snapshots", "verify"])
def test_unknown_format_version(repository: Place, command: str) -> None:
    edit_descriptors(repository, v=2)

    ended = repository.run(command, "--json")

    refused(ended, "version-unsupported")
    assert nothing_is_committed(repository)


def test_repository_without_ledger(repository: Place) -> None:
    (repository.root / "ledger/repository").unlink()

    refused(repository.run("backup", "--json"), "ledger-missing")
    assert nothing_is_committed(repository)


def test_no_repository(place: Place) -> None:
    refused(place.run("backup", "--json"), "repository-missing")


def test_repository_is_not_made_twice(repository: Place) -> None:
    before = (repository.root / "store/repository").read_bytes()

    ended = repository.run("init", "--json")

    refused(ended, "repository-exists")
    assert (repository.root / "store/repository").read_bytes() == before


@pytest.mark.parametrize("path", ["store", "store/ledger", "."])
def test_ledger_in_the_same_place_as_the_packs(place: Place, path: str) -> None:
    place.configure(ledger=f'kind = "local"\npath = "{path}"')
    (place.root / "store").mkdir()

    ended = place.run("init", "--json")

    refused(ended, "ledger-placement")
    assert not list(place.root.rglob("repository"))


def test_empty_source_unless_it_is_meant(repository: Place) -> None:
    (repository.root / "nothing").mkdir()
    repository.configure(source='root = "nothing"')

    ended = repository.run("backup", "--json")
    nothing_before = nothing_is_committed(repository)
    meant = repository.run("backup", "--json", "--allow-empty")

    assert (ended.code, ended.document["error"]["code"]) == (1, "source-empty")
    assert nothing_before
    assert meant.code == 0
    assert meant.document["result"]["totals"]["files"] == 0


@pytest.mark.requires("setpriv")
def test_unreadable_source(repository: Place) -> None:
    repository.source.chmod(0)

    ended = repository.run("backup", "--json", under=unprivileged())

    assert (ended.code, ended.document["error"]["code"]) == (1, "source-unavailable")
    assert ended.document["error"]["retryable"] is True
    assert nothing_is_committed(repository)
    repository.source.chmod(0o755)


@pytest.mark.parametrize("pattern", ["[a", "a//b", "../x", "!a"])
def test_malformed_pattern(repository: Place, pattern: str) -> None:
    repository.configure(source=f'root = "source"\nexclude = ["{pattern}"]')

    refused(repository.run("backup", "--json"), "pattern-malformed")
    assert nothing_is_committed(repository)


@pytest.mark.parametrize(
    "top,store,key",
    [
        ('surprise = 1\nentry = "home"', None, "surprise is not known"),
        (None, 'kind = "local"\npath = "store"\nsize = 3', "store.size is not known"),
        (None, 'kind = "ftp"\npath = "store"', "store.kind is wrong"),
        (None, 'kind = "local"', "store.path is missing"),
        ("entry = [", None, "is no toml"),
    ],
)
def test_configuration_is_refused_by_key(place: Place, top: str | None, store: str | None, key: str) -> None:
    sections = {name: text for name, text in (("top", top), ("store", store)) if text is not None}
    if top is not None and top.startswith("surprise"):
        sections["top"] = place.sections[""] + "\nsurprise = 1"
    place.configure(**sections)

    ended = place.run("backup", "--json")

    refused(ended, "usage")
    assert key in ended.document["error"]["message"]
    assert "Traceback" not in ended.err


def test_configuration_that_everybody_may_write(repository: Place) -> None:
    repository.config.chmod(0o666)

    refused(repository.run("backup", "--json"), "policy")
    assert nothing_is_committed(repository)
    repository.config.chmod(0o664)
    repository.done("backup")


def test_mistyped_kind_of_log_is_refused_wherever_it_is_said(repository: Place) -> None:
    repository.environment = {"PROOFKEEP_LOG": "jsno"}

    refused(repository.run("backup", "--json"), "usage")
    refused(repository.run("backup", "--json", "--log", "yaml"), "usage")
    assert nothing_is_committed(repository)


@pytest.mark.parametrize("what", ["key", "host-secret"])
def test_key_is_not_made_where_there_is_no_directory(place: Place, what: str) -> None:
    protection = ["--unprotected"] if what == "key" else []

    refused(place.run("keygen", what, place.root / "no/such/file", *protection, "--json"), "usage")


def test_missing_configuration(place: Place) -> None:
    place.config.unlink()

    ended = place.run("snapshots", "--json")

    refused(ended, "usage")
    assert "cannot be read: no such file or directory" in ended.err


@pytest.mark.parametrize(
    "arguments,words",
    [
        ((), "required"),
        (("restart",), "invalid choice"),
        (("restore", "latest"), "required: target"),
        (("verify", "--sample", "200%"), "is no share"),
        (("verify", "--expect-head", "abc"), "is not WRITER:SEQ:SHA256"),
        (("backup", "--run", "abc"), "is not 32 hex digits"),
        (("backup", "--resume", "00" * 16), "has no journal on this host"),
        (("explain", "00" * 16, "abc"), "is not 32 hex digits"),
        (("restore", "latest", "restored", "--path", "nowhere"), "holds nothing at nowhere"),
        (("ls", "latest", "nowhere"), "holds nothing at nowhere"),
        (("ls", "latest", ""), "a path in a snapshot is relative to the source's root"),
        (("restore", "latest", "restored", "--path", ""), "a path in a snapshot is relative to the source's root"),
        (("restore", "latest", "restored", "--path", "folder/../large"), "a path in a snapshot is relative"),
        (("ls", "ab"), "has less than 4 digits"),
    ],
)
def test_wrong_command_line(repository: Place, arguments: tuple[str, ...], words: str) -> None:
    if "latest" in arguments:
        repository.done("backup")

    ended = repository.run(*arguments, "--json")

    refused(ended, "usage")
    assert words in ended.document["error"]["message"]
    assert not (repository.root / "restored").exists()


def test_ledger_from_two_days_ahead_is_refused_until_a_run_names_its_entry(repository: Place) -> None:
    configuration = load(repository.config)
    connected = configuration.connect()
    with Backup(
        connected,
        configuration.open_state(connected),
        configuration.open_source(),
        configuration.key_providers(),
        configuration.identity(bytes(16)),
        configuration.options(now_ns=time.time_ns()),
        clock=lambda: time.time_ns() + TWO_DAYS_NS,
    ) as future:
        drive(future)

    ended = repository.run("backup", "--json")

    refused(ended, "ledger-ahead")
    assert "hours ahead of this host's clock" in ended.err
    assert len(list((repository.root / "store").glob("snapshots/*/*/*"))) == 1

    head = ended.document["error"]["message"].rpartition(": ")[2]
    named = repository.done("backup", "--known-ahead", head)
    after = repository.done("backup")
    restored = repository.done("restore", "latest", "restored")

    assert [finding["code"] for finding in named["findings"]] == ["ledger-ahead"]
    assert after["findings"] == []
    assert (restored["snapshot"], restored["intact"]) == (after["snapshot"], True)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_wrong_ca_file(place: Place, content: str | None) -> None:
    if content is not None:
        (place.root / "ca.pem").write_text(content)
    place.configure(
        store='kind = "s3"\nbucket = "b"\nendpoint_url = "https://localhost:1"\nregion = "us-east-1"',
        tls='ca_file = "ca.pem"',
    )

    ended = place.run("init", "--json")

    refused(ended, "usage")
    assert "the tls policy's CA file" in ended.err


def test_other_host_secret(repository: Place) -> None:
    (repository.root / "host.secret").unlink()
    repository.done("keygen", "host-secret", repository.root / "host.secret")

    ended = repository.run("snapshots", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (1, "authentication")


def test_host_secret_that_others_may_read(repository: Place) -> None:
    (repository.root / "host.secret").chmod(0o644)

    refused(repository.run("snapshots", "--json"), "policy")


@pytest.mark.parametrize("environment", [{}, {"PROOFKEEP_PASSPHRASE": ""}])
def test_missing_passphrase_is_said(backed_up: Place, environment: dict[str, str]) -> None:
    backed_up.configure(keys=backed_up.sections["keys"].replace("PROOFKEEP_PASSPHRASE", "NOT_SET"))
    backed_up.environment = {name.replace("PROOFKEEP_PASSPHRASE", "NOT_SET"): "" for name in environment}

    ended = backed_up.run("restore", "latest", "restored", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (1, "key-missing")
    assert f"env:NOT_SET is {'empty' if environment else 'not set'}" in ended.err
    assert not (backed_up.root / "restored").exists()


def test_wrong_passphrase(backed_up: Place) -> None:
    backed_up.environment = {"PROOFKEEP_PASSPHRASE": "another long passphrase"}

    ended = backed_up.run("restore", "latest", "restored", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (1, "key-mismatch")
    assert not (backed_up.root / "restored").exists()
