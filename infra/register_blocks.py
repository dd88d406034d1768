"""`python -m infra.register_blocks [FILE]`: what a Prefect server must know before the first deployment runs.

Registers the block types; with FILE (or PROOFKEEP_BLOCKS) also makes the block documents that it describes and the
concurrency limits of task tags. A second run replaces the documents. FILE is TOML; a block that another one needs is
given by its name:

    [object_store.packs]
    bucket = "example-packs"

    [object_store.ledger]
    bucket = "example-ledger"

    [ledger.main]
    store = "ledger"

    [key_provider.backup]
    providers = ["awskms:alias/example"]

    [repository.main]
    store = "packs"
    ledger = "main"
    keys = "backup"
    host_secret = "awskms-mac:alias/example-hosts"

    [source.home]
    root = "/home"

    [limits]
    proofkeep-upload = 4
"""

import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from blocks import BLOCK_TYPES
from blocks.base import ConfigurationBlock
from blocks.server import named_server
from proofkeep.cli.exits import exit_of
from proofkeep.errors import ProofkeepError, UsageError

BLOCKS_VARIABLE = "PROOFKEEP_BLOCKS"
LIMITS = "limits"

_PREFIX = "proofkeep-"

BlockType = type[ConfigurationBlock]


def register_types() -> None:
    """Make the server know every block type, in the order in which they refer to each other."""
    for kind in BLOCK_TYPES:
        kind.register_type_and_schema(_sync=True)  # type: ignore[call-arg] # prefect's dispatcher takes _sync


def register_documents(document: Mapping[str, Any]) -> list[str]:
    """Make the blocks and limits that `document` describes; their names as `type/name`.

    Raises:
        UsageError: a section or field is not known, or a block it names is not described.
    """
    sections = {_section(kind): kind for kind in BLOCK_TYPES}
    if unknown := sorted(set(document) - set(sections) - {LIMITS}):
        raise UsageError(f"section {unknown[0]} is none of {', '.join([*sections, LIMITS])}")
    made: dict[tuple[BlockType, str], ConfigurationBlock] = {}
    for section, kind in sections.items():
        for name, fields in document.get(section, {}).items():
            block = _build(kind, f"{section}.{name}", fields, made)
            block.save(name, overwrite=True, _sync=True)  # type: ignore[call-arg] # as above
            made[kind, name] = block
    _set_limits(document.get(LIMITS, {}))
    return [f"{kind.get_block_type_slug()}/{name}" for kind, name in made]


def _section(kind: BlockType) -> str:
    return kind.get_block_type_slug().removeprefix(_PREFIX).replace("-", "_")


def _build(
    kind: BlockType,
    title: str,
    fields: Mapping[str, Any],
    made: Mapping[tuple[BlockType, str], ConfigurationBlock],
) -> ConfigurationBlock:
    values = dict(fields)
    for field, info in kind.model_fields.items():
        needed = _block_type(info.annotation)
        if needed is not None and field in values:
            try:
                values[field] = made[needed, values[field]]
            except KeyError:
                raise UsageError(f"{title}.{field} names no {_section(needed)} of this file") from None
    try:
        return kind(**values)
    except ValidationError as error:
        # Not what was typed: it may be a secret in the wrong place.
        problems = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors(include_input=False))
        raise UsageError(f"{title} is wrong in {problems}") from None


def _block_type(annotation: Any) -> BlockType | None:
    """The block type that a field refers to, if it does."""
    return next((kind for kind in BLOCK_TYPES if annotation is kind or kind in get_args(annotation)), None)


def _set_limits(limits: Mapping[str, int]) -> None:
    if not limits:
        return
    with named_server() as client:
        for tag, limit in limits.items():
            client.create_concurrency_limit(tag=tag, concurrency_limit=limit)


def main(arguments: list[str]) -> int:
    """Register, and say what was made."""
    path = arguments[0] if arguments else os.environ.get(BLOCKS_VARIABLE)
    try:
        with named_server():
            register_types()
            made = register_documents(_read(Path(path))) if path else []
    except ProofkeepError as error:
        print(f"register_blocks: {error} [{error.code}]", file=sys.stderr)
        return exit_of(error)
    print(f"{len(BLOCK_TYPES)} block types registered")
    for name in made:
        print(f"block {name} saved")
    return 0


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"file {path} cannot be read: {(error.strerror or '').lower()}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise UsageError(f"file {path} is no toml") from None


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
