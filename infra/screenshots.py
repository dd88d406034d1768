"""`make docs-screenshots`: pictures of a finished backup in the Prefect UI, taken with headless Chromium.

`python -m infra.screenshots [DIRECTORY]` puts them there, or where the docs show them.
Looks at the demo that is running, or runs it first and ends it afterwards. A picture counts only if the page says what
it has to and the steps are drawn; a loading page is never written.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from infra.demo.failure import DemoError
from infra.demo.ground import Ground, chosen_ground
from infra.demo.supervision import is_running
from infra.demo.ui import FLOW_RUN
from infra.png import Picture, read, write_small

IMAGES = Path(__file__).parents[1] / "docs" / "images"
LARGEST_BYTES = 300_000

STEP_GREEN = (34, 157, 75)  # of a completed task run in the UI's timeline, give or take a rounding
ROUNDING = 2
FEWEST_GREEN = 10_000  # pixels: seven bars, not a badge
ATTEMPTS = 3

CHROMIUM = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


@dataclass(frozen=True)
class Page:
    """One picture to take.

    Attributes:
        says: words that the page must show.
        drawn: whether its timeline must be drawn too.
    """

    name: str
    url: str
    size: tuple[int, int]
    says: tuple[str, ...]
    drawn: bool = False


def main(directory: Path = IMAGES) -> int:
    """Take every picture."""
    ground = chosen_ground()
    began_here = not is_running(ground)
    try:
        if began_here:
            subprocess.run([sys.executable, "-m", "infra.demo", "run"], check=True)
        for page in _pages(**_finished(ground)):
            _take(page, directory)
    except (DemoError, subprocess.CalledProcessError) as error:
        print(f"screenshots: {error}", file=sys.stderr)
        return 1
    finally:
        if began_here:
            subprocess.run([sys.executable, "-m", "infra.demo", "down"], check=False)
    return 0


def _finished(ground: Ground) -> dict[str, str]:
    """The server and the run to look at."""
    kept = json.loads(ground.outcome.read_text())
    if kept["run"] is None:
        raise DemoError("the running demo has no finished backup yet")
    return {"server": kept["server"], "run": kept["run"]}


def _pages(server: str, run: str) -> list[Page]:
    card = _card(server, run)
    return [
        Page(
            "backup-run",
            f"{server}{FLOW_RUN}{run}",
            (1400, 860),
            ("Completed", "backup", "snapshot-commit"),
            drawn=True,
        ),
        Page("backup-card", f"{server}/v2/artifacts/artifact/{card}", (1760, 1040), ("ledger head", "TLSv1.")),
    ]


def _card(server: str, run: str) -> str:
    """Id of the Markdown artifact of a run."""
    question = {"artifacts": {"flow_run_id": {"any_": [run]}, "type": {"any_": ["markdown"]}}}
    request = Request(  # noqa: S310 - the demo's own server on loopback
        f"{server}/api/artifacts/filter", json.dumps(question).encode(), {"Content-Type": "application/json"}
    )
    with urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
        found: list[dict[str, Any]] = json.load(answer)
    if not found:
        raise DemoError(f"flow run {run} has no card")
    return str(found[0]["id"])


def _take(page: Page, directory: Path) -> None:
    missing = "nothing was tried"
    for attempt in range(1, ATTEMPTS + 1):
        with tempfile.TemporaryDirectory() as scratch:
            text = _chromium(page, scratch, attempt, "--dump-dom")
            missing = ", ".join(words for words in page.says if words not in text)
            if missing:
                continue
            shot = Path(scratch) / "shot.png"
            _chromium(page, scratch, attempt, f"--screenshot={shot}")
            picture = read(shot)
            if page.drawn and _greens(picture) < FEWEST_GREEN:
                missing = "the timeline"
                continue
            _keep(page, picture, directory)
            return
    raise DemoError(f"{page.url} does not show {missing}")


def _chromium(page: Page, scratch: str, attempt: int, wanted: str) -> str:
    browser = shutil.which("chromium")
    if browser is None:
        raise DemoError("chromium is not installed; `make test` says how")
    width, height = page.size
    profile = tempfile.mkdtemp(dir=scratch)
    command = [
        browser,
        *CHROMIUM,
        f"--user-data-dir={profile}",
        f"--window-size={width},{height}",
        f"--virtual-time-budget={attempt * 12_000}",
        wanted,
        page.url,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def _greens(picture: Picture) -> int:
    green = {
        colour
        for colour in set(picture.pixels)
        if all(abs(seen - wanted) <= ROUNDING for seen, wanted in zip(colour, STEP_GREEN, strict=True))
    }
    return sum(pixel in green for pixel in picture.pixels)


def _keep(page: Page, picture: Picture, directory: Path) -> None:
    path = directory / f"{page.name}.png"
    directory.mkdir(exist_ok=True)
    write_small(picture, path)
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise DemoError(f"{path} has {size} bytes, more than {LARGEST_BYTES}")
    print(f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}: {size} bytes")


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
