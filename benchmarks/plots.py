"""Plots of ratios: a bar for each peer, a whisker over the rounds, a line at 1."""

from pathlib import Path

from benchmarks.results import Row

_COLOURS = {"restic": "#2b6cb0", "borg": "#2f855a", "duplicity": "#b7791f", "pipe": "#718096", "roofline": "#c53030"}
_OTHER = "#6b46c1"
_BAR = 0.8
_INCHES = (11, 0.42)  # width; height a group
_MARGIN = 1.6


def plot_measure(rows: list[Row], measure: str, title: str, path: Path) -> bool:
    """Write a PNG of one measure; False where nothing was measured."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - a second of imports that only plots pay for

    found = [row for row in rows if row["measure"] == measure]
    if not found:
        return False
    groups = list(dict.fromkeys((row["data"], row["store"], row["work"]) for row in found))
    groups.sort(key=lambda group: (group[1], group[0]))
    names = list(dict.fromkeys(row["against"] for row in found))
    height = _BAR / len(names)
    figure = Figure(figsize=(_INCHES[0], _MARGIN + _INCHES[1] * len(groups)))
    axes = figure.add_subplot()
    for index, name in enumerate(names):
        mine = [row for row in found if row["against"] == name]
        places = [groups.index((row["data"], row["store"], row["work"])) + (index + 0.5) * height for row in mine]
        ratios = [row["ratio"] for row in mine]
        spread = [[row["ratio"] - row["min"] for row in mine], [row["max"] - row["ratio"] for row in mine]]
        axes.barh(
            places, ratios, height * 0.9, xerr=spread, label=name, color=_COLOURS.get(name, _OTHER), ecolor="#1a202c"
        )
    axes.axvline(1, color="#1a202c", linewidth=1)
    axes.set_yticks([at + _BAR / 2 for at in range(len(groups))])
    axes.set_yticklabels(
        [f"{work}  {data}{'' if store == 'local' else ' over ' + store}" for data, store, work in groups]
    )
    axes.invert_yaxis()
    axes.set_xlabel(f"{title.lower()}, ours divided by theirs: left of the line is better")
    axes.set_title(title)
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    return True
