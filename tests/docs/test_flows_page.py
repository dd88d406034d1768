"""The page about flows, followed literally: a server and a worker in terminals of their own, the rest in another."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.demo import database
from infra.servers.ports import LOOPBACK, free_port
from infra.servers.process import clean_environment
from tests.architecture.tree import ROOT
from tests.docs.pages import FIRST_REPOSITORY, FLOWS, FOLDER, blocks_run_by, make_home, type_in, write_files

THIS = "tests/docs/test_flows_page.py::test_commands_of_the_page_work"
FIRST_PAGES = "tests/docs/test_first_repository.py::test_commands_of_the_page_work"
BEGIN_SECONDS = 120
END_SECONDS = 30


@contextmanager
def terminal(commands: str, environment: dict[str, str], log: Path) -> Iterator[None]:
    """Commands that stay, until the block ends."""
    with log.open("wb") as out:
        shell = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(shell.pid, signal.SIGTERM)
            try:
                shell.wait(END_SECONDS)
            except subprocess.TimeoutExpired:  # a worker of Prefect's can lose the signal that comes as a run ends
                os.killpg(shell.pid, signal.SIGKILL)
                shell.wait()


def wait_for(port: int, log: Path) -> None:
    deadline = time.monotonic() + BEGIN_SECONDS
    while True:
        try:
            socket.create_connection((LOOPBACK, port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        else:
            return


def test_commands_of_the_page_work(tmp_path: Path) -> None:
    folder, port = make_home(tmp_path), free_port()
    first = "".join(blocks_run_by(FIRST_REPOSITORY, FIRST_PAGES)).partition("proofkeep backup\n")[0]
    type_in(first, tmp_path)
    write_files(FLOWS, folder)
    blocks_file = folder / "blocks.toml"
    blocks_file.write_text(blocks_file.read_text().replace("HERE", str(folder)))
    said = [block.replace("4200", str(port)).replace("HERE", str(folder)) for block in blocks_run_by(FLOWS, THIS)]
    exports, server, *steps, worker, runs = said
    home = clean_environment(
        {
            "HOME": str(tmp_path),
            "PREFECT_HOME": str(tmp_path / "prefect"),
            "PREFECT_SERVER_API_PORT": str(port),
            "PREFECT_WORKER_QUERY_SECONDS": "1",  # a reader waits up to 10 s for a run to begin
            "PROOFKEEP_EVENT_LOG": str(tmp_path / "events.jsonl"),
            "PYTHON": sys.executable,
        }
    )

    (tmp_path / "prefect").mkdir()
    database.place(tmp_path / "prefect")

    with terminal(exports + server, home, tmp_path / "server.log"):
        wait_for(port, tmp_path / "server.log")
        prepared = type_in(f"cd {ROOT}\n{exports}" + "".join(steps), tmp_path, home)
        with terminal(exports + worker, home, tmp_path / "worker.log"):
            told = type_in(f"cd {ROOT}\n{exports}{runs}", tmp_path, home)

    assert FLOWS.read_text().count(f"<!-- run: {THIS} -->") == len(said)
    assert "block proofkeep-repository/main saved" in prepared
    assert "anonymous usage data" not in prepared + told
    assert told.count("Flow run finished successfully in 'Completed'.") == 3
    assert len(list((tmp_path / FOLDER / "packs").glob("snapshots/*/*/*"))) == 1
    assert len(list((tmp_path / FOLDER / "state").glob("evidence/*/drill.json"))) == 1
