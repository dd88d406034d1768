"""How tests spread over worker processes, and how what those counted comes together again."""

from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped] # it has none

LONGEST_FIRST = ("demo", "browser", "infra", "flows")  # whoever takes them up last would work alone at the end
TOGETHER = ("demo", "browser")  # they share the newcomer's demo, and one demo at a time is enough for two cores

could_not_run: dict[str, list[str]] = {}
commands_not_run: list[str] = []


class ByFile(LoadScopeScheduling):  # type: ignore[misc] # untyped, as above
    """A file's tests stay together, since they share its fixtures.

    xdist's own groups would be written into node ids, which pytest 9.2 does not let it change.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "demo" if with_the_newcomer(nodeid) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Spread whole files."""
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)  # after the files have been shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest folders begin."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    folder = _folder(item.nodeid)
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)


def with_the_newcomer(nodeid: str) -> bool:
    """Whether a test is of those that share the newcomer's demo."""
    return _folder(nodeid) in TOGETHER


def _folder(nodeid: str) -> str:
    return Path(nodeid).parts[1]


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
