"""A state directory that was put back from an older copy: it has forgotten what this host did and found since."""

from contextlib import suppress
from pathlib import Path

from proofkeep import events
from proofkeep.errors import ProofkeepError, StateError
from proofkeep.history_database import note_loss
from proofkeep.ledger import Heads, Link, follow_chain
from proofkeep.repository import Repository
from proofkeep.state import RepositoryState, locked
from proofkeep.unfinished import opened


def notice_put_back(repository: Repository, state: RepositoryState, remembered: Heads, fresh: bytes = b"") -> None:
    """Let the status ask for somebody where the ledger holds more of this writer than its state directory knows.

    A run that was cut before it remembered its head left its folder; one that this host never heard of left none.

    Args:
        remembered: heads that the state directory holds; nothing is told where this writer's is not among them.
        fresh: a run whose folder was made just now, so that an entry of its own is one that was forgotten.

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
        if (fresh and run == fresh.hex()) or not _knows(state.runs / run, link):
            events.emit("state-put-back", outcome="failure", writer=writer.hex(), run=run)
            note_loss(state.path.parent)
            return


def _knows(folder: Path, link: Link) -> bool:
    """Whether a run's folder is as new as an entry of its: of a record that it never heard of, it is older."""
    if not folder.exists():
        return False
    if link.entry is None or link.entry.kind != "close":
        return True
    try:
        with locked(folder / "lock"), opened(folder) as journal:
            if journal is None or journal.fact("committed") is not None:
                return True
            return all(any(journal.objects("name=?", (item.name,))) for item in link.entry.objects)
    except ProofkeepError:  # somebody works on it, or its journal cannot be read, which is told elsewhere
        return True
