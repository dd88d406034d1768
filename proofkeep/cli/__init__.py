"""The command line: what a person or a script says, done by the engine without any orchestrator.

Results go to standard output, as text or (`--json`) as one JSON object; progress, logs and errors to standard error.
"""

import signal

SIGNALLED = 128


def main() -> int:
    """Run `proofkeep` with the process's arguments and return its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's own handler would end the loading below in a traceback
    from proofkeep.allocator import look_for_cycles_seldom  # noqa: PLC0415 - see above
    from proofkeep.cli import streams  # noqa: PLC0415 - see above
    from proofkeep.cli.ending import Ending  # noqa: PLC0415 - see above

    look_for_cycles_seldom()
    ending = Ending()
    from proofkeep.cli.entry import run_command  # noqa: PLC0415 - see above

    streams.prepare()
    code = run_command()
    if code < SIGNALLED:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)  # it has said how it ended, and ends so
    ending.code = code
    return code
