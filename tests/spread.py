"""How tests spread over worker processes, and how what those counted comes together again."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

LONGEST_FIRST = ("demo", "browser", "infra", "flows")  # whoever takes them up last would work alone at the end
TOGETHER = ("demo", "browser")  # they share the newcomer's demo, and one demo at a time is enough for two cores

could_not_run: dict[str, list[str]] = {}
commands_not_run: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """A file's tests stay together, since they share its fixtures; of the shuffled files the longest folders begin."""
    for item in items:
        file = item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group("demo" if _folder(item) in TOGETHER else file))
    yield
    items.sort(key=_turn)


def _folder(item: pytest.Item) -> str:
    return Path(item.nodeid).parts[1]


def _turn(item: pytest.Item) -> int:
    folder = _folder(item)
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands over what it counted."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["could_not_run"] = could_not_run
        output["commands_not_run"] = commands_not_run


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Whoever started the workers adds it up."""
    output = getattr(node, "workeroutput", {})
    commands_not_run.extend(output.get("commands_not_run", ()))
    for reason, tests in output.get("could_not_run", {}).items():
        could_not_run.setdefault(reason, []).extend(tests)
