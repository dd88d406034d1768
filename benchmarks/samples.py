"""What was measured, one line of JSON each, so that an interrupted run keeps what it had."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """What one contender took for one step in one round.

    Attributes:
        wall, cpu: seconds.
        rss: bytes.
        stored: bytes in the repository after the step; None for steps that store nothing.
    """

    data: str
    store: str
    step: str
    contender: str
    round: int
    wall: float
    cpu: float
    rss: int
    stored: int | None


def append(path: Path, sample: Sample) -> None:
    """Add one line."""
    with path.open("a") as file:
        file.write(json.dumps(asdict(sample)) + "\n")


def read(path: Path) -> list[Sample]:
    """All lines of a file."""
    return [Sample(**json.loads(line)) for line in path.read_text().splitlines()]


def shown(sample: Sample) -> str:
    """One line for a person."""
    stored = "" if sample.stored is None else f"  stored {sample.stored / 1e6:9.1f} MB"
    return (
        f"{sample.data} {sample.store:5} round {sample.round} {sample.step:11} {sample.contender:19}"
        f" {sample.wall:8.2f} s  cpu {sample.cpu:8.2f} s  rss {sample.rss / (1 << 20):6.0f} MiB{stored}"
    )
