"""The demo as a newcomer starts it, once for all tests that look at it; its servers end with the session."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.demo.demo import Demo


@dataclass(frozen=True)
class Newcomer:
    """A demo, and how `make demo` ended and what it said."""

    demo: Demo
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """Tests change nothing of it; one that has to see it end or fail runs a demo of its own."""
    demo = Demo(tmp_path_factory.mktemp("newcomer") / "demo")
    try:
        yield Newcomer(demo, demo.make("demo"))
    finally:
        demo.make("down")
