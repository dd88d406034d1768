"""From a mapping of the file's shape to the file: what Prefect blocks say, for commands in a terminal of their host."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from proofkeep.errors import UsageError
from proofkeep.state import sync_directory, write_durable


def spell(document: Mapping[str, Any], origin: str) -> str:
    """The file's text, always the same for the same document; `load` reads from it what `parse` reads from that.

    Args:
        origin: one line that says where the document is from; begins the text.
    """
    top = {name: value for name, value in document.items() if not isinstance(value, Mapping)}
    sections = {name: value for name, value in document.items() if isinstance(value, Mapping) and value}
    lines = [f"# {origin}", *_pairs(top)]
    for name in sorted(sections):
        lines += ["", f"[{name}]", *_pairs(sections[name])]
    return "\n".join([*lines, ""])


def write(path: Path, text: str, *, replace: bool = False) -> None:
    """Write the file whole or not at all, for its owner alone.

    Args:
        replace: also a file that does not begin with the text's own first line.

    Raises:
        UsageError: there is such a file, and it stays as it is; or none can be written there.
        StateFullError: the disk is full.
    """
    pending = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        if not replace and path.exists() and not _is_ours(path, text):
            raise UsageError(f"configuration {path} was written by somebody else and was left as it is")
        write_durable(pending, text.encode())
        pending.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise UsageError(f"configuration {path} cannot be written: {reason}") from None
    finally:
        with suppress(OSError):
            pending.unlink(missing_ok=True)


def _is_ours(path: Path, text: str) -> bool:
    first = text.encode().splitlines(keepends=True)[0]
    with path.open("rb") as stream:
        return os.fstat(stream.fileno()).st_uid == os.geteuid() and stream.readline() == first


def _pairs(values: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {_value(values[name])}" for name in sorted(values)]


def _value(value: Any) -> str:
    """Strings, numbers, truth and lists of these are TOML as JSON has them, but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
