"""Enrolling a further host: request on the new host, grant by a holder of the host secret, accept on the new host.

    new host: make_enrolment_key -> request_enrolment ... grant_enrolment: a host that holds the secret
    new host: accept_enrolment, check against the ledger, store_host_secret

Pure functions over JSON objects, which may travel in clear. Two things they cannot prove. That a request comes from
the new host: a person compares its recipient URI by another way. That a grant comes from somebody honest: the new
host checks what it derives against a MAC of the repository before it stores the secret.
"""

import base64
import binascii
from collections.abc import Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from proofkeep.errors import KeyMismatchError, MalformedError, UnsupportedVersionError
from proofkeep.keys.recipients import PublicKey, accept_public_key, recipient_uri
from proofkeep.keys.wrapping import PURPOSE_ENROLMENT, unwrap_with, wrap_for

VERSION = 1

Message = Mapping[str, object]
"""One JSON object."""


def make_enrolment_key() -> ec.EllipticCurvePrivateKey:
    """A P-384 key for one enrolment; forget it once the grant is accepted."""
    return ec.generate_private_key(ec.SECP384R1())


def request_enrolment(public_key: PublicKey, *, repository: str, writer: str) -> dict[str, object]:
    """What the new host asks with; ids are 32 hex digits."""
    spki = accept_public_key(public_key).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "v": VERSION,
        "kind": "enrolment-request",
        "repository": repository,
        "writer": writer,
        "public_key": base64.b64encode(spki).decode(),
    }


def requested_recipient(request: Message) -> str:
    """The recipient URI that a person compares on both hosts. Raises `MalformedError`, `UnsupportedVersionError`."""
    return recipient_uri(_requested_key(request))


def grant_enrolment(request: Message, secret: bytes, *, confirmed_recipient: str) -> dict[str, object]:
    """Wrap the host secret to the new host.

    Args:
        confirmed_recipient: the URI as a person read it on the new host, not as the request tells it.

    Raises:
        KeyMismatchError: the request is not for the key that was confirmed.
        MalformedError, UnsupportedVersionError: not a request.
        PolicyError: its key is of a kind or size that may not wrap.
    """
    public_key = _requested_key(request)
    recipient = recipient_uri(public_key)
    if recipient != confirmed_recipient:
        raise KeyMismatchError(f"enrolment request is for {recipient}, confirmed was {confirmed_recipient}")
    repository, writer = _text(request, "repository"), _text(request, "writer")
    context = _context(repository, writer)
    ciphertext = wrap_for(public_key, secret, purpose=PURPOSE_ENROLMENT, context=context)
    return {
        "v": VERSION,
        "kind": "enrolment-grant",
        "repository": repository,
        "writer": writer,
        "recipient": recipient,
        "ciphertext": ciphertext.hex(),
    }


def accept_enrolment(grant: Message, private_key: ec.EllipticCurvePrivateKey, *, repository: str, writer: str) -> bytes:
    """The host secret, 32 bytes.

    Args:
        repository, writer: what this host asked for; what the grant says of them is not trusted.

    Raises:
        KeyMismatchError: granted to another key, repository or writer, or altered.
        MalformedError, UnsupportedVersionError: not a grant.
    """
    _check_kind(grant, "enrolment-grant")
    recipient = recipient_uri(private_key.public_key())
    if _text(grant, "recipient") != recipient:
        raise KeyMismatchError(f"enrolment grant is for {_text(grant, 'recipient')}, not for {recipient}")
    try:
        ciphertext = bytes.fromhex(_text(grant, "ciphertext"))
    except ValueError:
        raise MalformedError("enrolment grant holds a ciphertext that is not hex") from None
    context = _context(repository, writer)
    return unwrap_with(private_key, ciphertext, purpose=PURPOSE_ENROLMENT, context=context)


def _requested_key(request: Message) -> PublicKey:
    _check_kind(request, "enrolment-request")
    try:
        key = load_der_public_key(base64.b64decode(_text(request, "public_key"), validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        raise MalformedError("enrolment request holds a public key that cannot be read") from None
    return accept_public_key(key)


def _check_kind(message: Message, kind: str) -> None:
    if message.get("kind") != kind:
        raise MalformedError(f"message is no {kind}")
    if message.get("v") != VERSION:
        raise UnsupportedVersionError(f"{kind} has a version other than {VERSION}")


def _text(message: Message, member: str) -> str:
    value = message.get(member)
    if not isinstance(value, str):
        raise MalformedError(f"{message.get('kind')} has no text in {member!r}")
    return value


def _context(repository: str, writer: str) -> dict[str, str]:
    return {"proofkeep:repository": repository, "proofkeep:writer": writer}
