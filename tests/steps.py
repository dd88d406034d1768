"""The kinds of step that a whole backup tells: a run that told fewer was not watched, and proves nothing by its end."""

from collections.abc import Sequence

STORED = ("keys", "packs", "index", "ledger", "snapshots")
"""Kinds of object that a backup puts and then proves."""

KINDS = frozenset(
    {f"{operation} {kind}" for operation in ("put", "stat") for kind in STORED}
    | {"list packs"}
    | {f"Journal.{step}" for step in ("set_fact", "add_pack", "close_transfer", "set_packs_indexed")}
    | {f"Journal.{step}" for step in ("set_pack_sent", "set_pack_verified", "keep_object", "set_object_sent")}
    | {f"Noted.{step}" for step in ("begin", "add", "finish", "clear")}
    | {f"Catalog.{step}" for step in ("add_pack", "set_version", "set_head")}
    | {f"Catalog.{step}" for step in ("set_file_states", "set_segment_states")}
    | {"OpenPack.append", "OpenPack.finish", "Spool.release", "Spool.clear", "replace_file", "save_heads"}
)
"""Written out, not taken from what is watched: else what is watched no more would not be missed."""


def kind(step: str) -> str:
    """Of a request the first word of the object's name, of a change on the host what does it."""
    operation, _, name = step.partition(" ")
    is_request = operation.islower() and "_" not in operation
    return f"{operation} {name.partition('/')[0]}" if is_request else operation


def unwatched(steps: Sequence[str]) -> list[str]:
    """Kinds of step that are missing in the log of a run that committed."""
    return sorted(KINDS - {kind(step) for step in steps})
