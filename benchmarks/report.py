"""`RESULTS.md` and the plots beside it, written from `results.json` alone."""

from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.plan import MEASURES
from benchmarks.plots import plot_measure

_TITLES = {
    "wall": "Wall time",
    "cpu": "Processor time",
    "rss": "Peak resident set",
    "stored": "Stored size",
}
_HEAD = """\
# Results

Written by `make bench`; the same rows for machines are in [results.json](results.json). How it is measured, and what
each work is, is told in [README.md](README.md). Ratios are ours divided by the other's in the same round: below 1 is
faster, smaller, less. The ratio shown is the median of the rounds.
"""
_PART = "**These are of a part**, at scale {scale:g}; the floors are for scale 1."
_PEAKS = """\
Of the program and all processes that it starts, the highest of all rounds (of rows from before that was kept, the
median). A flow that starts a Prefect server of its own (`start-up-ephemeral`) is left out: that server's memory is most
of it, and stands with the others below.
"""


def write_report(folder: Path, document: dict[str, Any]) -> None:
    """Write `RESULTS.md` and a plot for each measure."""
    rows = document["rows"]
    machine = ", ".join(f"{name} {value}" for name, value in document["machine"].items())
    parts = [
        _HEAD,
        "" if document.get("scale", 1) == 1 else _PART.format(scale=document["scale"]),
        "## Floors",
        tables.floor_table(rows),
        tables.start_up_sentence(rows),
        "## Peak memory",
        _PEAKS,
        tables.peak_table(rows),
    ]
    for measure in MEASURES:
        name = f"{measure}.png"
        if plot_measure(rows, measure, _TITLES[measure], folder / name):
            parts += [
                f"## {_TITLES[measure]}",
                f"![{_TITLES[measure]} as ratios]({name})",
                tables.measure_table(rows, measure),
            ]
    parts += ["## Who took part", tables.settings_table(document["settings"], rows)]
    parts += ["## Data", tables.data_table(document["data"]), f"Machine: {machine}."]
    (folder / "RESULTS.md").write_text("\n\n".join(part.strip() for part in parts if part) + "\n")
