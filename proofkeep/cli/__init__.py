"""The command line: what a person or a script says, done by the engine without any orchestrator.

Results go to standard output, as text or (`--json`) as one JSON object; progress, logs and errors to standard error.
"""

from proofkeep.cli.main import main

__all__ = ["main"]
