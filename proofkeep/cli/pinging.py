"""Wraps a verb in pings to the configured monitor, if there is one."""

import sys

from proofkeep.cli.command import Context, Run
from proofkeep.cli.exits import Exit


def pinging(verb: str, run: Run) -> Run:
    """The command with a ping of its start and one of its end; a ping that fails is told on standard error."""

    def wrapped(context: Context) -> Exit:
        pings = context.configuration.pings()
        if pings is None:
            return run(context)
        from proofkeep.pings import pinged  # noqa: PLC0415 - most hosts do without

        with pinged(pings, verb, lambda sentence: print(f"proofkeep: {sentence}", file=sys.stderr)) as ping:
            code = run(context)
            ping.counts = context.report.counts
            if code is not Exit.OK:
                ping.code = code.name.lower().replace("_", "-")
            return code

    return wrapped
