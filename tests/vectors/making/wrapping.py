"""Vectors of section 5: wrapped keys, the two local schemes, and enrolment."""

import base64
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.vectors.making.encoding import canonical, fixed, kdf, mac, with_mac
from tests.vectors.making.vector import Vector
from tests.vectors.making.world import (
    AT,
    DATA_KEY,
    DESCRIPTOR,
    EPOCH_OBJECT,
    KEY_ID,
    LEDGER_KEY,
    OTHER_WRITER,
    RECIPIENT,
    RECIPIENT_KEY,
    RECIPIENT_PUBLIC,
    REPOSITORY,
    SECRET,
    WRITER,
    sha256,
    stores,
)

DER, SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
HOST_SECRET_LABEL = "proofkeep/v1/wrap/host-secret"
DATA_KEY_LABEL, ENROLMENT_LABEL = "proofkeep/v1/wrap/data-key", "proofkeep/v1/wrap/enrolment"


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    parts = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*parts).decode()


def prime(label: str, offset: int) -> int:
    """A fixed 1,536-bit prime: the offset from fixed bytes was found by search."""
    return (int.from_bytes(fixed(label, 192), "big") | 3 << 1534 | 1) + offset


def rsa_key() -> rsa.RSAPrivateKey:
    p, q, e = prime("rsa p", 6970), prime("rsa q", 1468), 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key()


RSA_KEY = rsa_key()
RSA_PUBLIC = RSA_KEY.public_key().public_bytes(DER, SPKI)
EPHEMERAL = ec.derive_private_key(int.from_bytes(fixed("ephemeral key", 40), "big"), ec.SECP384R1())
OTHER_KEY = ec.derive_private_key(int.from_bytes(fixed("another key", 40), "big"), ec.SECP384R1())


def context_of(writer: bytes = WRITER, key_id: bytes = KEY_ID) -> dict[str, str]:
    return {
        "proofkeep:data-key": key_id.hex(),
        "proofkeep:repository": REPOSITORY.hex(),
        "proofkeep:writer": writer.hex(),
    }


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def finish(
    scheme: int, once: bytes, encapsulation: bytes, public: bytes, label: str, context: Mapping[str, str], key: bytes
) -> bytes:
    head = struct.pack(">BH", scheme, len(encapsulation)) + encapsulation
    bound = struct.pack(">H", len(label)) + label.encode() + sha256(public) + head + canonical(dict(context))
    nonce = fixed(f"wrapping nonce {scheme}", 12)
    return head + nonce + AESGCM(once).encrypt(nonce, key, bound)


def wrap_p384(label: str = DATA_KEY_LABEL, context: Mapping[str, str] | None = None, key: bytes = DATA_KEY) -> bytes:
    """Scheme 1 for the fixed recipient."""
    shared = EPHEMERAL.exchange(ec.ECDH(), RECIPIENT_KEY.public_key())
    once = kdf(mac(bytes(64), shared), label, point(EPHEMERAL) + point(RECIPIENT_KEY), 256)
    return finish(1, once, point(EPHEMERAL), RECIPIENT_PUBLIC, label, context_of() if context is None else context, key)


def wrap_rsa(once: bytes) -> bytes:
    """Scheme 2 for the fixed RSA recipient; RSA-OAEP (RFC 8017, 7.1.1) written out, since libraries draw the seed."""
    size = 384
    data = sha256(b"") + bytes(size - len(once) - 2 * 32 - 2) + b"\1" + once
    seed = fixed("oaep seed", 32)
    masked = exclusive_or(data, mask(seed, len(data)))
    encoded = b"\0" + exclusive_or(seed, mask(masked, 32)) + masked
    numbers = RSA_KEY.public_key().public_numbers()
    encapsulation = pow(int.from_bytes(encoded, "big"), numbers.e, numbers.n).to_bytes(size, "big")
    return finish(2, (once + bytes(32))[:32], encapsulation, RSA_PUBLIC, DATA_KEY_LABEL, context_of(), DATA_KEY)


def mask(seed: bytes, length: int) -> bytes:
    return b"".join(sha256(seed + struct.pack(">I", i)) for i in range(-(-length // 32)))[:length]


def exclusive_or(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def unwrapped(name: str, comment: str, ciphertext: bytes, expect: str = "key-mismatch", **changes: Any) -> Vector:
    inputs = {
        "private_key": pem(RECIPIENT_KEY),
        "label": DATA_KEY_LABEL,
        "context": context_of(),
        "ciphertext": ciphertext,
    }
    result = {"key": DATA_KEY} if expect == "ok" else None
    return Vector(name, 5, "unwrap", comment, {**inputs, **changes}, result, expect)


def local_schemes() -> Iterator[Vector]:
    good = wrap_p384()
    yield unwrapped("wrapped_p384", "Scheme 1.", good, "ok")
    once = fixed("one-time key", 32)
    yield unwrapped("wrapped_rsa", "Scheme 2 under RSA-3072.", wrap_rsa(once), "ok", private_key=pem(RSA_KEY))
    short = wrap_rsa(once[:31])
    comment = "A one-time key of 31 bytes; a zero byte behind it would open the rest."
    yield unwrapped("wrapped_rsa_short_one_time_key", comment, short, private_key=pem(RSA_KEY))
    yield unwrapped("wrapped_truncated", "The last byte is missing.", good[:-1])
    yield unwrapped("wrapped_extended", "One byte more.", good + b"\0")
    yield unwrapped("wrapped_other_scheme", "Scheme 2 where the key and the rest are of scheme 1.", b"\2" + good[1:])
    off = good[:3] + good[3:99] + bytes([good[99] ^ 1]) + good[100:]
    yield unwrapped("wrapped_point_off_curve", "One bit of the ephemeral point's y.", off)
    yield unwrapped("wrapped_wrong_context", "Unwrapped as another writer's.", good, context=context_of(OTHER_WRITER))
    yield unwrapped("wrapped_wrong_label", "Unwrapped as an enrolment.", good, label=ENROLMENT_LABEL)
    yield unwrapped("wrapped_wrong_key", "Unwrapped by another P-384 key.", good, private_key=pem(OTHER_KEY))
    yield unwrapped(
        "wrapped_altered", "One bit of the encrypted key.", good[:120] + bytes([good[120] ^ 1]) + good[121:]
    )


def recipients() -> Iterator[Vector]:
    keys = {"p384": RECIPIENT_PUBLIC, "rsa": RSA_PUBLIC}
    uris = {name: f"{name}:{sha256(public).hex()}" for name, public in keys.items()}
    yield Vector(
        "recipient_uris", 5, "recipients", "SubjectPublicKeyInfo and URI.", {"public_keys": keys}, {"uris": uris}
    )
    small = ec.derive_private_key(int.from_bytes(fixed("p256 key", 30), "big"), ec.SECP256R1()).public_key()
    n = RSA_KEY.public_key().public_numbers().n
    refused: dict[str, tuple[str, ec.EllipticCurvePublicKey | rsa.RSAPublicKey]] = {
        "recipient_p256": ("A P-256 key.", small),
        "recipient_rsa_2048": ("An RSA key of 2,048 bits.", rsa.RSAPublicNumbers(65537, n >> 1024 | 1).public_key()),
        "recipient_rsa_exponent_3": ("Public exponent 3.", rsa.RSAPublicNumbers(3, n).public_key()),
    }
    for name, (comment, key) in refused.items():
        inputs = {"public_keys": {"refused": key.public_bytes(DER, SPKI)}}
        yield Vector(name, 5, "recipients", comment, inputs, None, "policy")


def wrapped_object(
    ciphertext: bytes, generation: int = 1, recipient: str = RECIPIENT, writer: bytes = WRITER
) -> tuple[str, bytes]:
    """A wrapped data key's name and body."""
    members = {
        "v": 1,
        "repository": REPOSITORY.hex(),
        "writer": writer.hex(),
        "data_key": KEY_ID.hex(),
        "epoch": 1,
        "generation": generation,
        "recipient": recipient,
        "ciphertext": ciphertext.hex(),
        "material_id": None,
        "request_id": None,
        "created_at": AT,
        "supersedes": None,
    }
    name = f"keys/{writer.hex()}/{KEY_ID.hex()}/{sha256(recipient.encode())[:16].hex()}.{generation:04x}"
    return name, with_mac(members, LEDGER_KEY)


def data_keys() -> Iterator[Vector]:
    def held(name: str, comment: str, objects: Mapping[str, bytes], expect: str = "ok") -> Vector:
        inputs = {**stores(objects), "private_key": pem(RECIPIENT_KEY), "writer": WRITER, "data_key": KEY_ID}
        return Vector(name, 5, "data_key", comment, inputs, {"key": DATA_KEY} if expect == "ok" else None, expect)

    name, good = wrapped_object(wrap_p384())
    yield held("wrapped", "One data key for one recipient.", {name: good})
    bad = good.replace(b'"material_id":null', b'"material_id":"x"')
    yield held("wrapped_bad_mac", "Another material_id than the MAC covers.", {name: bad}, "authentication")
    foreign = dict([wrapped_object(wrap_p384(context=context_of(OTHER_WRITER)))])
    yield held(
        "wrapped_other_context", "Wrapped in the context of another writer; the MAC holds.", foreign, "key-mismatch"
    )
    newer = wrapped_object(wrap_p384()[:-1] + b"\0", generation=2)
    comment = "Generation 2 does not unwrap; generation 1 does."
    yield held("wrapped_fallback", comment, dict([(name, good), newer]))


def secret_object(secret: bytes, generation: int = 1, **changes: Any) -> tuple[str, bytes]:
    """A wrapped host secret's name and body."""
    ciphertext = wrap_p384(HOST_SECRET_LABEL, context_of(bytes(16), bytes(16)), secret)
    members = {
        "v": 1,
        "repository": REPOSITORY.hex(),
        "writer": "0" * 32,
        "data_key": "0" * 32,
        "generation": generation,
        "recipient": RECIPIENT,
        "ciphertext": ciphertext.hex(),
        "material_id": None,
        "request_id": None,
        "created_at": AT,
        "supersedes": None,
    }
    name = f"secrets/{sha256(RECIPIENT.encode())[:16].hex()}.{generation:04x}"
    return name, canonical({**members, **changes})


def host_secrets() -> Iterator[Vector]:
    def held(name: str, comment: str, *objects: tuple[str, bytes], expect: str = "ok") -> Vector:
        places = {place: content for place, content in stores(dict(objects)).items() if place != "secret"}
        inputs = {**places, "private_key": pem(RECIPIENT_KEY)}
        return Vector(name, 5, "recover", comment, inputs, {"secret": SECRET} if expect == "ok" else None, expect)

    good, forged = secret_object(SECRET), secret_object(fixed("forged secret", 32), generation=2)
    yield held("wrapped_secret", "The host secret for one recipient.", good)
    comment = "Another secret, well wrapped; the repository's MACs do not hold under it."
    yield held("wrapped_secret_forged", comment, forged, expect="key-mismatch")
    comment = "Generation 2 holds another secret, generation 1 the repository's."
    yield held("wrapped_secret_fallback", comment, good, forged)
    comment = "The name is of generation 1, the body of generation 2."
    swapped = secret_object(SECRET, generation=2)[1]
    yield held("wrapped_secret_other_name", comment, (good[0], swapped), expect="key-mismatch")
    comment = "It opens; its writer is not zero."
    yield held("wrapped_secret_of_writer", comment, secret_object(SECRET, writer=WRITER.hex()), expect="key-mismatch")


def kms() -> Iterator[Vector]:
    arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    ciphertext = fixed("kms ciphertext", 64)
    inputs = {"recipient": f"awskms:{arn}", "ciphertext": ciphertext, "context": context_of()}
    request = {"KeyId": arn, "EncryptionContext": context_of(), "CiphertextBlob": ciphertext}
    yield Vector(
        "wrapped_kms_request", 5, "kms_request", "What Decrypt must be asked with.", inputs, {"request": request}
    )


def enrolments() -> Iterator[Vector]:
    ids = {"repository": REPOSITORY.hex(), "writer": WRITER.hex()}
    context = {"proofkeep:repository": REPOSITORY.hex(), "proofkeep:writer": WRITER.hex()}
    request = {"v": 1, "kind": "enrolment-request", **ids, "public_key": base64.b64encode(RECIPIENT_PUBLIC).decode()}

    def granted(secret: bytes, for_writer: bytes) -> bytes:
        bound = {**context, "proofkeep:writer": for_writer.hex()}
        ciphertext = wrap_p384(ENROLMENT_LABEL, bound, secret)
        members = {"v": 1, "kind": "enrolment-grant", **ids, "recipient": RECIPIENT, "ciphertext": ciphertext.hex()}
        return canonical({**members, "writer": for_writer.hex()})

    confirmed = {
        "request": canonical(request),
        "confirmed": f"p384:{sha256(OTHER_KEY.public_key().public_bytes(DER, SPKI)).hex()}",
    }
    comment = "The URI that a person read on the new host is of another key."
    yield Vector("enrolment_unconfirmed", 5, "enrolment_grant", comment, confirmed, None, "key-mismatch")
    asked: dict[str, Any] = {"private_key": pem(RECIPIENT_KEY), "repository": REPOSITORY, "writer": WRITER}
    asked |= {"store": {"repository": DESCRIPTOR, "epochs/00000001": EPOCH_OBJECT}}
    yield Vector(
        "enrolment",
        5,
        "enrolment_open",
        "A grant for this host.",
        {**asked, "grant": granted(SECRET, WRITER)},
        {"secret": SECRET},
    )
    grant = granted(SECRET, OTHER_WRITER)
    comment = "A good grant, made for another writer."
    yield Vector(
        "enrolment_other_writer", 5, "enrolment_open", comment, {**asked, "grant": grant}, None, "key-mismatch"
    )
    forged = granted(fixed("forged secret", 32), WRITER)
    comment = "A grant that opens and holds another secret."
    yield Vector(
        "enrolment_forged_grant", 5, "enrolment_open", comment, {**asked, "grant": forged}, None, "authentication"
    )


def vectors() -> Iterator[Vector]:
    """All vectors of this module."""
    yield from local_schemes()
    yield from recipients()
    yield from data_keys()
    yield from host_secrets()
    yield from kms()
    yield from enrolments()
