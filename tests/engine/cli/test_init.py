"""`init` and what it fixes for good: recipients and retention key; and how it is repeated."""

import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.engine.cli.places import Place


def descriptor(place: Place) -> dict[str, object]:
    found: dict[str, object] = json.loads((place.root / "store" / "repository").read_bytes())
    return found


def public_key(place: Place, encoding: Encoding, curve: ec.EllipticCurve | None = None) -> tuple[Path, bytes]:
    """A file with a retention key's public half, and its DER form."""
    key = ec.generate_private_key(curve or ec.SECP384R1()).public_key()
    file = place.root / "retention.pub"
    file.write_bytes(key.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo))
    return file, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_retention_key_is_recorded(place: Place, encoding: Encoding) -> None:
    file, der = public_key(place, encoding)

    place.done("init", "--retention-key", file)

    assert descriptor(place)["retention_key"] == der.hex()


def test_neither_is_promised_unasked(place: Place) -> None:
    made = place.done("init")

    assert (descriptor(place)["retention_key"], descriptor(place)["lock_days"]) == (None, None)
    assert made["recoverable"] is True
    assert len(list((place.root / "store" / "secrets").iterdir())) == len(made["recipients"])


def test_retention_key_of_another_curve_is_refused(place: Place) -> None:
    file, _ = public_key(place, Encoding.PEM, ec.SECP256R1())

    ended = place.run("init", "--retention-key", file, "--json")

    assert (ended.code, ended.document["error"]["code"]) == (2, "policy")
    assert not (place.root / "store").exists()


def test_private_half_is_no_retention_key(place: Place) -> None:
    file = place.root / "retention.pem"
    key = ec.generate_private_key(ec.SECP384R1())
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    ended = place.run("init", "--retention-key", file, "--json")

    assert (ended.code, ended.document["error"]["code"]) == (2, "usage")


def test_init_is_repeated_after_it_died_before_the_descriptor(repository: Place) -> None:
    before = descriptor(repository)
    (repository.root / "store" / "repository").unlink()

    made = repository.done("init")

    assert made["repository"] == before["repository"]
    assert descriptor(repository) == before


def test_repeated_init_with_another_host_secret_is_refused(repository: Place) -> None:
    (repository.root / "store" / "repository").unlink()
    (repository.root / "host.secret").unlink()
    repository.done("keygen", "host-secret", repository.root / "host.secret")

    ended = repository.run("init", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (2, "repository-exists")
    assert not (repository.root / "store" / "repository").exists()


def test_init_beside_a_whole_repository_is_refused(repository: Place) -> None:
    shutil.copytree(repository.root / "store", repository.root / "copy")

    ended = repository.run("init", "--json")

    assert (ended.code, ended.document["error"]["code"]) == (2, "repository-exists")
