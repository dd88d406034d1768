"""What connections said of themselves: TLS sessions for the record, the peer's clock for the clock check."""

import threading
import time
from collections.abc import Mapping

from proofkeep.model import Clock, TlsSession


class TlsRecorder:
    """Remembers the session and time of answers. Safe to use from several threads."""

    def __init__(self) -> None:
        self._mine = threading.local()
        self._dated = "", 0

    @property
    def session(self) -> TlsSession | None:
        """The session over which the calling thread's latest answer came; None before the first."""
        session: TlsSession | None = getattr(self._mine, "session", None)
        return session

    @property
    def clock(self) -> Clock | None:
        """The peer's time as of its latest answer to any thread (whole seconds, from the `Date` header).

        None where that had no such header, or one that cannot be read.
        """
        from email.utils import parsedate_to_datetime  # noqa: PLC0415 - takes 12 ms to load, and few ask for the time

        header, local_ns = self._dated
        try:
            remote = parsedate_to_datetime(header)
        except ValueError:
            return None
        return Clock(remote_ns=int(remote.timestamp()) * 1_000_000_000, local_ns=local_ns)

    def answered(self, session: TlsSession) -> None:
        """Note that an answer's first byte came over this session: only now is it sure to be accepted."""
        self._mine.session = session

    def dated(self, headers: Mapping[str, str]) -> None:
        """Note the `Date` header."""
        self._dated = headers.get("Date", ""), time.time_ns()
