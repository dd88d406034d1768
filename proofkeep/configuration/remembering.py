"""What the history is told by a restore, and what it knows of entries' names.

A restore is remembered afterwards, since nothing may stand in its way.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from proofkeep import events
from proofkeep.configuration.configuration import Configuration
from proofkeep.damage import EVERYTHING, OnFound
from proofkeep.errors import DamagedError, IntegrityError, ProofkeepError, UnsafePathError

if TYPE_CHECKING:
    from proofkeep.backup.options import Options
    from proofkeep.repository import Repository
    from proofkeep.restore import RestoreReport


@contextmanager
def remembering_damage(configuration: Configuration, run: str) -> Iterator[OnFound]:
    """Let the status show as open what a restore within had found damaged when it was cut, whatever cut it.

    One that damage itself ended is open until all was read and found sound.

    Args:
        run: as `remember_restore` has it.
    """
    found: list[str] = []
    try:
        yield found.extend
    except BaseException as error:
        if isinstance(error, IntegrityError | UnsafePathError):
            found.append(EVERYTHING)
        if found:
            from proofkeep.attempts import RESTORE, told  # noqa: PLC0415 - who only lists does without

            with _beside_the_restore(), configuration.recorded(RESTORE, [], run) as recording:
                recording.failure = told(error)
                recording.find(found)
        raise


def remember_restore(configuration: Configuration, report: "RestoreReport", run: str) -> None:
    """Let the status show as open what a restore found damaged, or as mended what it opened again.

    One that says nothing of either is not remembered. A history that cannot be written is told as an event only.

    Args:
        run: an id of the run, hex.
    """
    from proofkeep.attempts import RESTORE  # noqa: PLC0415 - who only lists does without

    with _beside_the_restore():
        with configuration.history() as history:
            sound = report.sound(history.damage(configuration.place))
        if report.damaged or sound:
            with configuration.recorded(RESTORE, [], run) as recording:
                made_good = DamagedError("what a restore read was damaged, and another copy made it good")
                recording.failure = report.damage or (made_good if report.damaged else None)
                recording.find(report.damaged)
                recording.sound = sound


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
    with configuration.history() as history:
        names = {each.name for each in history.entries() if each.place == configuration.place}
    if configuration.entry is not None:
        names.add(configuration.entry)
    return {repository.keys.entry_id(name): name for name in names}
