"""A state directory that was put back from an older copy: it has forgotten what this host did and found since."""

from contextlib import suppress

from proofkeep import events
from proofkeep.errors import StateError
from proofkeep.history_database import note_loss
from proofkeep.ledger import Heads, follow_chain
from proofkeep.repository import Repository
from proofkeep.state import RepositoryState


def notice_put_back(repository: Repository, state: RepositoryState, remembered: Heads) -> None:
    """Let the status ask for somebody where the ledger holds more of this writer than its state directory knows.

    A run that was cut before it remembered its head left its folder; one that this host never heard of left none.

    Args:
        remembered: heads that the state directory holds; nothing is told where this writer's is not among them.

    Raises:
        StateError, StateFullError: it cannot be noted.
        StoreError, TransportError: of the kind met.
    """
    head, writer = None, b""
    with suppress(StateError):  # the next backup says what is wrong with it
        if (state.path / "writer").exists():
            writer = state.writer()
            head = remembered.get(writer)
    for link in () if head is None else follow_chain(repository, writer, head):
        run = "" if link.entry is None else str(link.entry.run.get("id", ""))
        if not (state.runs / run).exists():
            events.emit("state-put-back", outcome="failure", writer=writer.hex(), run=run)
            note_loss(state.path.parent)
            return
