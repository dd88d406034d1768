"""Reads vectors back: bytes from their written forms."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "v1"


@cache
def names() -> list[str]:
    """Every vector there is."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str) -> dict[str, Any]:
    """One vector's members."""
    vector = json.loads((FOLDER / f"{name}.json").read_text())
    assert isinstance(vector, dict)
    return vector


def data(value: Any) -> bytes:
    """The bytes behind hexadecimal, canonical JSON as text, or parts with runs."""
    if isinstance(value, str):
        return bytes.fromhex(value)
    if "text" in value:
        return str(value["text"]).encode("ascii")
    return b"".join(
        bytes.fromhex(part) if isinstance(part, str) else bytes.fromhex(part["fill"]) * part["count"]
        for part in value["parts"]
    )


def objects(value: dict[str, Any]) -> dict[str, bytes]:
    """A store's objects by name."""
    return {name: data(body) for name, body in value.items()}
