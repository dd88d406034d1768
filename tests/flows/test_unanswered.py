"""A question that the Prefect server did not answer ends a step `server-unavailable`, and nothing else does."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from prefect.concurrency.sync import concurrency
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_CLIENT_RETRY_EXTRA_CODES,
    temporary_settings,
)

from proofkeep.errors import ProofkeepError, ServerUnavailableError, StoreUnavailableError, UnexpectedError
from tasks.boundary import only_our_errors
from tests.flows.running import client

LOOPBACK = "127.0.0.1"
NOBODY = f"http://{LOOPBACK}:9"


@contextmanager
def answering(status: int) -> Iterator[str]:
    """Where a server answers every request with a status."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - as http.server has it

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((LOOPBACK, 0), Answers) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://{LOOPBACK}:{server.server_port}"
        server.shutdown()


@contextmanager
def prefect_at(url: str) -> Iterator[None]:
    """Within, that is the Prefect server, asked once."""
    given = {PREFECT_API_URL: f"{url}/api", PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_CLIENT_RETRY_EXTRA_CODES: set()}
    with temporary_settings(given):
        yield


def ask() -> None:
    with client() as api:
        api.hello().raise_for_status()


def take_a_slot() -> None:
    with concurrency(os.urandom(8).hex()):  # each limit has a client of its own, which goes on asking its first server
        pass


def met(question: Callable[[], object]) -> ProofkeepError:
    with pytest.raises(ProofkeepError) as raised, only_our_errors("upload"):
        question()
    return raised.value


@pytest.mark.parametrize("question", [ask, take_a_slot], ids=lambda question: question.__name__)
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_status_that_says_that_the_server_cannot_answer_now(status: int, question: Callable[[], None]) -> None:
    with answering(status) as url, prefect_at(url):
        error = met(question)

    assert isinstance(error, ServerUnavailableError)
    assert str(error) == f"step upload gave up: prefect server on host {LOOPBACK} answers with status {status}"


@pytest.mark.parametrize("question", [ask, take_a_slot], ids=lambda question: question.__name__)
def test_connection_that_the_server_does_not_take(question: Callable[[], None]) -> None:
    asked = time.time_ns()
    with prefect_at(NOBODY):
        error = met(question)

    assert isinstance(error, ServerUnavailableError)
    assert str(error) == f"step upload gave up: prefect server on host {LOOPBACK} does not answer (ConnectError)"
    assert error.gave_up_ns is not None
    assert asked <= error.gave_up_ns <= time.time_ns()


def no_answer(server: str, path: str) -> ProofkeepError:
    """What becomes of it that Prefect's client, which knows its server by that address, gets no answer."""

    def question() -> None:
        with httpx.Client(base_url=server) as client:
            raise httpx.ReadTimeout("x", request=client.build_request("GET", path))

    return met(question)


@pytest.mark.parametrize("path", ["/flow_runs/filter", "health"])
@pytest.mark.parametrize(
    "spelled",
    [
        "https://prefect.example/api",
        "https://prefect.example/api/",
        "https://prefect.example:443/api",
        "http://prefect.example:80/api",
        "HTTPS://Prefect.EXAMPLE:443/api/",
        "https://prefect.example:4200",
    ],
)
def test_server_is_known_however_its_address_is_spelled(spelled: str, path: str) -> None:
    with temporary_settings({PREFECT_API_URL: spelled}):
        error = no_answer(spelled, path)

    assert isinstance(error, ServerUnavailableError)


@pytest.mark.parametrize(
    "other",
    [
        "http://prefect.example/api",
        "https://prefect.example:8443/api",
        "https://prefect.example.net/api",
        "https://prefect.example/apiary",
        "https://prefect.example",
    ],
)
def test_server_of_a_like_address_is_not_taken_for_it(other: str) -> None:
    with temporary_settings({PREFECT_API_URL: "https://prefect.example/api"}):
        error = no_answer(other, "health")

    assert isinstance(error, UnexpectedError)


@pytest.mark.parametrize("status", [400, 401, 403, 409, 422])
def test_question_that_the_server_refuses_is_a_fault_of_ours(status: int) -> None:
    with answering(status) as url, prefect_at(url):
        error = met(ask)

    assert isinstance(error, UnexpectedError)


@pytest.mark.parametrize("question", [lambda: httpx.get(NOBODY), lambda: httpx.get(f"{NOBODY}/api", proxy=NOBODY)])
def test_other_server_that_does_not_answer_is_not_taken_for_it(question: Callable[[], object]) -> None:
    with prefect_at("http://prefect.invalid"):
        error = met(question)

    assert isinstance(error, UnexpectedError)


def test_other_server_that_cannot_answer_is_not_taken_for_it() -> None:
    with answering(503) as url, prefect_at(NOBODY):
        error = met(lambda: httpx.get(url).raise_for_status())

    assert isinstance(error, UnexpectedError)


def test_error_of_ours_that_came_of_it_stays_what_it_is() -> None:
    def question() -> None:
        try:
            ask()
        except httpx.HTTPError as trouble:
            raise StoreUnavailableError("x") from trouble

    with prefect_at(NOBODY):
        error = met(question)

    assert isinstance(error, StoreUnavailableError)


def test_trouble_of_which_nobody_knows_whom_it_was_about_is_not_taken_for_it() -> None:
    def question() -> None:
        raise httpx.ReadTimeout("x")

    assert isinstance(met(question), UnexpectedError)
