import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from proofkeep.errors import PolicyError
from proofkeep.keys.local import LocalKeyProvider
from proofkeep.keys.recipients import accept_private_key, accept_public_key, recipient_uri


@pytest.mark.parametrize(
    "make, reason",
    [
        pytest.param(lambda: ec.generate_private_key(ec.SECP256R1()), "secp256r1", id="p256"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP521R1()), "secp521r1", id="p521"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP256K1()), "secp256k1", id="secp256k1"),
        pytest.param(lambda: ec.generate_private_key(ec.BrainpoolP384R1()), "brainpoolP384r1", id="brainpool"),
        pytest.param(lambda: rsa.generate_private_key(65537, 2048), "rsa of 2048 bits", id="rsa2048"),
        pytest.param(lambda: rsa.generate_private_key(3, 3072), "exponent below 65537", id="rsa-e3"),
        pytest.param(ed25519.Ed25519PrivateKey.generate, "only P-384 and rsa", id="ed25519"),
    ],
)
def test_key_of_another_curve_kind_or_size_is_refused(
    make: Callable[[], ec.EllipticCurvePrivateKey], reason: str
) -> None:
    key = make()

    with pytest.raises(PolicyError, match=reason):
        accept_public_key(key.public_key())
    with pytest.raises(PolicyError, match=reason):
        accept_private_key(key)
    with pytest.raises(PolicyError, match=reason):
        LocalKeyProvider(key.public_key())


def test_rsa_of_more_than_8192_bits_is_refused() -> None:
    numbers = rsa.RSAPublicNumbers(65537, (1 << 8200) | 1)

    with pytest.raises(PolicyError, match="rsa of 8201 bits, 3072 to 8192 are accepted"):
        accept_public_key(numbers.public_key())


@pytest.mark.requires("openssl")
def test_recipient_uri_is_what_openssl_says_of_the_public_key(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    path = tmp_path / "key.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    der = subprocess.run(
        ["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], check=True, capture_output=True
    ).stdout

    assert recipient_uri(key.public_key()) == f"p384:{hashlib.sha256(der).hexdigest()}"


def test_recipient_uri_does_not_depend_on_how_the_point_was_written() -> None:
    key = ec.generate_private_key(ec.SECP384R1()).public_key()
    compressed = ec.EllipticCurvePublicKey.from_encoded_point(
        ec.SECP384R1(), key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    )
    again = load_pem_public_key(compressed.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    assert isinstance(again, ec.EllipticCurvePublicKey)
    assert recipient_uri(again) == recipient_uri(key)
