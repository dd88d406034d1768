"""Which works exist, on which data and store, against whom, and what has to be done before each."""

from dataclasses import dataclass

from benchmarks.peers.borg import Borg
from benchmarks.peers.contender import RESTORE, STEPS, UNSYNCED, Contender
from benchmarks.peers.duplicity import Duplicity
from benchmarks.peers.flow import EPHEMERAL, START_UP, CommandLine, Flow
from benchmarks.peers.over_s3 import ProofkeepOverS3, ResticOverS3
from benchmarks.peers.pipe import Pipe
from benchmarks.peers.proofkeep import Proofkeep, UncheckedProofkeep
from benchmarks.peers.restic import Restic
from benchmarks.peers.roofline import Roofline, UncheckedRoofline

UNCHECKED = "first-unchecked"  # the step `first` by those that leave the self-check out
WORKS = ("first", UNCHECKED, *STEPS[1:], START_UP, EPHEMERAL)
AGAINST = ("restic", "borg", "duplicity", "pipe", "roofline", "cli")
ALONE = "none"
MEASURES = ("wall", "cpu", "rss", "stored")


@dataclass(frozen=True)
class Heat:
    """Those who run side by side over one data set.

    Attributes:
        kinds: in the order of even rounds; next to ours stand those whose ratios have floors.
        once: the first backup runs in the first round only, and the repositories stay.
    """

    data: str
    store: str
    works: tuple[str, ...]
    against: tuple[str, ...]
    kinds: tuple[type[Contender], ...]
    once: bool = False

    def contenders(self, works: set[str], against: set[str]) -> list[type[Contender]]:
        """Whoever has a part in these works against these; ours alone against `ALONE`."""
        names = {side[0] for work in works for name in against & {*self.against} for side in pair(work, name)}
        if ALONE in against and "cli" not in self.against:
            names |= {ours(work, ALONE) for work in works}
        return [kind for kind in self.kinds if kind.name in names]

    @staticmethod
    def measures(against: str) -> tuple[str, ...]:
        """What can be compared: the roofline holds all data in memory and stores none, a flow stores what we store."""
        return {"roofline": ("wall", "cpu"), "cli": ("wall", "cpu", "rss")}.get(against, MEASURES)


_PEERS = ("restic", "borg", "duplicity", "pipe", "roofline")
_ALL = (Duplicity, Pipe, Borg, Proofkeep, Restic, UncheckedProofkeep, UncheckedRoofline, Roofline)

HEATS = (
    *(Heat(data, "local", ("first", UNCHECKED, *STEPS[1:]), _PEERS, _ALL) for data in "ABC"),
    Heat("D", "local", ("first", "unchanged"), ("restic", "borg"), (Borg, Proofkeep, Restic), once=True),
    Heat("A", "s3", ("first", RESTORE, UNSYNCED, "restore-one"), ("restic",), (ProofkeepOverS3, ResticOverS3)),
    Heat("A", "local", (START_UP, EPHEMERAL, "first"), ("cli",), (CommandLine, Flow)),
)


def ours(work: str, against: str) -> str:
    """The one of ours that does the work."""
    if against == "cli":
        return "flow"
    return "proofkeep-unchecked" if work == UNCHECKED else "proofkeep"


def pair(work: str, against: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Contender and step of ours, and of theirs."""
    step = step_of(work)
    if against == "cli":
        theirs = "cli", START_UP if work == EPHEMERAL else step
    elif against == "roofline" and work == UNCHECKED:
        theirs = "roofline-unchecked", step
    else:
        theirs = against, step
    return (ours(work, against), step), theirs


def step_of(work: str) -> str:
    """The step that a work times."""
    return "first" if work == UNCHECKED else work


def steps_to_run(works: set[str]) -> list[str]:
    """Steps in order, with the first backup that every other step needs."""
    needed = {step_of(work) for work in works} | {"first"}
    return [step for step in (START_UP, EPHEMERAL, *STEPS) if step in needed]
