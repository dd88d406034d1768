"""Growth curves: points, and where the cost of one more leaves the line of the points before."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

NOISE = 0.25  # seconds
DEPARTURE = 1.25  # a step that costs so many times what the steps before cost has left the line


@dataclass(frozen=True)
class Point:
    """One measurement.

    Attributes:
        curve: what grows: `size` in GiB, `files` or `snapshots`.
        amount: how much of it.
        wall, cpu: seconds.
        rss: bytes.
        version: of the program, with the commit.
    """

    curve: str
    amount: float
    work: str
    wall: float
    cpu: float
    rss: int
    version: str = ""


def of(points: Iterable[Point], curve: str, work: str) -> list[Point]:
    """One work's points on one curve, by amount."""
    return sorted((each for each in points if (each.curve, each.work) == (curve, work)), key=lambda each: each.amount)


def cost_of_one_more(points: list[Point]) -> list[tuple[float, float]]:
    """Seconds for one unit more, between each point and the one before; beside the amount reached."""
    return [
        (after.amount, (after.wall - before.wall) / (after.amount - before.amount))
        for before, after in pairwise(points)
    ]


def leaves_line_at(points: list[Point]) -> float | None:
    """The first amount whose cost of one more is beyond `DEPARTURE` times the median of those before it.

    Points that lie less than `NOISE` seconds above the one before make no line; cost that falls leaves none.
    """
    kept = points[:1]
    for each in points[1:]:
        if each.wall - kept[-1].wall >= NOISE:
            kept.append(each)
    costs = cost_of_one_more(kept)
    for number in range(1, len(costs)):
        amount, cost = costs[number]
        usual = median(each for _, each in costs[:number])
        if usual > 0 and cost > DEPARTURE * usual:
            return amount
    return None


def write(path: Path, points: list[Point]) -> None:
    """As JSON, a point a line."""
    path.write_text("[\n" + ",\n".join(f"  {json.dumps(asdict(each))}" for each in points) + "\n]\n")


def read(path: Path) -> list[Point]:
    """What `write` wrote; nothing where there is no file."""
    return [Point(**each) for each in json.loads(path.read_text())] if path.exists() else []


def merged(known: Iterable[Point], new: Iterable[Point]) -> list[Point]:
    """Known points, those of a curve that was measured anew replaced as a whole."""
    new = list(new)
    anew = {each.curve for each in new}
    return [each for each in known if each.curve not in anew] + new
