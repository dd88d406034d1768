"""The environment of the demo's own process: nothing foreign, set before Prefect is imported."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from infra.servers.ports import LOOPBACK, claim, free_port
from infra.servers.process import clean_environment

PREFECTS_OWN_PORT = 4200


def ui_port() -> int:
    """4200 if nobody has it, else any that is free."""
    return PREFECTS_OWN_PORT if claim(PREFECTS_OWN_PORT) else free_port()


def enter(home: Path, port: int, event_log: Path) -> None:
    """Leave only what this demo's flows may see; AWS credentials come once the endpoint has told them."""
    ours = {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://{LOOPBACK}:{port}/api",
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PROOFKEEP_EVENT_LOG": str(event_log),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    replace(clean_environment(ours))


def add(variables: Mapping[str, str]) -> None:
    """Credentials of the endpoint."""
    replace({**os.environ, **variables})


def replace(variables: Mapping[str, str]) -> None:
    """Make these the whole environment."""
    os.environ.clear()
    os.environ.update(variables)


@contextmanager
def terminal_kept(log: Path) -> Iterator[TextIO]:
    """Send whatever this process prints to `log`, and give the terminal to the caller alone.

    Prefect, its flows and their libraries write to standard output and error, where the bars are.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(1), os.dup(2)]
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        for standard in (1, 2):
            os.dup2(descriptor, standard)
        with os.fdopen(os.dup(saved[0]), "w", encoding="utf-8", errors="backslashreplace") as terminal:
            yield terminal
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for standard, kept in zip((1, 2), saved, strict=True):
            os.dup2(kept, standard)
            os.close(kept)
        os.close(descriptor)
