"""What a run needs is gone from one of its requests on: the store's name or certificate, our rights, the disk's room.

`pytest -m soak tests/faults/test_gone_in_midrun.py -k "name and packs"` is a part of the grid.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest

from infra.servers.ports import LOOPBACK
from proofkeep.errors import (
    PeerIdentityError,
    ProofkeepError,
    SpoolFullError,
    StateFullError,
    StoreCredentialsError,
    StoreUnavailableError,
    TransferFailedError,
)
from proofkeep.history import History
from tests.building import Host, small_frames
from tests.disks import BALLAST, fill, small_disk
from tests.faults.proxy import FaultProxy
from tests.faults.script import Fault, Rule, Turn
from tests.faults.surviving import KINDS, Ended, outlive
from tests.servers.pki import Pki

NAME = "localhost"  # which is in the certificate
ROOM = "8m"
SEVERAL = {"GET repository": 2, "LIST": 9, "PUT packs": 4, "HEAD packs": 4, "PUT ledger": 3, "HEAD ledger": 3}
"""How many requests of a kind a run has, where they are more than one."""

PLACES = [
    pytest.param(kind, number, id=f"{kind} {number}")
    for kind in KINDS
    for number in sorted({1, (SEVERAL.get(kind, 1) + 1) // 2, SEVERAL.get(kind, 1)})
]
"""The first, the middle and the last of each kind."""

RESET = Rule(Fault.REFUSE, "any")
EXPIRED = Rule(Fault.STATUS, "any", status=400, code="ExpiredToken")  # as AWS answers

MakeHost = Callable[[], Host]

pytestmark = pytest.mark.soak


class NameService:
    """What this process is told of the store's name.

    Attributes:
        knows: whether it is told anything.
    """

    def __init__(self) -> None:
        self.knows = True
        self._ask = socket.getaddrinfo

    def forget(self) -> None:
        """From now on there is no such name."""
        self.knows = False

    def __call__(self, host: Any, *what: Any, **how: Any) -> Any:
        if host != NAME:
            return self._ask(host, *what, **how)
        if not self.knows:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self._ask(LOOPBACK, *what, **how)


@contextmanager
def name_service() -> Iterator[NameService]:
    service = NameService()
    with patch("socket.getaddrinfo", service):
        yield service


@pytest.fixture(autouse=True)
def several_packs() -> Iterator[None]:
    with small_frames():
        yield


def assert_clear(first: Ended, *kinds: type[ProofkeepError]) -> None:
    """It committed, or said what is the matter. A request that was cut off by it is said to have been."""
    assert (first.snapshot is None) == bool(first.code)
    assert first.code in {"", *(kind.code for kind in kinds)}


@pytest.mark.parametrize("kind,number", PLACES)
def test_run_outlives_the_name_of_its_store(kind: str, number: int, make_host: MakeHost, line: FaultProxy) -> None:
    with name_service() as service:

        def mend() -> None:
            service.knows = True
            line.play()

        line.script = Turn(kind=kind, number=number, happens=service.forget, rule=RESET)
        first = outlive(make_host(), line, mend, f"https://{NAME}:{urlsplit(line.url).port}")

    assert_clear(first, StoreUnavailableError, TransferFailedError)


@pytest.mark.parametrize("kind,number", PLACES)
def test_run_outlives_the_certificate_of_its_store(
    kind: str, number: int, make_host: MakeHost, line: FaultProxy, pki: Pki
) -> None:
    def mend() -> None:
        line.show(pki.server)
        line.play()

    line.script = Turn(kind=kind, number=number, happens=lambda: line.show(pki.expired), rule=RESET)
    first = outlive(make_host(), line, mend)

    assert_clear(first, PeerIdentityError, TransferFailedError)


@pytest.mark.parametrize("kind,number", PLACES)
def test_run_outlives_its_credentials(kind: str, number: int, make_host: MakeHost, line: FaultProxy) -> None:
    line.script = Turn(kind=kind, number=number, rule=EXPIRED)
    first = outlive(make_host(), line, line.play)

    assert_clear(first, StoreCredentialsError)


@pytest.mark.requires("mount", root=True)
@pytest.mark.parametrize("kind,number", PLACES)
def test_run_outlives_the_room_on_its_disk(kind: str, number: int, make_host: MakeHost, line: FaultProxy) -> None:
    host = make_host()

    def mend() -> None:
        (host.state_root / BALLAST).unlink()
        line.play()

    with small_disk(host.state_root, ROOM):
        with History(host.state_root):
            pass
        line.script = Turn(kind=kind, number=number, happens=lambda: fill(host.state_root))
        first = outlive(host, line, mend)

    assert_clear(first, SpoolFullError, StateFullError)
