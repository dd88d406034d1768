"""Bad input ends a flow run with a code and a hint in its state, and leaves nothing half-visible."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import FlowRun

from blocks import KeyProvider, Ledger, ObjectStore, Source, TlsPolicy
from flows.backup import backup
from flows.drill import restore_drill
from flows.restore import restore
from flows.verify import verify
from proofkeep import errors
from tests.flows.conftest import PrefectSide
from tests.flows.house import House, store_documents
from tests.flows.running import artifacts, message, run_here

ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ProofkeepError)]
HINTS = {kind.code: kind.hint for kind in ERRORS}


def source(house: House, **fields: Any) -> None:
    store_documents(house.name, Source(**({"root": str(house.source)} | fields)))


def repository(house: House, **fields: Any) -> None:
    store_documents(house.name, house.block.model_copy(update=fields))


def descriptors(house: House, change: Callable[[Path], None]) -> None:
    for folder in ("store", "ledger"):
        change(house.root / folder / "repository")


def next_version(descriptor: Path) -> None:
    document = json.loads(descriptor.read_bytes()) | {"v": 2}
    descriptor.chmod(0o600)
    descriptor.write_text(json.dumps(document, sort_keys=True, separators=(",", ":")))


def elsewhere(ca_file: Path) -> dict[str, Any]:
    place: dict[str, Any] = {"kind": "s3", "endpoint_url": "https://localhost:1", "region": "us-east-1"}
    return {
        "store": ObjectStore(**place, bucket="packs"),
        "ledger": Ledger(store=ObjectStore(**place, bucket="ledger")),
        "tls": TlsPolicy(ca_file=str(ca_file)),
    }


# What is wrong, and the code that says so.
WRONG: dict[str, tuple[Callable[[House], None], str]] = {
    "format version": (lambda house: descriptors(house, next_version), "version-unsupported"),
    "no repository": (lambda house: descriptors(house, Path.unlink), "repository-missing"),
    "no ledger": (lambda house: (house.root / "ledger/repository").unlink(), "ledger-missing"),
    "ledger among the packs": (
        lambda house: repository(house, ledger=Ledger(store=house.block.store)),
        "ledger-placement",
    ),
    "no source": (lambda house: source(house, root=str(house.root / "nowhere")), "source-unavailable"),
    "source is a file": (lambda house: source(house, root=str(house.root / "key.pem")), "source-unavailable"),
    "source in the store": (lambda house: source(house, root=str(house.root / "store")), "policy"),
    "source empty": (lambda house: (house.source / "noise-000").unlink(), "source-empty"),
    "pattern": (lambda house: source(house, exclude=["[a"]), "pattern-malformed"),
    "no ca file": (lambda house: repository(house, **elsewhere(house.root / "nowhere.pem")), "usage"),
    "ca file without certificate": (lambda house: repository(house, **elsewhere(house.root / "key.pem")), "usage"),
    "no key": (lambda house: (house.root / "public.pem").unlink(), "key-missing"),
    "no host secret": (lambda house: (house.root / "host.secret").unlink(), "key-missing"),
    "host secret for all to read": (lambda house: (house.root / "host.secret").chmod(0o644), "policy"),
    "no state directory": (lambda house: repository(house, state=str(house.root / "key.pem")), "usage"),
}


@pytest.fixture
def filled(house: House) -> House:
    house.fill(1)
    return house


@pytest.fixture(scope="module")
def stored(shared_house: House) -> House:
    """A house with a snapshot, and a directory that is not empty; no test spoils it."""
    house = shared_house
    house.fill(1)
    (house.root / "full").mkdir()
    (house.root / "full/precious").write_text("precious")
    assert run_here(backup, house.parameters()).state_name == "Completed"
    return house


@pytest.fixture(scope="module")
def empty(prefect: PrefectSide, tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house without a snapshot, for flows that change nothing."""
    assert prefect.directory.is_dir()
    return House(tmp_path_factory.mktemp("empty") / "house")


def refused(run: FlowRun, code: str) -> None:
    """State and card say code and hint; neither says what only the host may know."""
    assert run.state_name == "Failed"
    assert f" [{code}]. {HINTS[code]} Card: http" in message(run)
    card = artifacts(run.id)["markdown"]
    assert f"`{code}`: " in card
    assert f"**What to do:** {HINTS[code]}" in card
    assert "noise-000" not in message(run) + card


@pytest.mark.parametrize("what", WRONG)
def test_backup_says_what_is_wrong(filled: House, what: str) -> None:
    spoil, code = WRONG[what]
    spoil(filled)

    run = run_here(backup, filled.parameters())

    refused(run, code)
    assert not list((filled.root / "store").glob("snapshots/*/*/*"))


@pytest.mark.parametrize(
    "flow,parameters,code",
    [
        (restore, {"snapshot": "0" * 32}, "snapshot-missing"),
        (restore, {"snapshot": "latest"}, "snapshot-missing"),
        (restore, {"snapshot": "0"}, "usage"),
        (restore, {"keys": "nowhere"}, "usage"),
        (restore, {"file_ids": ["../etc"]}, "usage"),
        (verify, {"expect_heads": ["0"]}, "usage"),
        (restore_drill, {"drill": "../../etc"}, "usage"),
    ],
)
def test_other_flows_say_what_is_wrong(empty: House, flow: Any, parameters: dict[str, Any], code: str) -> None:
    most = {"repository": empty.name, "keys": empty.name, "target": str(empty.root / "restored")}
    names = {restore: most.keys(), verify: {"repository"}, restore_drill: {"repository", "keys"}}[flow]

    run = run_here(flow, {name: most[name] for name in names} | parameters)

    refused(run, code)
    assert not (empty.root / "restored").exists()


def test_restore_refuses_a_target_that_would_lie_in_the_workers_checkout(stored: House) -> None:
    run = run_here(restore, {"repository": stored.name, "keys": stored.name, "target": "restored"})

    refused(run, "target")
    assert "the restore target is no absolute path" in message(run)
    assert not Path("restored").exists()


@pytest.mark.parametrize("target", ["store/restored", "ledger/restored", "state/restored", "full"])
def test_restore_refuses_where_it_may_not_write(stored: House, target: str) -> None:
    parameters = {"repository": stored.name, "keys": stored.name, "target": str(stored.root / target)}
    run = run_here(restore, parameters)

    refused(run, "target")
    assert not list(stored.root.rglob("*restored*"))
    assert (stored.root / "full/precious").read_text() == "precious"


def test_latest_of_several_entries_takes_the_entry_that_is_named(filled: House) -> None:
    for entry in ("home", "other"):
        assert run_here(backup, filled.parameters() | {"entry": entry}).state_name == "Completed"
    parameters = {"repository": filled.name, "keys": filled.name, "target": str(filled.root / "restored")}

    unnamed = run_here(restore, parameters)
    named = run_here(restore, parameters | {"entry": "home"})

    refused(unnamed, "usage")
    assert named.state_name == "Completed", message(named)


def test_block_of_another_type_is_refused_by_name(filled: House, prefect: PrefectSide) -> None:
    assert prefect.directory.is_dir()
    store_documents(f"{filled.name}-only-keys", KeyProvider(providers=[f"file:{filled.root / 'public.pem'}"]))

    run = run_here(backup, filled.parameters() | {"repository": f"{filled.name}-only-keys"})

    refused(run, "usage")
    assert f"block proofkeep-repository/{filled.name}-only-keys does not exist" in message(run)
