"""`make flame`: flame graphs of a first backup and a whole restore of A and a first backup of B, by a profiler.

py-spy stops the program a hundred times a second and notes every thread that works, with its C functions, in every
process: widths are shares of processor time, not of wall time. Writes `benchmarks/flame-*.svg`, or of a
part of the data `.benchmark/flames/flame-*.svg`.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.data.sets import data_set
from benchmarks.measuring import run
from benchmarks.peers.contender import RESTORE
from benchmarks.peers.proofkeep import Proofkeep
from benchmarks.peers.surroundings import Surroundings

FOLDER = Path(".benchmark/flame").absolute()
PROFILER = Path(sys.executable).with_name("py-spy")
PROFILED = {"A": ("first", RESTORE), "B": ("first",)}
_CUT_SHORT = re.compile(r"&quot;/[^<]*\.\.</text>")  # what a narrow box shows of a command that begins with a path


def main(scale: float, into: Path) -> int:
    """Record one graph a step; raises `CommandError` or `subprocess.CalledProcessError` when a command fails."""
    for letter, steps in PROFILED.items():
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        data = data_set(letter, scale, FOLDER.parent / "data")
        contender = Proofkeep(FOLDER / "proofkeep", data, Surroundings(FOLDER / "servers"))
        contender.folder.mkdir()
        try:
            for command in contender.prepare():
                run(command, FOLDER / "prepare.log")
            for step in steps:
                contender.before(step)
                _record(contender, step, into / f"flame-{step}-{letter}.svg")
        finally:
            shutil.rmtree(FOLDER, ignore_errors=True)
    return 0


def _record(contender: Proofkeep, step: str, graph: Path) -> None:
    """Run a step below the profiler, and take this checkout's place out of what it wrote."""
    command = contender.command(step)
    subprocess.run(
        [PROFILER, "record", "--subprocesses", "--native", "--output", graph, "--", sys.executable, *command.arguments],
        env=command.surroundings(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    text = graph.read_text().replace(f"{Path.cwd()}/", "")
    graph.write_text(_CUT_SHORT.sub("&quot;..</text>", text))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make flame", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--into", type=Path, help="folder of the graphs (default: benchmarks, at full size)")
    options = parser.parse_args()
    into = options.into or (Path("benchmarks") if options.scale == 1 else FOLDER.parent / "flames")
    into.mkdir(parents=True, exist_ok=True)
    sys.exit(main(options.scale, into))
