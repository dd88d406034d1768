"""A second host is enrolled and backs up into the same repository."""

import json
import shutil
from pathlib import Path

import pytest

from proofkeep.keys.enrolment import grant_enrolment
from tests.engine.cli.places import Place
from tests.engine.targets.trees import portrait


@pytest.fixture
def newcomer(repository: Place, tmp_path: Path) -> Place:
    """A host with the public key and access to the stores, without the host secret."""
    place = Place(tmp_path / "newcomer")
    place.root.mkdir()
    recipient = repository.done("keygen", "public", repository.root / "key.pem", place.root / "public.pem")["recipient"]
    place.configure(
        top=f'entry = "away"\nstate = "state"\nhost_secret = "file:{place.root}/host.secret"',
        store=f'kind = "local"\npath = "{repository.root}/store"',
        ledger=f'kind = "local"\npath = "{repository.root}/ledger"',
        keys=f'providers = ["file:{place.root}/public.pem#{recipient}"]',
    )
    shutil.copytree(repository.source, place.source, symlinks=True)
    return place


def test_enrolled_host_deduplicates_against_what_others_stored(repository: Place, newcomer: Place) -> None:
    repository.done("backup")
    request, grant = newcomer.root / "request.json", newcomer.root / "grant.json"

    asked = newcomer.done("enrol", "request", request)
    repository.done("enrol", "grant", request, grant, "--confirm", asked["recipient"])
    newcomer.done("enrol", "accept", grant)
    backed_up = newcomer.done("backup")

    assert backed_up["totals"]["new_bytes"] == 0
    assert backed_up["writer"] == asked["writer"]
    assert (newcomer.root / "host.secret").stat().st_mode & 0o777 == 0o600
    assert not list(newcomer.root.glob("state/*/enrolment.pem"))
    assert len(repository.run("snapshots", "--json").document["rows"]) == 2


def test_grant_to_a_key_that_nobody_confirmed_is_refused(repository: Place, newcomer: Place) -> None:
    request = newcomer.root / "request.json"
    newcomer.done("enrol", "request", request)

    ended = repository.run("enrol", "grant", request, newcomer.root / "grant.json", "--confirm", "p384:00", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (1, "key-mismatch")
    assert not (newcomer.root / "grant.json").exists()


def test_secret_of_a_forged_grant_is_not_kept(newcomer: Place) -> None:
    request, grant = newcomer.root / "request.json", newcomer.root / "grant.json"
    asked = newcomer.done("enrol", "request", request)
    forged = grant_enrolment(json.loads(request.read_bytes()), bytes(32), confirmed_recipient=asked["recipient"])
    grant.write_text(json.dumps(forged))

    ended = newcomer.run("enrol", "accept", grant, "--json")

    assert (ended.code, ended.document["error"]["code"]) == (1, "authentication")
    assert not (newcomer.root / "host.secret").exists()


def test_accepting_without_having_asked_is_refused(newcomer: Place) -> None:
    ended = newcomer.run("enrol", "accept", newcomer.root / "grant.json", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (2, "usage")


def test_enrolled_host_does_not_ask_again(repository: Place) -> None:
    ended = repository.run("enrol", "request", repository.root / "request.json", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (2, "usage")
    assert not (repository.root / "request.json").exists()


def lose_the_only_host(repository: Place) -> Path:
    """Back up, then lose the host secret and all state; where the secret is due."""
    repository.done("backup")
    secret = repository.root / "host.secret"
    secret.unlink()
    shutil.rmtree(repository.root / "state")
    return secret


def test_restore_role_recovers_the_secret_of_the_only_host_and_restores(repository: Place) -> None:
    before = (repository.root / "host.secret").read_bytes()
    secret = lose_the_only_host(repository)

    recovered = repository.done("enrol", "recover")
    restored = repository.done("restore", "latest", "restored")

    assert secret.read_bytes() == before
    assert secret.stat().st_mode & 0o777 == 0o600
    assert recovered["uri"] == f"file:{secret}"
    assert restored["intact"] is True
    assert portrait(repository.root / "restored") == portrait(repository.source)


def test_backup_role_recovers_nothing(repository: Place, newcomer: Place) -> None:
    lose_the_only_host(repository)

    ended = newcomer.run("enrol", "recover", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (1, "key-denied")
    assert not (newcomer.root / "host.secret").exists()


def test_existing_secret_is_not_replaced_by_a_recovered_one(repository: Place) -> None:
    before = (repository.root / "host.secret").read_bytes()

    ended = repository.run("enrol", "recover", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (2, "usage")
    assert (repository.root / "host.secret").read_bytes() == before
