"""What the history is told by a restore, and what it knows of entries' names and earlier backups.

Nothing of it may stand in the way of a restore or a commit: what cannot be written is told as an event only.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from proofkeep import events
from proofkeep.configuration.configuration import Configuration
from proofkeep.configuration.duration import spell_duration
from proofkeep.damage import EVERYTHING
from proofkeep.errors import DamagedError, IntegrityError, ProofkeepError, UnsafePathError
from proofkeep.repository.clock import TOLERANCE_NS

if TYPE_CHECKING:
    from proofkeep.attempts import Recording
    from proofkeep.backup.options import Options
    from proofkeep.repository import Repository
    from proofkeep.restore import RestoreReport


class RestoreMemory:
    """What the history is told by one restore, which it knows from the first thing that is found damaged on."""

    def __init__(self, configuration: Configuration, run: str, held: ExitStack) -> None:
        self._configuration = configuration
        self._run = run
        self._held = held
        self._recording: Recording | None = None
        self._untold: list[str] = []

    def find(self, things: Iterable[str]) -> None:
        """These are damaged: that is kept from now on, however the restore ends."""
        self._untold += things
        if self._untold:
            with _beside_the_restore():
                self._begun().find(self._untold)
                self._untold = []

    def tell(self, report: "RestoreReport") -> None:
        """Let the status show as open what the restore found damaged, or as mended what it opened again.

        One that says nothing of either is not remembered.
        """
        with _beside_the_restore():
            with self._configuration.history() as history:
                sound = report.sound(history.damage(self._configuration.place))
            if report.damaged or sound or self._recording:
                made_good = DamagedError("what a restore read was damaged, and another copy made it good")
                recording = self._begun()
                recording.failure = report.damage or (made_good if report.damaged else None)
                # Now it is known what became of what was told before it could be read back.
                before, recording.found = recording.found, []
                recording.find(report.damaged)
                recording.sound = [*sound, *(thing for thing in before if thing not in report.damaged)]

    def _begun(self) -> "Recording":
        if self._recording is None:
            from proofkeep.attempts import RESTORE  # noqa: PLC0415 - who only lists does without

            self._recording = self._held.enter_context(self._configuration.recorded(RESTORE, [], self._run))
        return self._recording


@contextmanager
def remembering_damage(configuration: Configuration, run: str) -> Iterator[RestoreMemory]:
    """Let the status show as open what a restore within had found damaged when it was cut, whatever cut it.

    One that damage itself ended is open until all was read and found sound.

    Args:
        run: an id of the run, hex.
    """
    with ExitStack() as held:
        memory = RestoreMemory(configuration, run, held)
        try:
            yield memory
        except (IntegrityError, UnsafePathError):
            memory.find([EVERYTHING])
            raise


@contextmanager
def _beside_the_restore() -> Iterator[None]:
    try:
        yield
    except ProofkeepError as error:
        events.emit("restore-not-remembered", outcome="failure", code=error.code)


def options_to_resume(configuration: Configuration) -> "Options":
    """Those of a run that is gone on with: on what this host has found damaged meanwhile, its snapshot must not rely.

    Raises:
        StateError, StateDamagedError: the history cannot be read.
    """
    with configuration.history() as history:
        damaged = history.damage(configuration.place)
    return replace(configuration.options(now_ns=time.time_ns()), damaged=tuple(damaged))


def entry_names(configuration: Configuration, repository: "Repository") -> dict[bytes, str]:
    """Names of the entries that this host backs up, or did once, by their keyed ids.

    Raises:
        StateError, StateDamagedError: the history cannot be read.
    """
    from proofkeep.attempts import respelled  # noqa: PLC0415 - who only lists does without

    with configuration.history() as history:
        known = respelled(history.entries(), [configuration.place])
    names = {each.name for each in known if each.place == configuration.place}
    if configuration.entry is not None:
        names.add(configuration.entry)
    return {repository.keys.entry_id(name): name for name in names}


def read_before(configuration: Configuration, run: str, source_at: int) -> str | None:
    """What a person has to know of a snapshot whose instant lies before that of another one of this host.

    Beyond the tolerance the ledger refutes an instant from the future, and whoever resumes so late knows.
    """
    try:
        with configuration.history(briefly=True) as history:
            attempts = history.attempts(configuration.place)
    except ProofkeepError:
        return None
    others = [each.source_at or 0 for each in attempts if configuration.entry in each.entries and each.run != run]
    ahead = max((at - source_at for at in others if at - source_at <= TOLERANCE_NS), default=0)
    if ahead <= 0:
        return None
    apart = spell_duration(ahead // 10**9)
    return f"another snapshot of this host has an instant {apart} later, and stays `latest`: was the clock ahead?"
