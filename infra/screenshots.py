"""`make docs-screenshots`: pictures of a finished backup in the Prefect UI, taken with headless Chromium.

`python -m infra.screenshots [DIRECTORY]` puts them there, or where the docs show them.
Looks at the demo that is running, or runs it first and ends it afterwards. A picture counts only if the page says what
it has to and the steps are drawn; a loading page is never written.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from PIL.Image import Dither, Image

from infra.browser import Browser, NotShownError, opened_browser
from infra.demo.claims import BACKUP_STEPS
from infra.demo.failure import DemoError
from infra.demo.ground import Ground, chosen_ground
from infra.demo.supervision import is_running
from infra.demo.ui import FLOW_RUN
from infra.timeline import completed_bars

IMAGES = Path(__file__).parents[1] / "docs" / "images"
LARGEST_BYTES = 300_000
PALETTE = 256

TIMELINE = "canvas"


@dataclass(frozen=True)
class Shown:
    """One picture to take.

    Attributes:
        says: words that the page must show.
        bars: how many task runs its timeline must draw at least.
    """

    name: str
    address: str
    size: tuple[int, int]
    says: tuple[str, ...]
    bars: int = 0


def main(directory: Path = IMAGES) -> int:
    """Take every picture."""
    ground = chosen_ground()
    began_here = not is_running(ground)
    try:
        if began_here:
            subprocess.run([sys.executable, "-m", "infra.demo", "run"], check=True)
        shown = _shown(**_finished(ground))
        with opened_browser() as browser:
            for each in shown:
                path = directory / f"{each.name}.png"
                size = keep(_taken(each, browser), path)
                print(f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}: {size} bytes")
    except (DemoError, NotShownError, subprocess.CalledProcessError) as error:
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


def _shown(server: str, run: str) -> list[Shown]:
    card = _card(server, run)
    return [
        Shown(
            "backup-run",
            f"{server}{FLOW_RUN}{run}",
            (1400, 860),
            ("Completed", "backup", "snapshot-commit"),
            bars=len(BACKUP_STEPS),
        ),
        Shown("backup-card", f"{server}/v2/artifacts/artifact/{card}", (1760, 1040), ("ledger head", "TLSv1.")),
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


def _taken(shown: Shown, browser: Browser) -> Image:
    page = browser.visit(shown.address, shown.size)
    page.wait_for_words(*shown.says)
    if not shown.bars:
        return page.wait_for_picture("anything that stands still", lambda _: True)
    return page.wait_for_picture(
        f"{shown.bars} task runs in its timeline", lambda drawn: completed_bars(drawn) >= shown.bars, TIMELINE
    )


def keep(picture: Image, path: Path) -> int:
    """Write a picture small enough for the docs, in 256 colours; its size in bytes. Raises `DemoError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(PALETTE, dither=Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise DemoError(f"{path} has {size} bytes, more than {LARGEST_BYTES}")
    return size


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
