import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proofkeep.errors import KeyMismatchError, MalformedError, PolicyError, UnsupportedVersionError
from proofkeep.keys.enrolment import (
    accept_enrolment,
    grant_enrolment,
    make_enrolment_key,
    request_enrolment,
    requested_recipient,
)

SECRET = bytes(range(32))
REPOSITORY, WRITER = "a" * 32, "b" * 32
KEY = make_enrolment_key()
REQUEST = request_enrolment(KEY.public_key(), repository=REPOSITORY, writer=WRITER)
CONFIRMED = requested_recipient(REQUEST)


def granted(**changes: object) -> dict[str, object]:
    return {**grant_enrolment(REQUEST, SECRET, confirmed_recipient=CONFIRMED), **changes}


def accepted(grant: dict[str, object], key: ec.EllipticCurvePrivateKey = KEY) -> bytes:
    return accept_enrolment(grant, key, repository=REPOSITORY, writer=WRITER)


def test_secret_reaches_the_new_host_through_json() -> None:
    request: dict[str, Any] = json.loads(json.dumps(REQUEST))
    grant: dict[str, Any] = json.loads(json.dumps(grant_enrolment(request, SECRET, confirmed_recipient=CONFIRMED)))

    assert accepted(grant) == SECRET
    assert SECRET.hex() not in json.dumps(grant)


def test_request_for_another_key_than_was_confirmed_is_not_granted() -> None:
    intruder = request_enrolment(make_enrolment_key().public_key(), repository=REPOSITORY, writer=WRITER)

    with pytest.raises(KeyMismatchError, match=f"confirmed was {CONFIRMED}"):
        grant_enrolment(intruder, SECRET, confirmed_recipient=CONFIRMED)


def test_grant_does_not_open_for_another_host() -> None:
    other = make_enrolment_key()
    recipient = requested_recipient(request_enrolment(other.public_key(), repository=REPOSITORY, writer=WRITER))

    with pytest.raises(KeyMismatchError, match=f"is for {CONFIRMED}, not for {recipient}"):
        accepted(granted(), other)
    with pytest.raises(KeyMismatchError, match="does not open"):
        accepted(granted(recipient=recipient), other)


@pytest.mark.parametrize("asked", [("c" * 32, WRITER), (REPOSITORY, "c" * 32)])
def test_grant_for_another_repository_or_writer_is_refused_whatever_it_says(asked: tuple[str, str]) -> None:
    repository, writer = asked
    grant = granted(repository=repository, writer=writer)

    with pytest.raises(KeyMismatchError):
        accept_enrolment(grant, KEY, repository=repository, writer=writer)


def test_every_altered_byte_of_a_grant_is_refused() -> None:
    ciphertext = bytes.fromhex(str(granted()["ciphertext"]))

    for position in range(len(ciphertext)):
        altered = bytearray(ciphertext)
        altered[position] ^= 0x01
        with pytest.raises(KeyMismatchError):
            accepted(granted(ciphertext=bytes(altered).hex()))


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_other_versions_are_refused(version: object) -> None:
    with pytest.raises(UnsupportedVersionError):
        grant_enrolment({**REQUEST, "v": version}, SECRET, confirmed_recipient=CONFIRMED)
    with pytest.raises(UnsupportedVersionError):
        accepted(granted(v=version))


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "enrolment-grant"},
        {"public_key": None},
        {"public_key": "no base64"},
        {"public_key": "AAAA"},
        {"repository": 7},
        {"writer": None},
    ],
)
def test_malformed_request_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        grant_enrolment({**REQUEST, **changes}, SECRET, confirmed_recipient=CONFIRMED)


@pytest.mark.parametrize("changes", [{"kind": "x"}, {"ciphertext": "zz"}, {"ciphertext": 1}, {"recipient": 1}])
def test_malformed_grant_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        accepted(granted(**changes))


def test_request_with_a_weak_key_is_refused_on_both_sides() -> None:
    weak = ec.generate_private_key(ec.SECP256R1()).public_key()
    with pytest.raises(PolicyError, match="secp256r1"):
        request_enrolment(weak, repository=REPOSITORY, writer=WRITER)

    request = {**REQUEST, "public_key": encoded(weak)}
    with pytest.raises(PolicyError, match="secp256r1"):
        grant_enrolment(request, SECRET, confirmed_recipient=CONFIRMED)


def encoded(key: ec.EllipticCurvePublicKey) -> str:
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
