"""`make growth`: time and peak memory of Proofkeep against source size, number of files and number of snapshots.

Caches are as in `make bench`: warm. One measurement a point; every restore is compared with its source.
"""

import argparse
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from benchmarks import curves
from benchmarks.curves import Point
from benchmarks.data.mixed import SHARD, add_shards
from benchmarks.data.sets import GIB, DataSet, data_set
from benchmarks.data.writing import digest
from benchmarks.growth_report import write_report
from benchmarks.measuring import CommandError, measure, run, settle
from benchmarks.peers.contender import Command, empty_files
from benchmarks.peers.proofkeep import Proofkeep
from benchmarks.peers.surroundings import Surroundings

FOLDER = Path(".benchmark/growth").absolute()
SIZES = (0.5, 1, 2, 5, 10, 20)  # GiB
FILES = (1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
SNAPSHOTS = (1, 2, 5, 10, 20, 50, 100, 200)
INTERRUPTED = 128 + signal.SIGTERM
_MILLION = 1_000_000
_SNAPSHOT_SHARE = 0.02  # of B: what the repository with many snapshots holds
_WORKS = ("first", "unchanged", "restore", "verify", "verify-all")


class Growth:
    """Measures curves in `FOLDER`."""

    def __init__(self) -> None:
        self._surroundings = Surroundings(FOLDER / "servers")

    def sizes(self, largest: float) -> Iterator[Point]:
        """A source of more and more of A, each time in a new repository."""
        folder = FOLDER / "size"
        shutil.rmtree(folder, ignore_errors=True)
        shards = 0
        for size in [each for each in SIZES if each <= largest]:
            wanted = int(size * GIB // SHARD)
            add_shards(folder / "source", range(shards, wanted))
            shards = wanted
            data = DataSet("A", size, folder, 0, int(size * GIB), "", digest(folder / "source"))
            yield from self._works("size", size, data)
        empty_files(folder)  # and no removal yet: see `Contender.remove`

    def files(self, largest: float) -> Iterator[Point]:
        """More and more of D."""
        for count in [each for each in FILES if each <= largest]:
            data = data_set("D", count / _MILLION, FOLDER.parent / "data")
            yield from self._works("files", count, data)

    def snapshots(self, largest: float) -> Iterator[Point]:
        """One repository; before each backup one file changes, and at each of `SNAPSHOTS` everything is measured."""
        data = data_set("B", _SNAPSHOT_SHARE, FOLDER / "data")
        proofkeep = self._begun(data)
        for count in range(1, int(largest) + 1):
            with (data.source / data.one).open("ab") as file:
                file.write(b"%d\n" % count)
            if count not in SNAPSHOTS:
                run(proofkeep.command("changed"), proofkeep.folder / "backup.log")
                continue
            listing = proofkeep.said("snapshots", "--config", proofkeep.folder / "backup.toml")
            commands = {"backup": proofkeep.command("changed"), "snapshots": listing}
            for work in ("backup", "restore-one", "verify", "snapshots"):
                command = commands.get(work) or proofkeep.command(work)
                yield replace(self._measured(proofkeep, work, command), curve="snapshots", amount=count)
        proofkeep.remove()
        shutil.rmtree(data.folder)

    def _works(self, curve: str, amount: float, data: DataSet) -> Iterator[Point]:
        proofkeep = self._begun(data)
        for work in _WORKS:
            yield replace(self._measured(proofkeep, work, proofkeep.command(work)), curve=curve, amount=amount)
            if work == "restore" and digest(proofkeep.restored()) != data.digest:
                raise CommandError(f"restore of {amount:g} {curve} differs from the source")
        proofkeep.remove()

    def _begun(self, data: DataSet) -> Proofkeep:
        proofkeep = Proofkeep(FOLDER / "work", data, self._surroundings)
        proofkeep.remove()
        proofkeep.folder.mkdir(parents=True)
        for command in proofkeep.prepare():
            run(command, proofkeep.folder / "prepare.log")
        return proofkeep

    @staticmethod
    def _measured(proofkeep: Proofkeep, work: str, command: Command) -> Point:
        proofkeep.before(work)
        settle(proofkeep.data.source, *proofkeep.inputs())
        took = measure(command, proofkeep.folder / "work.log")
        return Point("", 0, work, took.wall, took.cpu, took.rss, proofkeep.version())


def told(points: Iterable[Point]) -> Iterator[Point]:
    """Show each point as it comes."""
    for each in points:
        line = (
            f"{each.curve:9} {each.amount:>9g} {each.work:11} {each.wall:8.2f} s  rss {each.rss / (1 << 20):5.0f} MiB"
        )
        print(line, flush=True)
        yield each


def main() -> None:
    """Parse the command line, measure, and write points, plots and table."""
    parser = argparse.ArgumentParser(prog="make growth", description="Growth curves of Proofkeep.")
    parser.add_argument("--size", type=float, default=SIZES[-1], help="largest source in GiB; 0 leaves the curve out")
    parser.add_argument("--files", type=float, default=FILES[-1], help="largest number of files")
    parser.add_argument("--snapshots", type=float, default=SNAPSHOTS[-1], help="largest number of snapshots")
    parser.add_argument("--into", type=Path, help="folder of the results (default: benchmarks, for whole curves)")
    options = parser.parse_args()
    growth, points = Growth(), list[Point]()
    whole = _are_whole(options.size, options.files, options.snapshots)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    measured = chain(growth.sizes(options.size), growth.files(options.files), growth.snapshots(options.snapshots))
    try:
        for point in told(measured):
            points.append(point)
    except BaseException:
        whole = False
        raise
    finally:
        _write(options.into or (Path("benchmarks") if whole else FOLDER.parent / "results-growth"), points)
        shutil.rmtree(FOLDER, ignore_errors=True)


def _write(folder: Path, new: list[Point]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    points = curves.merged(curves.read(folder / "growth.json"), new)
    curves.write(folder / "growth.json", points)
    write_report(folder, points)
    print(f"written to {folder}/GROWTH.md")


def _are_whole(size: float, files: float, snapshots: float) -> bool:
    """Whether every curve that was asked for goes to its end."""
    ends = ((size, SIZES[-1]), (files, FILES[-1]), (snapshots, SNAPSHOTS[-1]))
    return all(asked in {0, end} for asked, end in ends)


if __name__ == "__main__":
    main()
