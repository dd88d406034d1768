"""The browser that looks at Prefect's UI, on pages that are drawn late, or never, or ask somebody else."""

import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.browser import Browser, NotShownError, opened_browser
from infra.servers.ports import LOOPBACK, free_port

pytestmark = pytest.mark.requires("chromium")

IMPATIENT = 0.5
BODIES = {
    "/late": """<button disabled>Retry</button><p hidden>Failed</p><script>
        const [button, words] = [document.querySelector("button"), document.querySelector("p")]
        button.onclick = () => setTimeout(() => { words.textContent = "Run again"; words.hidden = false }, 300)
        setTimeout(() => { button.disabled = false }, 300)
    </script>""",
    "/red": """<canvas width=40 height=30></canvas><script>
        const pen = document.querySelector("canvas").getContext("2d")
        setTimeout(() => { pen.fillStyle = "#ff0000"; pen.fillRect(0, 0, 40, 30) }, 300)
    </script>""",
    "/elsewhere": """<p></p><script>
        const told = words => { document.querySelector("p").textContent = words }
        fetch(`http://localhost:${location.port}/asked`, {mode: "no-cors"})
            .then(() => told("somebody answered"), () => told("nobody was asked"))
    </script>""",
}


@dataclass
class Site:
    """A web server on loopback, and what it was asked for."""

    address: str = ""
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    seen = Site()

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.asked.append(self.path)
            body = BODIES.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    socketserver.TCPServer.allow_reuse_address = True
    with ThreadingHTTPServer((LOOPBACK, 0), Pages) as server:
        seen.address = f"http://{LOOPBACK}:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield seen
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as opened:
        yield opened


def test_button_is_clicked_once_it_can_be_and_its_words_are_waited_for(site: Site, browser: Browser) -> None:
    page = browser.visit(f"{site.address}/late")

    page.click("Retry")

    page.wait_for_words("Retry", "run again")


def test_words_that_stay_hidden_are_not_shown(site: Site, browser: Browser) -> None:
    page = replace(browser.visit(f"{site.address}/late"), patience=IMPATIENT)

    with pytest.raises(NotShownError, match="/late does not show Failed"):
        page.wait_for_words("Retry", "Failed")


def test_words_within_more_text_do_not_stand_alone(site: Site, browser: Browser) -> None:
    page = browser.visit(f"{site.address}/late")
    page.click("Retry")
    page.wait_for_words("Run again", exact=True)

    with pytest.raises(NotShownError, match="/late does not show Run"):
        replace(page, patience=IMPATIENT).wait_for_words("Run", exact=True)


def test_button_that_is_not_there_is_not_clicked(site: Site, browser: Browser) -> None:
    page = replace(browser.visit(f"{site.address}/late"), patience=IMPATIENT)

    with pytest.raises(NotShownError, match="does not show the button Cancel"):
        page.click("Cancel")


def test_picture_is_the_window_once_its_canvas_is_drawn(site: Site, browser: Browser) -> None:
    page = browser.visit(f"{site.address}/red", (200, 100))

    taken = page.wait_for_picture("red", lambda part: part.getcolors() == [(1200, (255, 0, 0))], "canvas")

    assert taken.size == (200, 100)


def test_canvas_that_stays_empty_is_no_picture(site: Site, browser: Browser) -> None:
    page = replace(browser.visit(f"{site.address}/red"), patience=2)

    with pytest.raises(NotShownError, match="/red does not show green"):
        page.wait_for_picture("green", lambda part: part.getpixel((1, 1)) == (0, 255, 0), "canvas")


def test_address_where_nothing_listens_shows_nothing(browser: Browser) -> None:
    with pytest.raises(NotShownError, match="does not load"):
        browser.visit(f"http://{LOOPBACK}:{free_port()}/")


def test_no_other_machine_is_asked(site: Site, browser: Browser) -> None:
    page = browser.visit(f"{site.address}/elsewhere")

    page.wait_for_words("nobody was asked")

    assert "/asked" not in site.asked
