"""The demo as a newcomer starts it, once for all tests that look at it; its servers end with the last of them."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.demo.demo import Demo
from tests.spread import with_the_newcomer

_running: list[Demo] = []


@dataclass(frozen=True)
class Newcomer:
    """A demo, and how `make demo` ended and what it said."""

    demo: Demo
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """Tests change nothing of it; one that has to see it end or fail runs a demo of its own."""
    demo = Demo(tmp_path_factory.mktemp("newcomer") / "demo")
    _running.append(demo)
    try:
        yield Newcomer(demo, demo.make("demo"))
    finally:
        _end()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Servers that nobody asks any more use a core's twentieth."""
    if nextitem is None or not with_the_newcomer(nextitem.nodeid):
        _end()


def _end() -> None:
    while _running:
        _running.pop().make("down")
