"""A cancelled run's state leads to its card: its worker writes that state after our hook has made the card.

So does that of a paused run which nobody resumed: the server sets it Failed, and knows of no card.
"""

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, StateType

from flows.cards import pointed
from flows.crashes import present_card
from flows.host import at_work_on
from flows.limits import give_slot_back
from flows.outside import AGAIN, cancelled, lead, tell_outside
from flows.pausing import paused, was_never_resumed
from flows.remembering import remember_cancelled
from proofkeep.configuration.identity import host_name
from proofkeep.errors import CancelledError
from tasks.boundary import advised


def tell_cancellation(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Let the message of a cancelled run of this host lead to its card, made if there is none; whether that was due.

    Not while its process lives, if only to the end of its goodbye.
    """
    if run.state is None or (run.state.message or "").startswith(AGAIN):
        return False
    return _tell(client, run, cancelled(run), StateType.CANCELLING, StateType.CANCELLED)


def tell_pause(client: SyncPrefectClient, run: FlowRun) -> bool:
    """The same of a failed run, if that is because nobody resumed it."""
    return was_never_resumed(run) and _tell(client, run, paused(run), StateType.PAUSED, StateType.FAILED)


def _tell(client: SyncPrefectClient, run: FlowRun, error: CancelledError, asked: StateType, ended: StateType) -> bool:
    """Let the state in which the run ended lead to its card; `asked` is the one by which somebody asked for that."""
    process = at_work_on(run)
    if run.state is None or process is None or process.host != host_name() or not process.is_dead():
        return False
    give_slot_back(client, run)
    states = client.read_flow_run_states(run.id)
    at = max((each.timestamp for each in states if each.type is asked), default=run.state.timestamp)
    remember_cancelled(client.read_flow(run.flow_id).name, run, error, at)
    card = present_card(client, run)
    if card is None or card.key is None:
        told = tell_outside(client, run, error)
    else:
        told = pointed(advised(error), card.key, card.id)
    lead(client, run.id, ended, str(told))
    return True
