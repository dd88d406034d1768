"""`python -m infra.up [--source DIR] [--port N] [--state DIR]`: start everything, say where, end it on Ctrl-C."""

import argparse
import os
import signal
import sys
from pathlib import Path

from infra.servers.ports import free_port
from infra.servers.process import ServerStartError
from infra.up.notices import Notices
from infra.up.repository import notify, prepare
from infra.up.stack import ROOT, Stack

DEFAULT_PORT = 8443
READY = "up: everything runs, Ctrl-C ends it"

_ROOTS_STATE = "/var/lib/proofkeep-up"  # PostgreSQL, which is not root's, has to get there


def main(arguments: list[str]) -> int:
    """Serve until Ctrl-C, SIGTERM, or until a server ends."""
    options = _options(arguments)
    os.umask(0o077)
    state = options.state.absolute()
    state.mkdir(mode=0o711, parents=True, exist_ok=True)
    state.chmod(0o711)
    for number in (signal.SIGTERM, signal.SIGINT):  # which shells ignore for what they start in the background
        signal.signal(number, signal.default_int_handler)
    stack = notices = None
    try:
        stack = Stack(state, state / "postgresql", options.port or free_port())
        _say("starting PostgreSQL, the Prefect server (a minute the first time) and the TLS proxy")
        stack.start_server()
        inventory = prepare(stack, options.source.absolute())
        notices = Notices(stack.ca.issue("notices"), lambda line: _say(f"notified   {line}"))
        notices.start()
        notify(stack, notices.url)
        stack.start_worker()
        _tell(stack, inventory)
        _say(f"{stack.wait()} ended; everything ends with it")
    except KeyboardInterrupt:
        _say("ending")
        return 0
    except ServerStartError as error:
        _say(str(error))
        return 1
    else:
        return 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if stack is not None:
            stack.stop()
        if notices is not None:
            notices.stop()


def _options(arguments: list[str]) -> argparse.Namespace:
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    state = _ROOTS_STATE if os.geteuid() == 0 else f"{home}/proofkeep-up"
    parser = argparse.ArgumentParser(prog="up", description="Start an installation in the foreground, to try out.")
    parser.add_argument("--source", type=Path, default=ROOT / "docs", help="tree to back up (default: the docs)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"of the UI; 0 any (default: {DEFAULT_PORT})")
    parser.add_argument("--state", type=Path, default=Path(state), help=f"where everything lies (default: {state})")
    return parser.parse_args(arguments)


def _tell(stack: Stack, inventory: Path) -> None:
    settings = stack.directory / "environment"
    lines = {**stack.worker.environment, "PREFECT_API_AUTH_STRING": f"$(cat {stack.password_file})"}
    settings.write_text("".join(f'export {name}="{value}"\n' for name, value in lines.items()))
    _say(f"UI         {stack.proxy.url} (user and password: {stack.password_file}; CA: {stack.ca.ca_path})")
    _say(f"inventory  {inventory}")
    _say(f"terminal   . {settings}")
    _say("try        .venv/bin/prefect deployment run backup/tried --watch")
    _say(READY.removeprefix("up: "))


def _say(text: str) -> None:
    print(f"up: {text}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
