"""`GROWTH.md` and a plot for each curve."""

from pathlib import Path

from benchmarks import curves
from benchmarks.curves import DEPARTURE, Point
from benchmarks.floors import MIB
from benchmarks.machine import machine
from benchmarks.tables import markdown_table

_UNITS = {"size": "GiB of source", "files": "files", "snapshots": "snapshots"}
_HEAD = f"""\
# Growth

Written by `make growth`; the points are in [growth.json](growth.json). One measurement a point, caches warm. *One more*
is what one unit more costs between the last two points, without the fixed start-up. A curve *leaves its line* at the
first point where one more costs over {DEPARTURE} times what it cost before."""
_INCHES = (11, 4.2)


def write_report(folder: Path, points: list[Point]) -> None:
    """Write the table and the plots."""
    parts = [_HEAD]
    for curve in dict.fromkeys(each.curve for each in points):
        plot(points, curve, folder / f"growth-{curve}.png")
        parts += [f"## Against {_UNITS[curve]}", f"![time and memory against {_UNITS[curve]}](growth-{curve}.png)"]
        parts += [table(points, curve), f"Measured of {', '.join(versions_of(points, curve))}."]
    told = ", ".join(f"{name} {value}" for name, value in machine().items())
    parts.append(f"Machine of the last measurement: {told}.")
    (folder / "GROWTH.md").write_text("\n\n".join(parts) + "\n")


def works_of(points: list[Point], curve: str) -> list[str]:
    """Works measured on a curve, in order."""
    return list(dict.fromkeys(each.work for each in points if each.curve == curve))


def versions_of(points: list[Point], curve: str) -> list[str]:
    """Versions of the program that a curve was measured of."""
    return list(dict.fromkeys(each.version for each in points if each.curve == curve))


def table(points: list[Point], curve: str) -> str:
    """First and last point of each work, its last cost of one more, and where it leaves its line."""
    body = []
    for work in works_of(points, curve):
        found = curves.of(points, curve, work)
        costs, left = curves.cost_of_one_more(found), curves.leaves_line_at(found)
        body.append(
            [
                work,
                *(f"{each.amount:,g}: {each.wall:.2f} s, {each.rss / MIB:.0f} MiB" for each in (found[0], found[-1])),
                f"{costs[-1][1] * 1000:,.{2 if costs[-1][1] < 1 else 0}f} ms" if costs else "",
                "nowhere" if left is None else f"{left:,g}",
            ]
        )
    return markdown_table(["work", "smallest", "largest", "one more", "leaves its line at"], body)


def plot(points: list[Point], curve: str, path: Path) -> None:
    """Time on the left, peak memory on the right, both from zero."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - a second of imports that only plots pay for

    figure = Figure(figsize=_INCHES)
    time, memory = figure.subplots(1, 2)
    for work in works_of(points, curve):
        found = curves.of(points, curve, work)
        amounts = [each.amount for each in found]
        time.plot(amounts, [each.wall for each in found], marker="o", label=work)
        memory.plot(amounts, [each.rss / MIB for each in found], marker="o", label=work)
    for axes, title in ((time, "seconds"), (memory, "peak resident set, MiB")):
        axes.set_xlabel(_UNITS[curve])
        axes.set_title(title)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    time.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
