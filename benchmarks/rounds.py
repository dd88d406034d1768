"""Run the rounds: in each, every step by every contender in turn, so that what is compared ran close together."""

import filecmp
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.data.changing import apply_changes, undo_changes
from benchmarks.data.sets import DataSet
from benchmarks.data.writing import MODIFIED_NS, digest
from benchmarks.measuring import CommandError, measure, run, settle
from benchmarks.peers.contender import RESTORE, UNSYNCED, Contender
from benchmarks.samples import Sample

STORING = ("start-up", "start-up-ephemeral", "first", "unchanged", "changed")

Make = Callable[[Path, DataSet], Contender]


@dataclass
class Course:
    """One data set's rounds on one kind of store.

    Args:
        steps: in order; those not in `measured` are run because others need them.
        makers: build a contender in a folder, in the order of even rounds; odd rounds run in the opposite one.
        once: keep the repositories over the rounds, and run `first` in the first round only.
        tell: gets every sample at once.
        complain: gets every failure at once.
    """

    data: DataSet
    store: str
    steps: list[str]
    measured: set[str]
    makers: list[tuple[str, Make]]
    folder: Path
    once: bool
    tell: Callable[[Sample], None]
    complain: Callable[[str], None]
    _taking_part: list[Contender] = field(default_factory=list)

    def run(self, rounds: int) -> None:
        """Run them. A contender that fails is complained of, and is out for the rest of the round."""
        try:
            for number in range(rounds):
                if number == 0 or not self.once:
                    self._clear()
                    self._prepare(number)
                for step in self.steps:
                    if number == 0 or not self.once or step != "first":
                        self._step(step, number)
        finally:
            self._clear()
            os.sync()

    def _prepare(self, number: int) -> None:
        # borg forgets files as new as a source's newest; that is this small one, and not C's image.
        os.utime(self.data.source / self.data.one, ns=(MODIFIED_NS, MODIFIED_NS))
        for name, make in self.makers:
            folder = self.folder / f"{self.data.letter}-{self.store}-{name}"
            contender = make(folder, self.data)
            contender.remove()
            folder.mkdir(parents=True)
            self._taking_part.append(contender)
            with self._out_on_failure(contender, "prepare", number):
                for command in contender.prepare():
                    run(command, folder / "prepare.log")

    def _step(self, step: str, number: int) -> None:
        if step == "changed":
            apply_changes(self.data.folder)
        for contender in [*self._taking_part][:: -1 if number % 2 else 1]:
            if step not in contender.steps:
                continue
            with self._out_on_failure(contender, step, number):
                self._measure(contender, step, number)

    def _measure(self, contender: Contender, step: str, number: int) -> None:
        contender.before(step)
        settle(*([self.data.source] if step in STORING else contender.inputs()))
        log = contender.folder / f"{step}-{number}.log"
        took = measure(contender.command_of(step), log, to_disk=step == RESTORE)
        self._prove(contender, step)
        stored = contender.stored() if step in STORING else None
        if stored == 0:
            raise CommandError(f"{contender.name} stored nothing")
        if step in self.measured:
            place = (self.data.letter, self.store, step, contender.name, number)
            self.tell(Sample(*place, took.wall, took.cpu, took.rss, stored))

    def _prove(self, contender: Contender, step: str) -> None:
        if step in {RESTORE, UNSYNCED} and digest(contender.restored()) != self.data.digest:
            raise CommandError(f"{contender.name} restored something else than the source")
        one = self.data.one
        if step == "restore-one" and not filecmp.cmp(self.data.source / one, contender.restored() / one, shallow=False):
            raise CommandError(f"{contender.name} restored another file than {one}")

    @contextmanager
    def _out_on_failure(self, contender: Contender, step: str, number: int) -> Iterator[None]:
        try:
            yield
        except (CommandError, OSError) as error:
            self.complain(f"{contender.name}, {self.data.letter} {self.store} round {number} {step}: {error}")
            self._taking_part.remove(contender)
            contender.remove()

    def _clear(self) -> None:
        undo_changes(self.data.folder)
        for contender in self._taking_part:
            contender.remove()
        self._taking_part = []
