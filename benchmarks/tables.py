"""The results as Markdown: floors first, then everything that was measured."""

from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.floors import MIB, PEAK_LIMIT, ROUNDS, peaks, verdicts
from benchmarks.peers.flow import EPHEMERAL, START_UP
from benchmarks.results import Row

_UNITS = {"wall": (1, "s"), "cpu": (1, "s"), "rss": (MIB, "MiB"), "stored": (1_000_000, "MB")}


def shown(measure: str, value: float) -> str:
    """A value with its unit."""
    divisor, unit = _UNITS[measure]
    scaled = value / divisor
    digits = 2 if unit == "s" and scaled < 100 else 0  # noqa: PLR2004 - three digits say enough
    return f"{scaled:,.{digits}f} {unit}"


def markdown_table(head: list[str], body: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def floor_table(rows: list[Row], *, measured_only: bool = False) -> str:
    """Every floor with what was reached."""
    body = []
    for verdict in verdicts(rows):
        floor, row = verdict.floor, verdict.row
        if row is None and measured_only:
            continue
        against = f"the better of {' and '.join(floor.against)}" if len(floor.against) > 1 else floor.against[0]
        place = [verdict.work, verdict.data, floor.store, floor.measure, against, f"<= {floor.limit:.2f}"]
        reached = (
            ["", ""] if row is None else [f"{row['ratio']:.2f} ({row['min']:.2f} to {row['max']:.2f})", row["against"]]
        )
        few = "" if row is None or row["rounds"] >= ROUNDS else f", rounds: {row['rounds']}"
        body.append([*place, *reached, verdict.word + few])
    return markdown_table(
        ["work", "data", "store", "measure", "against", "floor", "ratio", "that was", "verdict"], body
    )


def peak_table(rows: list[Row]) -> str:
    """Our peaks, the highest first."""
    found = sorted(peaks(rows).items(), key=lambda item: -item[1])
    body = [[*place, f"{peak / MIB:.0f} MiB", "pass" if peak <= PEAK_LIMIT else "FAIL"] for place, peak in found]
    return markdown_table(["work", "data", "store", "peak resident set", f"<= {PEAK_LIMIT // MIB} MiB"], body)


def start_up_sentence(rows: list[Row]) -> str:
    """What Prefect adds before the first byte; nothing where it was not measured."""
    seconds = {row["work"]: row for row in rows if row["work"].startswith(START_UP) and row["measure"] == "wall"}
    if START_UP not in seconds:
        return ""
    running = seconds[START_UP]
    own = f", {seconds[EPHEMERAL]['ours']:.1f} s with a server that it starts itself" if EPHEMERAL in seconds else ""
    line = f"the command line {running['theirs']:.1f} s"
    return (
        f"Backing up ten files takes the flow {running['ours']:.1f} s with a server that runs already{own}; it takes"
        f" {line}. Their difference is the fixed start-up, which `first` against `cli` leaves out."
    )


def measure_table(rows: list[Row], measure: str) -> str:
    """One measure of everything."""
    body = [
        [
            row["work"],
            row["data"],
            row["store"],
            row["against"],
            f"{row['ratio']:.2f}",
            f"{row['min']:.2f} to {row['max']:.2f}",
            shown(measure, row["ours"]),
            shown(measure, row["theirs"]),
            str(row["rounds"]),
        ]
        for row in rows
        if row["measure"] == measure
    ]
    return markdown_table(
        ["work", "data", "store", "against", "ratio", "rounds' range", "ours", "theirs", "rounds"], body
    )


def settings_table(settings: Mapping[str, Mapping[str, str]], rows: Iterable[Mapping[str, Any]]) -> str:
    """Who took part, in which versions by their rows, and how set when they last did."""
    versions: dict[str, set[str]] = {}
    for row in rows:
        for name, version in row["versions"].items():
            versions.setdefault(name, set()).add(version)
    body = [
        [name, ", ".join(sorted(versions.get(name, {each["version"]}))), each["settings"].replace("|", "\\|")]
        for name, each in settings.items()
    ]
    return markdown_table(["who", "versions", "settings"], body)


def data_table(data: Mapping[str, Mapping[str, Any]]) -> str:
    """The data sets."""
    body = [
        [
            letter,
            each["what"],
            f"{each['files']:,}",
            f"{each['bytes'] / (1 << 20):,.0f} MiB",
            f"`{each['digest'][:16]}`",
        ]
        for letter, each in sorted(data.items())
    ]
    return markdown_table(["data", "what", "files", "size", "SHA-256 begins with"], body)
