import os
import select
import signal
import sys
from pathlib import Path

import pytest

from infra.servers.process import (
    FOREIGN_NAMES,
    ServerProcess,
    ServerStartError,
    clean_environment,
)

WRITES_TWO_PIDS_AND_WAITS = """
import os, pathlib, signal
child = os.fork()
if child:
    pathlib.Path("new").write_text(f"{os.getpid()} {child}")
    os.rename("new", "pids")
signal.pause()
"""


def process(directory: Path, script: str, **options: object) -> ServerProcess:
    return ServerProcess(
        name="thing",
        command=[sys.executable, "-c", script],
        log_path=directory / "log",
        directory=directory,
        **{"ready": (directory / "pids").exists, **options},  # type: ignore[arg-type] # a test's own choice
    )


def ends_within(pidfd: int, seconds: float) -> bool:
    ended, _, _ = select.select([pidfd], [], [], seconds)
    os.close(pidfd)
    return bool(ended)


def test_stop_ends_the_whole_process_group(tmp_path: Path) -> None:
    server = process(tmp_path, WRITES_TWO_PIDS_AND_WAITS).start()
    members = [os.pidfd_open(int(pid)) for pid in (tmp_path / "pids").read_text().split()]

    server.stop()

    assert all(ends_within(member, 30) for member in members)


def test_server_that_ends_early_is_reported_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(ServerStartError, match=r"thing ended with status 3 (?s:.*)port is taken"):
        process(tmp_path, "print('port is taken'); raise SystemExit(3)").start()


def test_server_that_never_answers_is_stopped_at_its_deadline(tmp_path: Path) -> None:
    server = process(tmp_path, WRITES_TWO_PIDS_AND_WAITS, ready=lambda: False, start_seconds=0.0)

    with pytest.raises(ServerStartError, match="thing did not answer within 0 s"):
        server.start()

    with pytest.raises(ServerStartError, match="thing is not running"):
        _ = server.pid


def test_stop_may_be_called_twice(tmp_path: Path) -> None:
    server = process(tmp_path, WRITES_TWO_PIDS_AND_WAITS, stop_signal=signal.SIGKILL).start()

    server.stop()
    server.stop()

    with pytest.raises(ServerStartError):
        _ = server.pid


def test_children_see_no_foreign_ca_credentials_or_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*FOREIGN_NAMES, "AWS_PROFILE", "PREFECT_API_URL"]:
        monkeypatch.setenv(name, "foreign")

    environment = clean_environment({"PREFECT_HOME": "/ours"})

    assert "foreign" not in environment.values()
    assert environment["PREFECT_HOME"] == "/ours"
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


def test_this_session_sees_no_foreign_ca() -> None:
    assert not FOREIGN_NAMES & os.environ.keys()
