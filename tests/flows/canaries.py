"""Marked secrets and where they turned up: raw, in hex, in base64 at any alignment, in UTF-16, as bytes literals."""

import base64
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

_SQLITE_MAGIC = b"SQLite format 3\0"
_ALIGNMENTS = 3


def forms(secret: bytes) -> Iterator[bytes]:
    """Every way in which somebody may have written it."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    yield repr(secret)[2:-1].encode()
    for offset in range(_ALIGNMENTS):
        # The first characters mix with what stood before, the last with what follows.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * offset + secret).rstrip(b"=")
            yield encoded[-(-8 * offset // 6) : -1]
    if secret.isascii():
        yield secret.decode("ascii").encode("utf-16-le")
        yield secret.decode("ascii").encode("utf-16-be")


def found(secrets: Mapping[str, bytes], places: Iterable[Path]) -> list[tuple[str, str]]:
    """(secret's name, place) for each file whose content or name holds one, and each row of a database."""
    wanted = {name: set(forms(secret)) for name, secret in secrets.items()}
    hits = []
    for place in places:
        for file in sorted(path for path in (place, *place.rglob("*")) if path.is_file()):
            for text in _texts(file):
                hits += [(name, str(file)) for name, ways in wanted.items() if any(way in text for way in ways)]
    return hits


def _texts(file: Path) -> Iterator[bytes]:
    """Its name, its bytes and, of a database, every row in full: SQLite cuts long values into pages."""
    yield str(file).encode()
    content = file.read_bytes()
    yield content
    if content.startswith(_SQLITE_MAGIC):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            database.text_factory = lambda data: data.decode(errors="surrogateescape")
            for line in database.iterdump():
                yield line.encode(errors="surrogateescape")
