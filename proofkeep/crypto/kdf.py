"""Key derivation, SP 800-108r1 counter mode with HMAC-SHA-256 (format.md sections 1 and 4)."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode


def derive(key: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """`length` bytes from `key` for the purpose `label`, bound to `context` (the fixed data of format.md section 1)."""
    return KBKDFHMAC(
        algorithm=SHA256(),
        mode=Mode.CounterMode,
        length=length,
        rlen=4,
        llen=4,
        location=CounterLocation.BeforeFixed,
        label=label,
        context=context,
        fixed=None,
    ).derive(key)
