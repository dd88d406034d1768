"""The process's standard streams: all three open, and standard error never in the way of a command's work."""

import io
import os
import sys
from pathlib import Path

_STANDARD = range(3)
_ERROR = 2


def prepare() -> None:
    """Open on the null device what the process was started without, and let standard error lose what nobody takes.

    An object's file that got the number of a closed standard stream would take whatever a library prints there.
    """
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - the process's own, to its end
    encoding = "utf-8" if sys.stderr is None else sys.stderr.encoding
    sys.stderr = io.TextIOWrapper(_Lossy(), encoding, errors="backslashreplace", write_through=True)


def discard_output() -> None:
    """Lead standard output nowhere: Python would complain once more when it flushes it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Lossy(io.BufferedIOBase):
    """Standard error, for progress, notes and events: a full disk or a closed pipe behind it must stop no backup."""

    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # type: ignore[override] # narrower than any buffer
        """Write everything, or lose the rest."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(_ERROR, rest) :]
        except OSError:
            pass
        return len(data)

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """Of standard error."""
        return _ERROR

    def isatty(self) -> bool:
        """Whether a terminal is behind it."""
        return os.isatty(_ERROR)
