"""The demo's own errors: each is one sentence for the person at the terminal."""

from uuid import UUID


class DemoError(Exception):
    """The demo cannot go on; the message says why and, where it helps, what to do."""


class FlowFailedError(DemoError):
    """A flow did not complete; `run` is the id of its flow run."""

    def __init__(self, message: str, run: UUID) -> None:
        super().__init__(message)
        self.run = run
