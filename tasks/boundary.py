"""Between Prefect and the engine: only our errors leave a task, and no stage works under another stage's ids.

Prefect writes an error's text into its log and state tables, where foreign text would carry file names. And a generator
task leaves its context variables set between two items, for whoever pulls from it to work in.
"""

import traceback
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from copy import copy
from typing import TypeVar

from proofkeep.backup.items import EndOfStream, Stopped
from proofkeep.errors import ProofkeepError, UnexpectedError
from tasks.unanswered import unanswered

T = TypeVar("T")
Stage = Generator[T, None, None]


@contextmanager
def only_our_errors(step: str) -> Iterator[None]:
    """Let errors of `proofkeep.errors` pass, without what they came from; name class and place of any other.

    What passes is a copy: the traceback's frames hold buffers of plaintext, and Prefect keeps the error.

    Raises:
        ProofkeepError: what was met; what `in_our_words` has in place of everything foreign.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - as `in_our_words` has it
        met = in_our_words(step, error)
    else:
        return
    raise copy(met) from None


def in_our_words(step: str, error: Exception) -> ProofkeepError:
    """An error of ours as it is; a `ServerUnavailableError` where Prefect's server did not answer.

    Class and place of any other, whose text may be a file name or worse.
    """
    if isinstance(error, ProofkeepError):
        return error
    if (away := unanswered(step, error)) is not None:
        return away
    return UnexpectedError(f"step {step} met an unexpected {type(error).__name__} in {_place(error)}")


def advised(error: ProofkeepError) -> ProofkeepError:
    """A copy whose text ends in code and hint: `source holds nothing below its root [source-empty]. Check ...`."""
    told = copy(error)
    told.args = (f"{error} [{error.code}]. {error.hint}",)
    return told


def _place(error: BaseException) -> str:
    """Module and line that raised."""
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    return f"{frame.f_globals.get('__name__', 'unknown module')}, line {line}"


def pulled(before: Stage[T]) -> Stage[T]:
    """Items of the stage `before`, which runs in a context of its own; close this to close it there.

    The engine asks for nothing behind the last item. The stage is let run to its own end then: Prefect calls a
    generator task that is closed `RolledBack`.
    """
    context = copy_context()
    item: object = None
    try:
        while True:
            try:
                item = context.run(next, before)
            except StopIteration:
                return
            yield item
    finally:
        if isinstance(item, EndOfStream | Stopped):
            context.run(next, before, None)
        context.run(before.close)
