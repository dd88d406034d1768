"""From TOML, or a mapping of the same shape, to a checked `Configuration`; every refusal names its key."""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from proofkeep.configuration.configuration import Configuration
from proofkeep.configuration.text_file import read_text_file
from proofkeep.errors import UsageError

_WHERE = re.compile(r" - at `\$\.?(?P<key>[^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>.*)`$", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<key>.*)`$", re.DOTALL)


def load(path: Path) -> Configuration:
    """Read a TOML file; relative paths in it are relative to its folder.

    Raises:
        UsageError: it cannot be read, is no TOML, or says something unknown or out of bounds.
        PolicyError: everybody may write it.
    """
    try:
        document = tomllib.loads(read_text_file(path, "configuration", UsageError))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"configuration {path} is no toml: {_lowered(str(error))}") from None
    return parse(document, base=path.absolute().parent, subject=f"configuration {path}")


def parse(document: Mapping[str, Any], *, base: Path, subject: str = "configuration") -> Configuration:
    """Check a mapping of the file's shape; what `load` and the blocks share.

    Args:
        base: absolute; where relative paths begin.
        subject: begins each error's message.

    Raises:
        UsageError: a key is unknown or missing, or its value of another type or out of bounds.
    """
    try:
        return msgspec.convert(document, Configuration, dec_hook=_paths_from(base))
    except msgspec.ValidationError as error:
        raise UsageError(f"{subject}: {_explained(str(error))}") from None


def _paths_from(base: Path) -> Callable[[type[Any], Any], Any]:
    def convert(wanted: type[Any], value: Any) -> Any:
        if wanted is not Path:
            raise NotImplementedError  # msgspec's word for a type this hook does not know
        if not isinstance(value, str) or not value or "\0" in value:
            raise ValueError("Expected a path")
        return base / value

    return convert


def _explained(text: str) -> str:
    """Msgspec's sentence in our words, the key first."""
    where = _WHERE.search(text)
    section = where["key"] if where else ""
    what = text[: where.start()] if where else text
    for pattern, words in ((_UNKNOWN, "is not known"), (_MISSING, "is missing")):
        if found := pattern.match(what):
            return f"{_joined(section, found['key'])} {words}"
    return f"{section or 'document'} is wrong: {_lowered(what)}"


def _joined(section: str, key: str) -> str:
    return f"{section}.{key}" if section else key


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")
