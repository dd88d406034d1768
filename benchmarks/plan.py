"""Which works exist, on which data and store, by whom, and what has to be done before each."""

from collections.abc import Mapping
from types import MappingProxyType

from benchmarks.peers.borg import Borg
from benchmarks.peers.contender import STEPS, Contender
from benchmarks.peers.pipe import Pipe
from benchmarks.peers.proofkeep import Proofkeep, UncheckedProofkeep
from benchmarks.peers.restic import Restic
from benchmarks.peers.roofline import Roofline, UncheckedRoofline

# A work is a step as one of ours does it; `first-unchecked` is `first` by another of ours.
WORKS = ("first", "first-unchecked", *STEPS[1:])
AGAINST = ("restic", "borg", "pipe", "roofline")
MEASURES = ("wall", "cpu", "rss", "stored")

# Next to ours stand those whose ratios have floors; every second round runs in the opposite order.
LOCAL: tuple[type[Contender], ...] = (
    Pipe,
    Borg,
    Proofkeep,
    Restic,
    UncheckedProofkeep,
    UncheckedRoofline,
    Roofline,
)

OURS: Mapping[str, str] = MappingProxyType(
    {work: "proofkeep-unchecked" if work == "first-unchecked" else "proofkeep" for work in WORKS}
)


def step_of(work: str) -> str:
    """The step that a work times."""
    return "first" if work == "first-unchecked" else work


def theirs(work: str, against: str) -> str:
    """The contender that `against` stands for: the roofline without self-check where ours has none."""
    return "roofline-unchecked" if work == "first-unchecked" and against == "roofline" else against


def works_of(data: str, store: str) -> tuple[str, ...]:
    """What is measured: everything but for D, whose point is the path of metadata."""
    if store == "s3":
        return ("first", "restore", "restore-one") if data == "A" else ()
    return ("first", "unchanged") if data == "D" else WORKS


def against_of(data: str, store: str) -> tuple[str, ...]:
    """Whom it is measured against."""
    if store == "s3":
        return ("restic",)
    return ("restic", "borg") if data == "D" else AGAINST


def steps_to_run(works: set[str]) -> list[str]:
    """Steps in order, with the first backup that every other step needs."""
    needed = {step_of(work) for work in works}
    return [step for step in STEPS if step in needed or step == "first"] if needed else []


def contenders(works: set[str], against: set[str]) -> list[type[Contender]]:
    """Whoever has a part in these works, in the order of even rounds."""
    names = {OURS[work] for work in works} | {theirs(work, name) for work in works for name in against}
    return [kind for kind in LOCAL if kind.name in names]
