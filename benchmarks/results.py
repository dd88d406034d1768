"""Rows of results: ratios of what ours took to what the other took in the same round."""

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.peers.flow import START_UP
from benchmarks.plan import AGAINST, HEATS, MEASURES, WORKS, pair
from benchmarks.samples import Sample

Row = dict[str, Any]

_KEY = ("work", "data", "store", "against", "measure")


class Taken:
    """Samples by who took them."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = {(each.data, each.store, each.contender, each.step, each.round): each for each in samples}
        self._rounds = sorted({number for *_, number in self._samples})

    def value(self, place: tuple[str, str], side: tuple[str, str], number: int, measure: str) -> float | None:
        """What one side took in one round."""
        sample = self._samples.get((*place, *side, number))
        return None if sample is None else getattr(sample, measure)

    def pairs(self, work: str, place: tuple[str, str], against: str, measure: str) -> list[tuple[float, float]]:
        """Both sides of every round that has both; a flow's wall time without its fixed start-up."""
        found = []
        for number in self._rounds:
            mine, theirs = (self.value(place, side, number, measure) for side in pair(work, against))
            apart = self.start_up(place, number) if _leaves_start_up_out(work, against, measure) else 0
            if mine is not None and theirs is not None and apart is not None:
                found.append((mine - apart, theirs))
        return found

    def start_up(self, place: tuple[str, str], number: int) -> float | None:
        """Seconds that the flow takes longer than the command line for next to nothing."""
        flow, line = (self.value(place, (name, START_UP), number, "wall") for name in ("flow", "cli"))
        return None if flow is None or line is None else flow - line


def _leaves_start_up_out(work: str, against: str, measure: str) -> bool:
    return (work, against, measure) == ("first", "cli", "wall")


def rows(
    samples: Iterable[Sample], works: Collection[str], against: Collection[str], versions: Mapping[str, str]
) -> list[Row]:
    """A row for each work, data, store, peer and measure that both sides have a round of.

    `ratio` is the median of the rounds' ratios, `min` and `max` the outermost; `ours` and `theirs` are medians in
    seconds or bytes, `most` is our highest.
    """
    taken = Taken(samples)
    keys = [
        (work, heat.data, heat.store, name, measure)
        for heat in HEATS
        for work in WORKS
        for name in AGAINST
        for measure in heat.measures(name)
        if work in {*works} & {*heat.works} and name in {*against} & {*heat.against}
    ]
    found = []
    for key in keys:
        work, data, store, name, measure = key
        pairs = taken.pairs(work, (data, store), name, measure)
        if pairs:
            who = {side[0]: versions[side[0]] for side in pair(work, name)}
            found.append(dict(zip(_KEY, key, strict=True)) | _summary(pairs) | {"versions": who})
    return found


def _summary(pairs: list[tuple[float, float]]) -> Row:
    ratios = [ours / other for ours, other in pairs]
    return {
        "ratio": round(median(ratios), 4),
        "min": round(min(ratios), 4),
        "max": round(max(ratios), 4),
        "rounds": len(pairs),
        "ours": round(median(ours for ours, _ in pairs), 4),
        "theirs": round(median(other for _, other in pairs), 4),
        "most": round(max(ours for ours, _ in pairs), 4),
    }


def merged(known: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    """Known and new rows in the order of the plan; a new one replaces a known one of the same key."""
    by_key = {tuple(row[name] for name in _KEY): row for row in known}
    by_key.update({tuple(row[name] for name in _KEY): row for row in new})
    return sorted(by_key.values(), key=_place)


def _place(row: Row) -> tuple[str, str, int, int, int]:
    work, against, measure = WORKS.index(row["work"]), AGAINST.index(row["against"]), MEASURES.index(row["measure"])
    return row["store"], row["data"], work, against, measure


def read(path: Path) -> dict[str, Any]:
    """A results file, or an empty one."""
    if not path.exists():
        return {"rows": [], "data": {}, "settings": {}, "machine": {}}
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Write it as JSON, a row a line."""
    head = json.dumps({name: value for name, value in document.items() if name != "rows"}, indent=2)
    lines = ",\n".join(f"    {json.dumps(row)}" for row in document["rows"])
    path.write_text(f'{head.removesuffix("}").rstrip()},\n  "rows": [\n{lines}\n  ]\n}}\n')
