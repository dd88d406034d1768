"""What holds for every test: a clean environment, the servers' fixtures, needs that are said aloud, times."""

import os
import shutil
import signal
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path

import hypothesis
import pytest

from infra.servers.process import clean_environment
from proofkeep import events
from tests import spread
from tests.spread import commands_not_run, could_not_run

pytest_plugins = ["tests.servers.fixtures", "tests.demo.newcomer"]

# How long an example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

TESTS = Path(__file__).parent
IN_CI = os.environ.get("CI", "").lower() == "true"

SCRATCH = Path(tempfile.mkdtemp(prefix="proofkeep-tests-"))
MEMORY = Path("/dev/shm")  # noqa: S108 - directories of our own are made below it
ROOM = 1 << 30
IN_MEMORY = frozenset(("catalog", "cli", "drill", "repository", "restore", "verify"))

group_seconds: defaultdict[str, float] = defaultdict(float)


def pytest_configure(config: pytest.Config) -> None:
    """Hide this machine's CAs, credentials and Prefect profile; let SIGTERM end servers as Ctrl-C does."""
    quiet = clean_environment(
        {
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PREFECT_HOME": str(SCRATCH / "prefect"),
        }
    )
    os.environ.clear()
    os.environ.update(quiet)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.pluginmanager.register(spread)


def pytest_unconfigure() -> None:
    """Leave nothing behind but what pytest keeps for failed tests."""
    shutil.rmtree(SCRATCH, ignore_errors=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test whose `requires` is not met fails under CI=true, and elsewhere is listed as not run."""
    events.listen(heard=True)  # a command run within an earlier test may have said that nobody hears them
    missing = [need for mark in item.iter_markers("requires") for need in _missing(mark)]
    if not missing:
        return
    reason = "needs " + ", ".join(missing)
    if IN_CI:
        pytest.fail(f"{reason}; under CI=true every test must run", pytrace=False)
    could_not_run.setdefault(reason, []).append(item.nodeid)
    pytest.skip(reason)


def _missing(mark: pytest.Mark) -> list[str]:
    commands = [command for command in mark.args if shutil.which(command) is None]
    without_root = mark.kwargs.get("root", False) and os.geteuid() != 0
    return commands + (["root"] if without_root else [])


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A directory in memory where there is room: thousands of fsyncs cost nothing there."""
    has_room = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    with tempfile.TemporaryDirectory(prefix="proofkeep-", dir=MEMORY if has_room else None) as place:
        yield Path(place)


@pytest.fixture
def tmp_path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """As pytest's; in memory for folders whose tests are about no file system, and fsync all the time."""
    if request.path.parent.name not in IN_MEMORY:
        return tmp_path
    place: Path = request.getfixturevalue("scratch")
    return place


@pytest.fixture
def record_not_run() -> Callable[[str], None]:
    """Take one line for the list of documented commands that no test runs, printed at the end."""
    return commands_not_run.append


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count set-up, call and teardown to the first folder under tests/."""
    folders = Path(report.nodeid.partition("::")[0]).parts[1:-1]
    group_seconds[folders[0] if folders else "."] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what could not run and where the time went."""
    write = terminalreporter.write_line
    if could_not_run:
        terminalreporter.section("could not run on this machine")
        for reason, tests in sorted(could_not_run.items()):
            write(f"{reason}: {len(tests)}")
            for test in sorted(tests):
                write(f"  {test}")
    if commands_not_run:
        terminalreporter.section("documented commands that no test runs")
        for line in commands_not_run:
            write(line)
    terminalreporter.section("time by group, of all processes")
    total = sum(group_seconds.values()) or 1
    for group, seconds in sorted(group_seconds.items(), key=itemgetter(1), reverse=True):
        write(f"{group:<16}{seconds:8.1f} s {100 * seconds / total:4.0f} %")
