"""Evidence on disk: gathered in a hidden folder, named in one step, never rewritten. Knows no result."""

import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

from proofkeep import canonical
from proofkeep.drill.markdown import render_markdown
from proofkeep.errors import ObjectMissingError, TargetError, UsageError
from proofkeep.state import sync_directory, write_durable

DOCUMENT = "drill.json"
RENDERING = "drill.md"
SEED = "seed.txt"
LISTING = "population.csv"
SUMS = "SHA256SUMS"


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
    """A fresh hidden folder in which the evidence is gathered. Raises `TargetError` when it cannot be made."""
    gathering = _gathering(evidence, drill)
    try:
        evidence.mkdir(mode=0o700, parents=True, exist_ok=True)
        if gathering.exists():
            shutil.rmtree(gathering)
        gathering.mkdir(mode=0o700)
    except OSError as error:
        raise _unwritable(drill, error) from None
    return gathering


def finish_evidence(evidence: Path, drill: str, document: dict[str, Any]) -> Path:
    """Write the document, its rendering and the sums beside what was gathered, and name the folder.

    Raises:
        UsageError: evidence of this drill exists already.
        TargetError: it cannot be written.
    """
    final = evidence_folder(evidence, drill)
    gathering = _gathering(evidence, drill)
    if not gathering.exists():
        begin_evidence(evidence, drill)
    try:
        for name, data in (
            (DOCUMENT, canonical.to_json(document)),
            (RENDERING, render_markdown(document).encode()),
        ):
            (gathering / name).unlink(missing_ok=True)
            write_durable(gathering / name, data)
        (gathering / SUMS).unlink(missing_ok=True)
        write_durable(gathering / SUMS, _sums(gathering).encode())
        sync_directory(gathering)
        require_new(evidence, drill)
        gathering.rename(final)
        sync_directory(evidence)
    except OSError as error:
        raise _unwritable(drill, error) from None
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


def _unwritable(drill: str, error: OSError) -> TargetError:
    return TargetError(f"evidence of drill {drill} cannot be written: {os.strerror(error.errno or 0).lower()}")
