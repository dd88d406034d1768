"""`make bench`: run what was selected, pair by pair, and write the table, the plots and the rows."""

import argparse
import fcntl
import shutil
import signal
import subprocess
import sys
import traceback
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import plan, results, samples
from benchmarks.data.sets import SETS, DataSet, data_set
from benchmarks.floors import verdicts
from benchmarks.machine import machine
from benchmarks.peers.contender import Contender
from benchmarks.peers.surroundings import Surroundings
from benchmarks.report import write_report
from benchmarks.rounds import Course
from benchmarks.samples import Sample
from benchmarks.tables import floor_table, measure_table

FOLDER = Path(".benchmark").absolute()
FULL_ROUNDS = 3
INTERRUPTED = 128 + signal.SIGTERM


class Bench:
    """What one call of `make bench` does."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.failures: list[str] = []
        self.samples: list[Sample] = []
        self.data: dict[str, DataSet] = {}
        self.kinds: dict[str, type[Contender]] = {}
        self._log = FOLDER / "samples.jsonl"
        self._surroundings = Surroundings(FOLDER / "servers")

    def run(self) -> int:
        """Run it; 1 when anything failed. Raises `OSError` at once where the results cannot be written."""
        if self.options.into is not None:
            self.options.into.mkdir(parents=True, exist_ok=True)
        self._log.unlink(missing_ok=True)
        shutil.rmtree(FOLDER / "work", ignore_errors=True)
        whole = self.options.scale == 1 and self.options.rounds >= FULL_ROUNDS
        try:
            self._run_heats()
        except (KeyboardInterrupt, SystemExit):
            self._complain("the run was interrupted")
            whole = False
        except Exception as error:  # noqa: BLE001 - what was measured by then is hours of work
            traceback.print_exc()
            self._complain(f"the run ended early: {type(error).__name__}: {error}")
            whole = False
        whole = whole and not self.failures  # a row of fewer rounds must not replace one of all
        if self.samples:
            folder = Path("benchmarks") if whole else FOLDER / f"results-{self.options.scale:g}"
            self._write(self.options.into or folder)
        for failure in self.failures:
            sys.stderr.write(f"FAILED {failure}\n")
        return 1 if self.failures else 0

    def _run_heats(self) -> None:
        try:
            for heat in plan.HEATS:
                if heat.data in self.options.data and heat.store in self.options.store:
                    self._run_heat(heat)
        finally:
            self._surroundings.stop()
            shutil.rmtree(
                FOLDER / "work", ignore_errors=True
            )  # and with it every restored tree, see `Contender.remove`

    def _run_heat(self, heat: plan.Heat) -> None:
        works = set(heat.works) & set(self.options.work)
        kinds = [kind for kind in heat.contenders(works, set(self.options.against)) if self._is_there(kind)]
        if not kinds:
            return
        print(f"data set {heat.data} at scale {self.options.scale:g} ...", flush=True)
        data = self.data[heat.data] = data_set(heat.data, self.options.scale, FOLDER / "data")
        self.kinds |= {kind.name: kind for kind in kinds}
        Course(
            data=data,
            store=heat.store,
            steps=plan.steps_to_run(works),
            measured={plan.step_of(work) for work in works},
            makers=[(kind.name, partial(kind, surroundings=self._surroundings)) for kind in kinds],
            folder=FOLDER / "work",
            once=heat.once,
            tell=self._tell,
            complain=self._complain,
        ).run(self.options.rounds)

    def _is_there(self, kind: type[Contender]) -> bool:
        try:
            kind.version()
        except (OSError, subprocess.CalledProcessError, IndexError) as error:
            self._complain(f"{kind.name} is not installed: {error}")
            return False
        return True

    def _tell(self, sample: Sample) -> None:
        self.samples.append(sample)
        samples.append(self._log, sample)
        print(samples.shown(sample), flush=True)

    def _complain(self, failure: str) -> None:
        if failure not in self.failures:
            self.failures.append(failure)
            sys.stderr.write(f"FAILED {failure}\n")

    def _write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        document = results.read(folder / "results.json")
        versions = {name: kind.version() for name, kind in self.kinds.items()}
        new = results.rows(self.samples, self.options.work, self.options.against, versions)
        document["rows"] = results.merged(document["rows"], new)
        document["machine"] = machine()
        document["scale"] = self.options.scale
        document["settings"] |= {
            name: {"version": versions[name], "settings": kind.settings} for name, kind in self.kinds.items()
        }
        document["data"] |= {letter: _described(data) for letter, data in self.data.items()}
        results.write(folder / "results.json", document)
        write_report(folder, document)
        print(measure_table(new, "wall"), floor_table(new, measured_only=True), sep="\n\n")
        missed = sum(verdict.word == "FAIL" for verdict in verdicts(new))
        print(f"{missed} floors missed; written to {folder}/RESULTS.md")


def _described(data: DataSet) -> dict[str, Any]:
    return {"what": SETS[data.letter][0], "files": data.files, "bytes": data.bytes, "digest": data.digest}


def _names(allowed: tuple[str, ...]) -> Any:
    def parse(text: str) -> list[str]:
        chosen = [word for word in text.split(",") if word]
        unknown = set(chosen) - set(allowed)
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))} not among {', '.join(allowed)}")
        return [name for name in allowed if name in chosen]

    return parse


def _positive(kind: type[int] | type[float]) -> Any:
    def parse(text: str) -> float:
        number = kind(text)
        if number <= 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return number

    return parse


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(
        prog="make bench", description="Proofkeep beside its peers; lists are separated by commas."
    )
    stores = ("local", "s3")
    for name, allowed in (
        ("data", tuple(SETS)),
        ("work", plan.WORKS),
        ("against", (*plan.AGAINST, plan.ALONE)),
        ("store", stores),
    ):
        parser.add_argument(f"--{name}", type=_names(allowed), default=list(allowed), metavar=",".join(allowed))
    parser.add_argument("--rounds", type=_positive(int), default=FULL_ROUNDS)
    parser.add_argument("--scale", type=_positive(float), default=1.0, help="share of each data set")
    parser.add_argument("--into", type=Path, help="folder of the results (default: benchmarks, for whole runs)")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            parser.error(f"another run works in {FOLDER}")
        return Bench(options).run()


if __name__ == "__main__":
    raise SystemExit(main())
