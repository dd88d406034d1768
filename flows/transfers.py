"""Sends closed transfers while the stream is still being sealed: the loop in a backup flow's body.

Knows when to submit `upload` and `verify`, not what they do.
"""

import queue
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass
from typing import Any

from prefect.futures import PrefectConcurrentFuture
from prefect.tasks import Task

from flows.watching import in_thread
from proofkeep.backup import Backup
from proofkeep.errors import ProofkeepError
from proofkeep.journal import Transfer
from tasks.backup import Closed
from tasks.kinds import Receipt

TRAVELLING_AT_ONCE = 2
_WAIT_SECONDS = 0.1

Sink = PrefectConcurrentFuture[Any]
Step = Task[[Backup, Transfer], Receipt]
Show = Callable[[int, int], None]
"""Takes the bytes of ciphertext that were closed, and of those the bytes proven in the store."""


@dataclass(slots=True)
class _Journey:
    """One transfer under way; `future` is its latest task run."""

    transfer: Transfer
    future: PrefectConcurrentFuture[Receipt]
    verifying: bool = False

    @property
    def arrived(self) -> bool:
        """Whether that task run has ended."""
        return self.future.wrapped_future.done()


class Transfers:
    """Transfers of one run, from the queue that the sink fills to the last proof.

    Attributes:
        closed: what the sink puts closed transfers into, and None behind the last.
        receipts: of uploads and verifies, as they ended.
        failures: errors of transfers that ended without arriving.
    """

    def __init__(self, backup: Backup, upload: Step, verify: Step, show: Show) -> None:
        self._backup = backup
        self._upload = upload
        self._verify = verify
        self._show = show
        self._travelling: list[_Journey] = []
        self._closed_bytes = 0
        self.closed: Closed = queue.Queue()
        self.receipts: dict[str, list[Receipt]] = {"upload": [], "verify": []}
        self.failures: list[ProofkeepError] = []
        for transfer in backup.transfers():
            self.closed.put(transfer)

    def stuck(self) -> ProofkeepError | None:
        """Why nothing leaves the spool any more: transfers failed for good and none is waiting or under way."""
        return self.failures[0] if self.failures and not self.closed.unfinished_tasks else None

    def send(self, sink: Sink | None) -> None:
        """Send everything that is closed or that `sink`, if it runs, still closes."""
        more = True
        while more or self._travelling:
            if more and len(self._travelling) < TRAVELLING_AT_ONCE:
                more = self._take(sink)
            else:
                self._wait()
            self._advance()
            self._show(self._closed_bytes, sum(receipt["bytes"] for receipt in self.receipts["verify"]))

    def _take(self, sink: Sink | None) -> bool:
        """Begin the next journey, if one is closed soon; whether more may come."""
        sealed = sink is None or sink.wrapped_future.done()
        try:
            transfer = self.closed.get(timeout=0 if sealed else _WAIT_SECONDS)
        except queue.Empty:
            return not sealed
        if transfer is None:
            self.closed.task_done()
            return False
        self._closed_bytes += transfer.bytes
        self._travelling.append(_Journey(transfer, in_thread(self._upload.submit(self._backup, transfer))))
        return True

    def _wait(self) -> None:
        under_way = [journey.future.wrapped_future for journey in self._travelling]
        futures.wait(under_way, timeout=_WAIT_SECONDS, return_when=futures.FIRST_COMPLETED)

    def _advance(self) -> None:
        """Follow each upload that ended well by its verify; let go of what ended otherwise."""
        for journey in [journey for journey in self._travelling if journey.arrived]:
            try:
                receipt = journey.future.result()
            except ProofkeepError as error:
                self.failures.append(error)
                self._end(journey)
                continue
            self.receipts["verify" if journey.verifying else "upload"].append(receipt)
            if journey.verifying:
                self._end(journey)
            else:
                journey.verifying = True
                journey.future = in_thread(self._verify.submit(self._backup, journey.transfer))

    def _end(self, journey: _Journey) -> None:
        self._travelling.remove(journey)
        self.closed.task_done()

    def join(self) -> None:
        """Wait until no task run of a transfer works any more; a cancelled run does so before it closes its journal."""
        while any(not journey.arrived for journey in self._travelling):
            self._wait()
