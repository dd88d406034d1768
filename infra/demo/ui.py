"""Where the Prefect UI shows this demo's runs, remembered for `make ui`."""

import json
import os
import sys
import webbrowser
from socket import gethostname
from urllib.parse import urlsplit
from uuid import UUID

from infra.demo.failure import DemoError
from infra.demo.ground import Ground
from infra.demo.supervision import is_running
from infra.servers.ports import LOOPBACK

# The older UI hides the streaming steps behind the one that drains them.
RUNS = "/v2/runs"
FLOW_RUN = "/v2/runs/flow-run/"


def remember(ground: Ground, server: str, run: UUID | None = None) -> str:
    """Keep the address of a flow run, or of all while there is none, and return it."""
    where = f"{server}{FLOW_RUN}{run}" if run else f"{server}{RUNS}"
    ground.outcome.write_text(json.dumps({"ui": where, "run": run and str(run), "server": server}) + "\n")
    return where


def address(ground: Ground) -> str:
    """Of what there is to look at.

    Raises:
        DemoError: no demo is running, or its Prefect server does not answer yet.
    """
    if not is_running(ground):
        raise DemoError("no demo is running; `make demo` starts one")
    try:
        kept = json.loads(ground.outcome.read_text())
    except FileNotFoundError:
        raise DemoError("the demo's servers are still starting") from None
    return str(kept["ui"])


def show(ground: Ground) -> None:
    """Print the address, and open it where there is a screen to open it on."""
    where = address(ground)
    print(where)
    _, _, port = str(urlsplit(where).netloc).partition(":")
    print(f"for a browser on this machine; from another one, first: ssh -L {port}:{LOOPBACK}:{port} {gethostname()}")
    if sys.stdout.isatty() and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        webbrowser.open(where)
