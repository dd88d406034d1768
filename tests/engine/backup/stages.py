"""The four streaming stages in a row, each watched for how it ended, with faults put in between."""

from collections.abc import Callable, Iterator
from typing import Any

from proofkeep.backup import Backup
from proofkeep.backup.items import EndOfStream, Stopped
from proofkeep.errors import PipelineError

QUIETLY = "closed"
"""How a generator ends that did not fail itself: who takes its last item closes it."""

Between = Callable[[Iterator[Any]], Iterator[Any]]


class Stages:
    """Runs the stages of an open backup.

    Attributes:
        ended: how each generator ended: `QUIETLY`, or the error it raised.
        result: what `checksum` returned.
        error: what `checksum` raised.
    """

    def __init__(self, backup: Backup, **between: Between) -> None:
        """`between` takes a stage's items on their way to the next."""
        self.ended: dict[str, str | BaseException] = {}
        self.result: dict[str, int] | Stopped | None = None
        self.error: BaseException | None = None
        backup.begin()
        items: Iterator[Any] = self._watched("snapshot", backup.snapshot())
        items = self._watched("compress", backup.compress(between.get("snapshot", iter)(items)))
        items = self._watched("encrypt", backup.encrypt(between.get("compress", iter)(items)))
        try:
            self.result = backup.checksum(between.get("encrypt", iter)(items), lambda _: None)
        except PipelineError as error:
            self.error = error

    def _watched(self, name: str, items: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from items
        except GeneratorExit:
            self.ended[name] = QUIETLY
            raise
        except BaseException as error:
            self.ended[name] = error
            raise


def without_end(items: Iterator[Any]) -> Iterator[Any]:
    """Everything but the end-of-stream record."""
    return (item for item in items if not isinstance(item, EndOfStream))


def without_first(items: Iterator[Any]) -> Iterator[Any]:
    """Everything but the first item."""
    next(items)
    yield from items
