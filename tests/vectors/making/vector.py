"""One vector and its JSON; bytes become hexadecimal, canonical JSON stays text, and long runs are written as such."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

LONG_RUN = 256


@dataclass(frozen=True)
class Repeated:
    """Bytes given by a rule: each pattern so many times, one behind the other."""

    parts: Sequence[tuple[bytes, int]]


@dataclass(frozen=True)
class Vector:
    """One fact: what `function` makes of `inputs`, or the code with which it refuses them."""

    name: str
    section: int
    function: str
    comment: str
    inputs: Mapping[str, Any]
    result: Any = field(default=None)
    expect: str = "ok"

    def text(self) -> str:
        """The vector's file, stable to the byte."""
        members = ("name", "section", "function", "comment", "expect", "inputs", "result")
        body = {member: written(getattr(self, member)) for member in members}
        return json.dumps(body, indent=1, ensure_ascii=True) + "\n"


def written(value: Any) -> Any:
    """The JSON form of a value that holds bytes."""
    if isinstance(value, bytes):
        return written_bytes(value)
    if isinstance(value, Repeated):
        return {"parts": [written_run(pattern, count) for pattern, count in value.parts]}
    if isinstance(value, Mapping):
        return {(name.hex() if isinstance(name, bytes) else name): written(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [written(element) for element in value]
    return value


def written_bytes(data: bytes) -> Any:
    runs = [(bytes([byte]), len(list(run))) for byte, run in groupby(data)] if len(data) > LONG_RUN else []
    if any(count > LONG_RUN for _, count in runs):
        return {"parts": joined_short_runs(runs)}
    if data[:1] == b"{" and data.isascii():
        return {"text": data.decode("ascii")}
    return data.hex()


def joined_short_runs(runs: Sequence[tuple[bytes, int]]) -> list[Any]:
    parts: list[Any] = []
    short = b""
    for byte, count in runs:
        if count <= LONG_RUN:
            short += byte * count
            continue
        parts += [short.hex()] if short else []
        parts.append(written_run(byte, count))
        short = b""
    return [*parts, short.hex()] if short else parts


def written_run(pattern: bytes, count: int) -> Any:
    return pattern.hex() if count == 1 else {"fill": pattern.hex(), "count": count}
