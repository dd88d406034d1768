"""Key files as tests write them."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

PASSPHRASE = b"correct horse battery staple"


def private_file(path: Path, content: bytes) -> Path:
    """Write a file as its owner would have to."""
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def clear_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """PKCS #8 without protection, as openssl writes it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
