"""What the results must show: the floors of the issue that asked for them, each a limit on one ratio or size."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmarks.peers.contender import RESTORE, UNSYNCED
from benchmarks.peers.flow import EPHEMERAL
from benchmarks.results import Row

MIB = 1 << 20
PEERS = ("restic", "borg")  # a floor against both is one against the better of them: the higher ratio


@dataclass(frozen=True)
class Floor:
    """A limit.

    Attributes:
        against: the row with the highest ratio counts.
        limit: of the ratio; of our own peak in bytes where `measure` is `rss`.
    """

    works: tuple[str, ...]
    data: str
    against: tuple[str, ...]
    limit: float
    measure: str = "wall"
    store: str = "local"


FLOORS = (
    Floor(("first",), "AC", PEERS, 0.68),
    Floor(("first",), "B", PEERS, 0.48),
    Floor(("first-unchecked",), "AC", PEERS, 0.60),
    Floor(("first-unchecked",), "B", PEERS, 0.45),
    Floor(("first",), "AC", ("pipe",), 1.00),
    Floor(("first-unchecked",), "AC", ("pipe",), 0.90),
    Floor(("first",), "AC", ("roofline",), 1.50),
    Floor(("unchanged",), "AB", PEERS, 0.60),
    Floor(("unchanged",), "D", PEERS, 0.50),
    Floor(("changed",), "C", PEERS, 0.60),
    Floor((RESTORE, UNSYNCED), "AC", PEERS, 0.85),
    Floor((RESTORE, UNSYNCED), "B", PEERS, 0.60),
    Floor(("restore-one",), "A", ("restic",), 0.80, store="s3"),
    Floor(("first", RESTORE, UNSYNCED), "A", ("restic",), 0.70, store="s3"),
    Floor(("verify-all",), "ABC", PEERS, 0.80),
    Floor(("first", "changed"), "AC", PEERS, 1.01, "stored"),
    Floor(("first",), "B", PEERS, 0.75, "stored"),
    Floor(("first",), "A", ("cli",), 1.05),
)
PEAK_LIMIT = 256 * MIB
ROUNDS = 3  # a verdict of fewer says so


@dataclass(frozen=True)
class Verdict:
    """One floor on one work and data set.

    Attributes:
        row: what counts; None where it was not measured against everyone that the floor names.
    """

    floor: Floor
    work: str
    data: str
    row: Row | None

    @property
    def word(self) -> str:
        """`pass`, `FAIL` or `not measured`."""
        if self.row is None:
            return "not measured"
        return "pass" if self.row["ratio"] <= self.floor.limit else "FAIL"


def verdicts(rows: Iterable[Row]) -> Iterator[Verdict]:
    """Every floor, measured or not."""
    by_key = {(row["work"], row["data"], row["store"], row["against"], row["measure"]): row for row in rows}
    for floor in FLOORS:
        for data in floor.data:
            for work in floor.works:
                found = [by_key.get((work, data, floor.store, name, floor.measure)) for name in floor.against]
                known = [row for row in found if row is not None]
                row = max(known, key=lambda each: each["ratio"]) if len(known) == len(found) else None
                yield Verdict(floor, work, data, row)


def peaks(rows: Iterable[Row]) -> dict[tuple[str, str, str], float]:
    """Our own highest peak in bytes, by work, data and who ran on which store; a server within a flow is no part.

    The highest of all rounds counts, against whomever; rows of before `most` was kept have their median.
    """
    found: dict[tuple[str, str, str], float] = {}
    for row in rows:
        if row["measure"] == "rss" and row["work"] != EPHEMERAL:
            place = row["work"], row["data"], "flow" if row["against"] == "cli" else row["store"]
            found[place] = max(row["most"] if "most" in row else row["ours"], found.get(place, 0))
    return found
