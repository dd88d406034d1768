"""The two encodings of everything signed, hashed or sealed (format.md section 1). No format facts here."""

import json
from typing import Any, TypeVar

import msgspec

from proofkeep.errors import MalformedError

T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder(order="deterministic")


def to_json(value: object) -> bytes:
    """Canonical JSON: ASCII, sorted members, no white space."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def from_json(data: bytes, subject: str) -> dict[str, Any]:
    """One canonical JSON object; `subject` names it in errors.

    Raises:
        MalformedError: not JSON, not an object, or not in canonical form.
    """
    try:
        value = json.loads(data)
        canonical = to_json(value)
    except (ValueError, RecursionError):
        raise MalformedError(f"{subject} is not json") from None
    if not isinstance(value, dict) or canonical != data or b"." in _numbers(value):
        raise MalformedError(f"{subject} is not canonical json")
    return value


def _numbers(value: Any) -> bytes:
    """b"." when a fraction or exponent occurs anywhere; canonical text alone would let 1.5 pass."""
    if isinstance(value, float):
        return b"."
    if isinstance(value, dict):
        return b"".join(map(_numbers, value.values()))
    if isinstance(value, list):
        return b"".join(map(_numbers, value))
    return b""


def to_msgpack(value: object) -> bytes:
    """MessagePack in its shortest form; map keys in bytewise order."""
    return _encoder.encode(value)


def from_msgpack(data: bytes | memoryview, kind: type[T], subject: str) -> T:
    """One MessagePack value of the given type.

    Raises:
        MalformedError: other types, another form or order of keys, missing elements, or bytes after the value.
    """
    try:
        value = msgspec.msgpack.decode(data, type=kind)
        again = _encoder.encode(msgspec.msgpack.decode(data))
    except (msgspec.MsgspecError, RecursionError, UnicodeError, TypeError, ValueError, OverflowError):
        raise MalformedError(f"{subject} is not of its format") from None
    if again != data:
        raise MalformedError(f"{subject} is not in the one form of its format")
    return value
