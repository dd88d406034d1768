"""What is made of a configuration: adapters, identity, options."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from proofkeep.configuration import Configuration, adapters, parse
from proofkeep.configuration.adapters import open_state
from proofkeep.errors import PatternError, UsageError
from proofkeep.stores.s3 import S3Store
from proofkeep.stores.s3_direct import DirectS3Store
from tests.architecture.tree import ROOT

DAY_NS = 86_400 * 10**9


def configured(root: Path, **members: Any) -> Configuration:
    least = {
        "entry": "home",
        "state": "state",
        "host_secret": f"file:{root}/host.secret",
        "store": {"kind": "local", "path": "store"},
        "ledger": {"kind": "local", "path": "ledger"},
    }
    return parse(least | members, base=root)


def test_source_leaves_out_state_store_and_ledger(tmp_path: Path) -> None:
    configuration = configured(tmp_path, source={"root": "."})
    for name in ("state", "store", "ledger", "own"):
        (tmp_path / name).mkdir()

    source = configuration.open_source()

    assert [node.path for node in source.walk()] == [b"", b"own"]
    source.close()


def test_source_is_called_by_its_root_unless_labelled(tmp_path: Path) -> None:
    unnamed = configured(tmp_path, source={"root": "data"}).open_source()
    named = configured(tmp_path, source={"root": "data", "label": "a home"}).open_source()

    assert (unnamed.label, named.label) == (str(tmp_path / "data"), "a home")


def test_malformed_pattern_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    with pytest.raises(PatternError):
        configured(tmp_path, source={"root": "data", "include": ["["]}).open_source()

    assert list(tmp_path.iterdir()) == []


def test_missing_source_keys_and_entry_are_said_when_they_are_needed(tmp_path: Path) -> None:
    configuration = configured(tmp_path, entry=None)

    with pytest.raises(UsageError, match="section source is missing"):
        configuration.open_source()
    with pytest.raises(UsageError, match=r"keys\.providers is empty"):
        configuration.key_providers()
    with pytest.raises(UsageError, match="entry is missing"):
        configuration.identity(bytes(16))


def test_identity_tells_user_software_and_lock(tmp_path: Path) -> None:
    lock = hashlib.sha256((ROOT / "requirements/runtime.txt").read_bytes()).hexdigest()

    identity = configured(tmp_path).identity(bytes(16), orchestrator="flow run")

    assert identity.entry == "home"
    assert identity.identity.endswith(f"(uid {os.geteuid()})")
    assert identity.software.startswith("proofkeep ")
    assert identity.lock == lock
    assert identity.orchestrator == "flow run"


def test_wheel_carries_the_lock_it_was_built_with(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        carried = wheel.read("proofkeep/runtime-lock.txt")

    assert carried == (ROOT / "requirements/runtime.txt").read_bytes()


def test_drill_works_below_the_state_directory_unless_told_otherwise(tmp_path: Path) -> None:
    unsaid = configured(tmp_path).drill_places()
    said = configured(tmp_path, drill={"evidence": "proof", "sealed": "/scratch"}).drill_places()

    assert (unsaid.evidence, unsaid.sealed) == (tmp_path / "state/evidence", tmp_path / "state/scratch")
    assert (said.evidence, said.sealed) == (tmp_path / "proof", Path("/scratch"))


def test_expiry_counts_from_the_start_of_the_run(tmp_path: Path) -> None:
    options = configured(tmp_path, backup={"expiry_days": 30, "level": 7}).options(now_ns=5)

    assert options.expires_ns == 5 + 30 * DAY_NS
    assert options.level == 7


def test_empty_source_can_be_allowed_for_one_run(tmp_path: Path) -> None:
    configuration = configured(tmp_path)

    assert not configuration.options(now_ns=0).allow_empty
    assert configuration.options(now_ns=0, allow_empty=True).allow_empty


def test_entries_from_the_future_are_known_by_configuration_or_for_one_run(tmp_path: Path) -> None:
    configuration = configured(tmp_path, backup={"known_ahead": ["one"]})

    assert configuration.options(now_ns=0).known_ahead == ("one",)
    assert configuration.options(now_ns=0, known_ahead=["two"]).known_ahead == ("one", "two")


def test_stores_of_one_directory_kind_are_opened_where_they_are_said_to_be(tmp_path: Path) -> None:
    store, ledger = configured(tmp_path).open_stores()

    assert (store.location.place, ledger.location.place) == (str(tmp_path / "store"), str(tmp_path / "ledger"))


@pytest.mark.parametrize(
    "members, service",
    [
        ({"endpoint_url": "https://Store.example:9000/"}, "store.example:9000"),
        ({"endpoint_url": "https://store.example/two/"}, "store.example/two"),
        ({"endpoint_url": "https://name:secret@store.example?secret"}, "store.example"),
        ({"endpoint_url": "https://[store.example"}, "no address"),
        ({"endpoint_url": "https://s3.eu-central-1.amazonaws.com"}, "AWS"),
        ({}, "AWS"),
    ],
)
def test_place_tells_services_apart_and_no_secret(tmp_path: Path, members: dict[str, str], service: str) -> None:
    store = {"kind": "s3", "bucket": "packs", "prefix": "below/", **members}

    assert configured(tmp_path, store=store).place == f"s3://packs/below at {service}"


@pytest.mark.parametrize(
    "store, ledger, shared",
    [
        ({"endpoint_url": "https://127.0.0.1:1"}, {"endpoint_url": "https://127.0.0.1:1"}, True),
        ({"endpoint_url": "https://127.0.0.1:1"}, {"endpoint_url": "https://127.0.0.1:2"}, False),
        ({"endpoint_url": "https://127.0.0.1:1"}, {"endpoint_url": "https://127.0.0.1:1", "region": "other"}, False),
        ({}, {}, False),
        ({"endpoint_url": "https://127.0.0.1:1"}, {}, False),
    ],
)
def test_one_client_serves_two_buckets_of_one_server_only(
    tmp_path: Path, store: dict[str, str], ledger: dict[str, str], *, shared: bool
) -> None:
    configuration = configured(
        tmp_path,
        store={"kind": "s3", "bucket": "packs", "region": "one", **store},
        ledger={"kind": "s3", "bucket": "ledger", "prefix": "below", "region": "one", **ledger},
    )

    assert adapters.same_service(configuration.store, configuration.ledger) is shared
    packs, entries = configuration.open_stores()

    assert packs.location.place.endswith("packs")
    assert entries.location.place.endswith("ledger")


@pytest.fixture
def ambient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name)
    for name, value in {"HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hidden"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("ambient")
@pytest.mark.parametrize("port, shared", [(1, True), (2, False)])
def test_who_only_reads_does_without_the_sdk_until_it_is_needed(tmp_path: Path, port: int, *, shared: bool) -> None:
    place = {"kind": "s3", "region": "one", "endpoint_url": "https://127.0.0.1:1"}
    configuration = configured(
        tmp_path,
        store=place | {"bucket": "packs"},
        ledger=place | {"bucket": "ledger", "prefix": "below", "endpoint_url": f"https://127.0.0.1:{port}"},
    )

    stores = configuration.open_stores(reading=True)

    assert [type(store) for store in stores] == [DirectS3Store, DirectS3Store]
    sdks = [store.sdk for store in stores if isinstance(store, DirectS3Store)]
    assert [sdk.location for sdk in sdks] == [store.location for store in stores]
    assert (getattr(sdks[0], "_client") is getattr(sdks[1], "_client")) is shared  # noqa: B009 - of the adapter alone


@pytest.mark.usefixtures("ambient")
def test_who_writes_or_brings_a_session_uses_the_sdk(tmp_path: Path) -> None:
    place = {"kind": "s3", "region": "one", "endpoint_url": "https://127.0.0.1:1"}
    configuration = configured(tmp_path, store=place | {"bucket": "packs"}, ledger=place | {"bucket": "ledger"})
    session = botocore.session.Session()

    stores = (*configuration.open_stores(), *configuration.open_stores(session, reading=True))

    assert {type(store) for store in stores} == {S3Store}


@pytest.mark.usefixtures("ambient")
def test_aws_itself_is_read_by_the_sdk(tmp_path: Path) -> None:
    place = {"kind": "s3", "region": "eu-central-1", "bucket": "packs"}
    configuration = configured(tmp_path, store=place, ledger=place | {"bucket": "ledger"})

    assert {type(store) for store in configuration.open_stores(reading=True)} == {S3Store}


def test_state_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    configuration = configured(tmp_path)

    with pytest.raises(UsageError, match=r"state directory .* cannot be used: not a directory"):
        open_state(configuration.state, bytes(16))
