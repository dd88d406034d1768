"""Run part of a test without root's rights, in a child process, since root may read everything."""

import os
import pickle
import shutil
import subprocess
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

NOBODY = 65534
Result = TypeVar("Result")


def as_nobody(action: Callable[[], Result]) -> Result:
    """The picklable result of `action`, run as an unprivileged user; its exception is raised here."""
    if os.geteuid() != 0:
        return action()
    receiving, sending = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of fork beside threads
        child = os.fork()
    if child == 0:
        with os.fdopen(sending, "wb") as pipe:
            pickle.dump(_outcome(action), pipe)
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    result, error = pickle.loads(answer)  # noqa: S301 - written by our own child above
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return] # pickle has no types


def _outcome(action: Callable[[], Result]) -> tuple[Result | None, Any]:
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        return action(), None
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent raises it
        error.add_note(traceback.format_exc())
        return None, error


@contextmanager
def open_to_everybody() -> Iterator[Path]:
    """A scratch directory that an unprivileged user can reach, which pytest's own are not."""
    scratch = Path(tempfile.mkdtemp(prefix="proofkeep-open-"))
    scratch.chmod(0o777)
    try:
        yield scratch
    finally:
        # Closed directories stop rmtree and `rm` alike where the tests do not run as root.
        subprocess.run(["chmod", "-R", "u+rwX", scratch], check=True)
        shutil.rmtree(scratch)
