"""The process that owns the demo's servers: starts them, says when each answers, ends them when it is told to.

`python -m infra.demo.supervisor DIRECTORY UI_PORT` writes one JSON object a line to standard output: what a client of
each server needs, or why it did not start. If one server ends, the supervisor ends the others and itself.
"""

import json
import os
import select
import signal
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from infra.demo.ground import Ground
from infra.servers.aws_endpoint import AwsEndpoint
from infra.servers.local_ca import LocalCa
from infra.servers.prefect_server import PrefectServer
from infra.servers.process import ServerProcess, ServerStartError

AWS = "aws"
PREFECT = "prefect"
FAILED = "failed"


def main(directory: Path, ui_port: int) -> int:
    """Serve until SIGTERM or until a server ends."""
    ground = Ground(directory)
    ground.pid_file.write_text(f"{os.getpid()}\n")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tempfile.tempdir = str(ground.scratch)
    ca = LocalCa(ground.ca)
    aws = AwsEndpoint(ground.logs, ca.ca_path, ca.issue("server"))
    prefect = PrefectServer(ground.prefect, ui_port)
    prefect.process.log_path = ground.logs / "prefect_server.log"
    for server in (aws.process, prefect.process):
        server.stop_signal = signal.SIGKILL  # nobody keeps what they hold; saying goodbye takes Prefect up to 20 s
    starts: dict[str, Callable[[], dict[str, object]]] = {
        AWS: lambda: _aws_facts(aws.start()),
        PREFECT: lambda: _prefect_facts(prefect.start()),
    }
    try:
        if not _start(starts):
            return 1
        _detach_from(sys.stdout.fileno())
        name = _first_to_end([aws.process, prefect.process])
        sys.stderr.write(f"{name} ended; the demo's servers end with it\n")
    except KeyboardInterrupt:
        return 0
    else:
        return 1
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        # A start still under way sees its server gone and ends too.
        prefect.stop()
        aws.stop()
        ground.pid_file.unlink(missing_ok=True)


def _start(starts: dict[str, Callable[[], dict[str, object]]]) -> bool:
    pool = ThreadPoolExecutor()
    begun = {pool.submit(start): name for name, start in starts.items()}
    for future in as_completed(begun):
        try:
            _tell(begun[future], future.result())
        except ServerStartError as error:
            _tell(FAILED, {"message": str(error)})
            return False
    return True


def _tell(what: str, facts: dict[str, object]) -> None:
    """Write one line; nobody may be listening any more."""
    try:
        os.write(sys.stdout.fileno(), json.dumps({what: facts}).encode() + b"\n")
    except BrokenPipeError:
        _detach_from(sys.stdout.fileno())


def _detach_from(descriptor: int) -> None:
    """Let who reads see the end."""
    os.dup2(sys.stderr.fileno(), descriptor)


def _aws_facts(aws: AwsEndpoint) -> dict[str, object]:
    return {"url": aws.url, "region": aws.region, "ca_file": str(aws.ca_path), "environment": aws.environment}


def _prefect_facts(prefect: PrefectServer) -> dict[str, object]:
    return {"url": prefect.url, "environment": prefect.environment}


def _first_to_end(servers: list[ServerProcess]) -> str:
    descriptors = {os.pidfd_open(server.pid): server.name for server in servers}
    ended, _, _ = select.select(list(descriptors), [], [])
    return descriptors[ended[0]]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
