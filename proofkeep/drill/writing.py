"""Evidence on disk: gathered in a hidden folder, named in one step, never rewritten. Knows no result."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from proofkeep import canonical
from proofkeep.drill.markdown import render_markdown
from proofkeep.errors import ObjectMissingError, SpoolFullError, TargetError, TargetFullError, UsageError
from proofkeep.state import sync_directory, write_durable

DOCUMENT = "drill.json"
RENDERING = "drill.md"
SEED = "seed.txt"
LISTING = "population.csv"
SUMS = "SHA256SUMS"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def evidence_folder(evidence: Path, drill: str) -> Path:
    """Where the evidence of a drill lies."""
    return evidence / drill


def evidence_file(evidence: Path, drill: str) -> Path:
    """The document in it."""
    return evidence_folder(evidence, drill) / DOCUMENT


def load_evidence(file: Path) -> dict[str, Any]:
    """The document of an ended drill.

    Raises:
        ObjectMissingError: there is none.
        MalformedError: it is not canonical JSON.
    """
    try:
        return canonical.from_json(file.read_bytes(), f"evidence {file.parent.name}")
    except FileNotFoundError:
        raise ObjectMissingError(f"evidence {file.parent.name} does not exist") from None


def require_new(evidence: Path, drill: str) -> None:
    """Raise `UsageError` when evidence of this drill exists already: it is never rewritten."""
    if evidence_folder(evidence, drill).exists():
        raise UsageError(f"drill {drill} has its evidence already; a further drill takes another id")


def begin_evidence(evidence: Path, drill: str) -> Path:
    """A fresh hidden folder in which the evidence is gathered. Raises as `writing_evidence` when it cannot be made."""
    gathering = _gathering(evidence, drill)
    with writing_evidence(drill):
        evidence.mkdir(mode=0o700, parents=True, exist_ok=True)
        if gathering.exists():
            shutil.rmtree(gathering)
        gathering.mkdir(mode=0o700)
    return gathering


def keep_evidence(file: Path, data: bytes, drill: str) -> None:
    """Write one more file of it durably. Raises as `writing_evidence`."""
    with writing_evidence(drill):
        try:
            write_durable(file, data)
        except SpoolFullError:
            raise OSError(errno.ENOSPC, "evidence") from None


@contextmanager
def writing_evidence(drill: str) -> Iterator[None]:
    """An `OSError` of the block is about the evidence's disk.

    Raises:
        TargetFullError: it is full.
        TargetError: it refuses otherwise.
    """
    try:
        yield
    except OSError as error:
        kind = TargetFullError if error.errno in FULL else TargetError
        reason = os.strerror(error.errno or 0).lower()
        raise kind(f"evidence of drill {drill} cannot be written: {reason}") from None


def finish_evidence(evidence: Path, drill: str, document: dict[str, Any]) -> Path:
    """Write the document, its rendering and the sums beside what was gathered, and name the folder.

    Raises:
        UsageError: evidence of this drill exists already.
        TargetFullError, TargetError: it cannot be written.
    """
    final = evidence_folder(evidence, drill)
    gathering = _gathering(evidence, drill)
    if not gathering.exists():
        begin_evidence(evidence, drill)
    with writing_evidence(drill):
        for name, data in (
            (DOCUMENT, canonical.to_json(document)),
            (RENDERING, render_markdown(document).encode()),
        ):
            (gathering / name).unlink(missing_ok=True)
            keep_evidence(gathering / name, data, drill)
        (gathering / SUMS).unlink(missing_ok=True)
        keep_evidence(gathering / SUMS, _sums(gathering).encode(), drill)
        sync_directory(gathering)
        require_new(evidence, drill)
        gathering.rename(final)
        sync_directory(evidence)
    return final


def _gathering(evidence: Path, drill: str) -> Path:
    return evidence / f".{drill}"


def _sums(folder: Path) -> str:
    """What `sha256sum -c` reads."""
    return "".join(f"{_digest(file)}  {file.name}\n" for file in sorted(folder.iterdir()) if file.name != SUMS)


def _digest(file: Path) -> str:
    digest = sha256()
    with file.open("rb") as stream:
        while part := stream.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
