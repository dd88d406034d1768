"""Plots of ratios: a bar for each peer, a whisker over the rounds, on a logarithmic axis around 1."""

from pathlib import Path
from typing import Any

from benchmarks.peers.flow import START_UP
from benchmarks.results import Row

_COLOURS = {"restic": "#2b6cb0", "borg": "#2f855a", "duplicity": "#b7791f", "pipe": "#718096", "roofline": "#c53030"}
_OTHER = "#6b46c1"
_INK = "#1a202c"
_BAR = 0.8
_INCHES = (11, 0.42)  # width; height a group
_MARGIN = 1.6
_TICKS = (0.05, 0.1, 0.2, 0.33, 0.5, 0.68, 1, 1.5, 2, 3, 5, 10)


def plot_measure(rows: list[Row], measure: str, title: str, path: Path) -> bool:
    """Write a PNG of one measure's ratios; False where nothing was measured. Start-ups are told by the table alone."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - a second of imports that only plots pay for

    found = [row for row in rows if row["measure"] == measure and not row["work"].startswith(START_UP)]
    if not found:
        return False
    groups = sorted(dict.fromkeys(map(_group, found)), key=lambda group: (group[1], group[0]))
    names = list(dict.fromkeys(row["against"] for row in found))
    figure = Figure(figsize=(_INCHES[0], _MARGIN + _INCHES[1] * len(groups)))
    axes = figure.add_subplot()
    height = _BAR / len(names)
    for index, name in enumerate(names):
        mine = [row for row in found if row["against"] == name]
        places = [groups.index(_group(row)) + (index + 0.5) * height for row in mine]
        lengths = [row["ratio"] - 1 for row in mine]
        spread = [[row["ratio"] - row["min"] for row in mine], [row["max"] - row["ratio"] for row in mine]]
        colour = _COLOURS.get(name, _OTHER)
        axes.barh(places, lengths, height * 0.9, left=1, xerr=spread, label=name, color=colour, ecolor=_INK)
    _label(axes, groups, f"{title}: ours divided by theirs, bars to the left of 1 are ours ahead")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    return True


def _group(row: Row) -> tuple[str, str, str]:
    return row["data"], row["store"], row["work"]


def _label(axes: Any, groups: list[tuple[str, str, str]], title: str) -> None:
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    ticks = [tick for tick in _TICKS if low <= tick <= high]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
    axes.minorticks_off()
    axes.axvline(1, color=_INK, linewidth=1)
    axes.grid(axis="x", alpha=0.3)
    labels = [f"{work}  {data}{'' if store == 'local' else ' over ' + store}" for data, store, work in groups]
    axes.set_yticks([at + _BAR / 2 for at in range(len(groups))], labels)
    axes.invert_yaxis()
    axes.set_title(title)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
