"""The seed of a draw and the order it gives; pure, and simple enough for a shell.

seed input = canonical JSON of {"drill": <id>, "heads": [<writer>:<sequence>:<sha256>, ... ascending]}
seed       = SHA-256 of the seed input, in hex
rank       = SHA-256 of "<seed> <snapshot> <file>", in hex, single spaces, nothing at the end

Nobody who picks a drill's id knows the heads of runs that are still to come.
"""

from collections.abc import Iterable
from hashlib import sha256

from proofkeep.canonical import to_json


def seed_input(drill: str, heads: Iterable[str]) -> str:
    """What is hashed, as text; the evidence keeps it in a file of its own."""
    return to_json({"drill": drill, "heads": sorted(heads)}).decode()


def seed_of(text: str) -> str:
    """The seed, 64 hex digits."""
    return sha256(text.encode()).hexdigest()


def rank(seed: str, snapshot: str, file: str) -> str:
    """Where a file stands in the draw: the lowest ranks of a stratum are drawn."""
    return sha256(f"{seed} {snapshot} {file}".encode()).hexdigest()
