"""A browser that waits for what a person waits for: Debian's Chromium, driven by Playwright, on pages of this machine.

    with opened_browser() as browser:
        page = browser.visit("http://127.0.0.1:4200/v2/runs/flow-run/...")
        page.wait_for_words("Failed", "Retry")
        page.click("Retry")
        page.wait_for_picture("7 bars", lambda seen: completed_bars(seen) == 7, "canvas").save("retried.png")

Waiting is in real time, until the page shows it or `PATIENCE_SECONDS` are over: never a fixed sleep, a count of frames
or virtual time. No name but this machine's is resolved and no proxy asked: Prefect's UI would call its maker's
analytics host. While a browser is open its thread runs an event loop: start flows before or in another process.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from PIL import Image
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Error as ChromiumError
from playwright.sync_api import Locator, sync_playwright
from playwright.sync_api import Page as ChromiumPage
from playwright.sync_api import TimeoutError as WaitedInVainError

from infra.servers.ports import LOOPBACK

PATIENCE_SECONDS = 120.0
LOOK_AGAIN_SECONDS = 0.5
SIZE = (1400, 860)

FLAGS = (
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {LOOPBACK}",
    "--no-proxy-server",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class NotShownError(Exception):
    """A page does not show what it must, or there is no browser to look with."""


@dataclass(frozen=True)
class Page:
    """One page of the browser, as a person sees it: words that are visible, buttons by their names, pictures."""

    seen: ChromiumPage
    patience: float

    def wait_for_words(self, *words: str, exact: bool = False) -> None:
        """Wait until each of these is visible somewhere, alone or within more text; case does not count.

        Args:
            exact: only where it stands alone, like the name of a state on its badge; case counts.

        Raises:
            NotShownError: one still is not; the first is named.
        """
        for each in words:
            self._wait(self.seen.get_by_text(each, exact=exact), each)

    def click(self, name: str, role: str = "button") -> None:
        """Click the button, or what has another ARIA role, of exactly this name, once it can be clicked.

        Raises:
            NotShownError: there is none, or it stays disabled or covered.
        """
        wanted = self.seen.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type] # its literals, unnamed
        self._click(wanted, f"the {role} {name}")

    def click_words(self, words: str) -> None:
        """Click these words, once they can be clicked, where they stand alone: what they are part of is clicked.

        Raises:
            NotShownError: they are not there, or stay covered.
        """
        self._click(self.seen.get_by_text(words, exact=True), words)

    def picture(self, selector: str | None = None) -> Image.Image:
        """What the window shows now, or only the first element that the CSS selector names, as RGB pixels."""
        with Image.open(BytesIO(self.seen.screenshot(animations="disabled"))) as shot:
            whole = shot.convert("RGB")
        return whole.crop(self._corners(selector)) if selector else whole

    def wait_for_picture(
        self, what: str, is_shown: Callable[[Image.Image], bool], selector: str | None = None
    ) -> Image.Image:
        """Wait until the window, or the selected part of it, stands still and looks right; returns the whole window.

        Args:
            what: for the error's message.
            is_shown: asked of the selected part.

        Raises:
            NotShownError: it still does not.
        """
        deadline = time.monotonic() + self.patience
        before: Image.Image | None = None
        while time.monotonic() < deadline:
            whole = self.picture()
            part = whole.crop(self._corners(selector)) if selector else whole
            if whole == before and is_shown(part):
                return whole
            before = whole
            self.seen.wait_for_timeout(LOOK_AGAIN_SECONDS * 1000)
        raise NotShownError(f"{self.seen.url} does not show {what}")

    def _click(self, wanted: Locator, what: str) -> None:
        self._wait(wanted, what)
        try:
            wanted.filter(visible=True).first.click(timeout=self.patience * 1000)
        except WaitedInVainError:
            raise NotShownError(f"{self.seen.url} does not let {what} be clicked") from None

    def _wait(self, wanted: Locator, what: str) -> None:
        try:
            wanted.filter(visible=True).first.wait_for(timeout=self.patience * 1000)
        except WaitedInVainError:
            raise NotShownError(f"{self.seen.url} does not show {what}") from None

    def _corners(self, selector: str) -> tuple[int, int, int, int]:
        wanted = self.seen.locator(selector)
        self._wait(wanted, selector)
        place = wanted.filter(visible=True).first.bounding_box()
        if place is None:
            raise NotShownError(f"{self.seen.url} does not show {selector} any more")
        left, top = round(place["x"]), round(place["y"])
        return left, top, left + round(place["width"]), top + round(place["height"])


@dataclass(frozen=True)
class Browser:
    """A running Chromium; each page has cookies and storage of its own."""

    running: Chromium
    patience: float

    def visit(self, address: str, size: tuple[int, int] = SIZE) -> Page:
        """Open the address in a window of `size` CSS pixels.

        Raises:
            NotShownError: nothing answers there.
        """
        width, height = size
        seen = self.running.new_page(viewport={"width": width, "height": height}, timezone_id="UTC")
        try:
            seen.goto(address, timeout=self.patience * 1000)
        except ChromiumError:
            raise NotShownError(f"{address} does not load") from None
        return Page(seen, self.patience)


@contextmanager
def opened_browser(patience: float = PATIENCE_SECONDS) -> Iterator[Browser]:
    """A browser without a window, ended afterwards; everything it waits for it waits for `patience` seconds.

    Raises:
        NotShownError: Chromium is not installed.
    """
    program = shutil.which("chromium")
    if program is None:
        raise NotShownError("chromium is not installed; `make test` says how")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=FLAGS, timeout=PATIENCE_SECONDS * 1000)
        try:
            yield Browser(chromium, patience)
        finally:
            chromium.close()
