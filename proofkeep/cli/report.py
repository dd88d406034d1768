"""What a command says at its end: text for a person, or one JSON object for a script; errors in either form.

The object has the members `v` (1), `command`, `rows` (listings only), `result` (an object or null), `error` (an object
or null) and `exit`, always in this order.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from proofkeep.cli import shown
from proofkeep.errors import OutputError, ProofkeepError

VERSION = 1

Document = Mapping[str, Any]


class Report:
    """One command's output. Rows go out as they come, so that a listing needs no memory.

    Every method that writes to standard output raises `OutputError`, or `BrokenPipeError` when its reader went away.
    """

    def __init__(self, command: str, *, as_json: bool, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._command = command
        self._json = as_json
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._rows = -1
        self._result: Document | None = None
        self._hints: list[str] = []

    def begin_rows(self) -> None:
        """This command lists; from here on `row` may be called."""
        self._rows = 0
        if self._json:
            self._write(f'{{"v": {VERSION}, "command": {json.dumps(self._command)}, "rows": [')

    def row(self, line: str, document: Document) -> None:
        """One row of a listing."""
        if self._json:
            self._write(("\n" if self._rows == 0 else ",\n") + json.dumps(document))
        else:
            self._write(line + "\n")
        self._rows += 1

    def tell(self, result: Document, lines: Sequence[str] = ()) -> None:
        """The result: `lines` for a person, `result` for a script."""
        self._result = result
        if not self._json:
            self._write("".join(f"{line}\n" for line in lines))

    @property
    def counts(self) -> dict[str, int]:
        """The whole numbers of the result: its totals where it has some."""
        result = self._result or {}
        totals = result.get("totals", result)
        return {name: value for name, value in totals.items() if type(value) is int}

    def advise(self, hint: str) -> None:
        """A hint of this run's own, said after the error's if there is one."""
        self._hints.append(hint)

    def end(self, code: int, error: ProofkeepError | None) -> None:
        """Say the error, if any, and close the JSON object."""
        if error is not None:
            self.complain(error)
        self.close(code, None if error is None else as_document(error))

    def complain(self, error: ProofkeepError) -> None:
        """Say an error and its hints on standard error."""
        self._err.write(f"proofkeep: {shown.text(str(error))} [{error.code}]\n")
        self._err.writelines(f"hint: {hint}\n" for hint in (error.hint, *self._hints))

    def close(self, code: int, error: Document | None) -> None:
        """Write what is left of the JSON object; nothing without `--json`."""
        if self._json:
            if self._rows < 0:
                self._write(f'{{"v": {VERSION}, "command": {json.dumps(self._command)}')
            else:
                self._write("]")
            rest = {"result": self._result, "error": error, "exit": code}
            self._write(", " + json.dumps(rest)[1:] + "\n")
        with _telling():
            self._out.flush()

    def _write(self, text: str) -> None:
        if text:  # unbuffered, even nothing would be written
            with _telling():
                self._out.write(text)


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise OutputError(f"result cannot be written to standard output: {reason}") from None


def as_document(error: ProofkeepError) -> Document:
    """An error as a member of the JSON object."""
    return {
        "code": error.code,
        "cause": error.cause,
        "message": str(error),
        "hint": error.hint,
        "retryable": error.retryable,
    }


def table(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Lines of two columns."""
    width = max((len(key) for key, _ in rows), default=0)
    return [f"{key:<{width}}  {value}" for key, value in rows]
