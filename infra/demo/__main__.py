"""Command line of the demo: `python -m infra.demo run [--source PATH] | ui | down`; `make` calls it.

Exit codes: 0 everything that was claimed is true; 1 it is not, and standard error says what; 130 interrupted.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from infra.demo import database, surroundings, ui
from infra.demo.failure import DemoError
from infra.demo.ground import Ground, chosen_ground
from infra.demo.origin import Origin, generated, given
from infra.demo.screen import Screen
from infra.demo.supervision import Supervision, stop
from proofkeep.errors import ProofkeepError
from proofkeep.progress import counted

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    options = _parser().parse_args(arguments)
    ground = chosen_ground()
    try:
        if options.verb == "run":
            return _run(ground, options.source)
        if options.verb == "ui":
            ui.show(ground)
        else:
            _end(ground)
    except DemoError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("interrupted; `make down` stops the servers", INTERRUPTED)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.demo", description="The main job on embedded servers.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="back up, verify, restore and drill a tree")
    run.add_argument("--source", type=Path, help="a directory of yours; it is only read")
    verbs.add_parser("ui", help="where the Prefect UI shows these runs")
    verbs.add_parser("down", help="stop the servers; the demo's repository ends with them")
    return parser


def _run(ground: Ground, source: Path | None) -> int:
    began = time.monotonic()
    origin = given(source, ground) if source else generated(ground)
    with ground.held():
        stop(ground)
        ground.clear()
        ground.lay_out()
        return _tell(ground, origin, began)


def _tell(ground: Ground, origin: Origin, began: float) -> int:
    database.place(ground.prefect)
    port = surroundings.ui_port()
    servers = Supervision(ground, port).launch()
    surroundings.enter(ground.prefect, port, ground.logs / "events.jsonl")
    with surroundings.terminal_kept(ground.logs / "flows.log") as terminal:
        screen = Screen(terminal)
        screen.say("Proofkeep demo: back up, verify, restore and drill a tree on servers of this machine")
        try:
            with screen.steps():
                with screen.step("load Prefect"):
                    from infra.demo.story import Story  # noqa: PLC0415 - Prefect reads the environment when imported
                outcome = Story(screen, ground, origin, servers).tell(began)
        except ProofkeepError as error:
            raise DemoError(f"{error.code}: {error}\n{error.hint}{_where(ground)}") from None
        except DemoError as error:
            raise DemoError(f"{error}{_where(ground)}") from None
        from infra.demo import claims, table  # noqa: PLC0415 - as above

        screen.table(table.rows(outcome))
        untrue = claims.broken(outcome)
        for claim in untrue:
            screen.say(f"NOT TRUE: {claim.sentence}; seen: {claim.seen}")
        screen.say(f"this run: {outcome.ui}")
        screen.say(
            f"{counted(len(untrue), 'claim')} above not true, see there"
            if untrue
            else "every claim above was checked and holds"
        )
    return 1 if untrue else 0


def _where(ground: Ground) -> str:
    """What is left to look at when it went wrong."""
    return f"\nlogs are in {ground.logs}; `make ui` shows what ran, `make down` stops the servers"


def _end(ground: Ground) -> None:
    ended = stop(ground)
    print("the servers are stopped, the demo's repository went with them" if ended else "no demo was running")
    if ground.directory.exists():
        with ground.held():
            ground.clear(keep=(ground.logs, ground.evidence))


def _fail(message: str, code: int = 1) -> int:
    print(f"demo: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
