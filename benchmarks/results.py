"""Rows of results: ratios of what ours took to what the other took in the same round."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.plan import MEASURES, OURS, step_of, theirs
from benchmarks.samples import Sample

Row = dict[str, Any]

_KEY = ("work", "data", "store", "against", "measure")


def rows(
    samples: Iterable[Sample], works: Iterable[str], against: Iterable[str], versions: Mapping[str, str]
) -> list[Row]:
    """A row for each work, data, store, peer and measure that both sides have a round of.

    `ratio` is the median of the rounds' ratios, `min` and `max` the outermost; `ours` and `theirs` are medians in
    seconds or bytes.
    """
    taken = {(each.data, each.store, each.step, each.contender, each.round): each for each in samples}
    places = dict.fromkeys((data, store) for data, store, *_ in taken)
    found = []
    for work in works:
        for data, store in places:
            for name in against:
                names = OURS[work], theirs(work, name)
                for measure in MEASURES:
                    pairs = _pairs(taken, (data, store, step_of(work)), names, measure)
                    if pairs:
                        place = dict(zip(_KEY, (work, data, store, name, measure), strict=True))
                        found.append(place | _summary(pairs) | {"versions": {each: versions[each] for each in names}})
    return found


def _pairs(
    taken: Mapping[tuple[str, str, str, str, int], Sample],
    place: tuple[str, str, str],
    names: tuple[str, str],
    measure: str,
) -> list[tuple[float, float]]:
    numbers = sorted({number for *found, name, number in taken if tuple(found) == place and name == names[0]})
    pairs = []
    for number in numbers:
        ours, other = (taken.get((*place, name, number)) for name in names)
        values = [getattr(each, measure) for each in (ours, other) if each is not None]
        if len(values) == len(names) and None not in values:
            pairs.append((values[0], values[1]))
    return pairs


def _summary(pairs: list[tuple[float, float]]) -> Row:
    ratios = [ours / other for ours, other in pairs]
    return {
        "ratio": round(median(ratios), 4),
        "min": round(min(ratios), 4),
        "max": round(max(ratios), 4),
        "rounds": len(pairs),
        "ours": median(ours for ours, _ in pairs),
        "theirs": median(other for _, other in pairs),
    }


def merged(known: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    """Known rows in their order, each replaced by a new one of the same key; then the rest of the new."""
    by_key = {tuple(row[name] for name in _KEY): row for row in known}
    by_key.update({tuple(row[name] for name in _KEY): row for row in new})
    return list(by_key.values())


def read(path: Path) -> dict[str, Any]:
    """A results file, or an empty one."""
    if not path.exists():
        return {"rows": [], "data": {}, "settings": {}, "machine": {}}
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Write it as JSON, a row a line."""
    head = {name: value for name, value in document.items() if name != "rows"}
    lines = ",\n".join(f"    {json.dumps(row)}" for row in document["rows"])
    text = json.dumps(head, indent=2).rstrip("}").rstrip()
    path.write_text(f'{text},\n  "rows": [\n{lines}\n  ]\n}}\n')
