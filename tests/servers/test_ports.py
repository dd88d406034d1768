import socket
import subprocess
import sys
from pathlib import Path

from infra.servers.ports import LOOPBACK, claim, free_port
from tests.architecture.tree import ROOT


def claimed_by_another_process(port: int) -> bool:
    asked = f"from infra.servers.ports import claim; print(claim({port}))"
    told = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return told == "True\n"


def test_port_is_given_to_one_process_alone() -> None:
    assert not claimed_by_another_process(free_port())


def test_claim_ends_with_the_process_that_made_it() -> None:
    port = next(port for port in range(20_000, 30_000) if claimed_by_another_process(port))

    assert claim(port)


def test_port_that_somebody_listens_on_is_not_given() -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        assert not claim(listener.getsockname()[1])


def test_refused_claim_keeps_nobody_out() -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
        claim(port)

    assert claim(port)


def test_port_is_none_that_an_outgoing_connection_gets() -> None:
    begin = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    assert free_port() < begin
