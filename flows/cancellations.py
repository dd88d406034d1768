"""A cancelled run's state leads to its card: its worker writes that state after our hook has made the card."""

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, StateType

from flows.cards import pointed
from flows.crashes import present_card
from flows.host import at_work_on
from flows.limits import give_slot_back
from flows.outside import AGAIN, cancelled, lead, tell_outside
from flows.remembering import remember_cancelled
from proofkeep.configuration.identity import host_name
from tasks.boundary import advised


def tell_cancellation(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Let the message of a cancelled run of this host lead to its card, made if there is none; whether that was due.

    Not while its process lives, if only to the end of its goodbye.
    """
    process = at_work_on(run)
    if process is None or process.host != host_name() or not process.is_dead():
        return False
    if run.state is None or (run.state.message or "").startswith(AGAIN):
        return False
    give_slot_back(client, run)
    states = client.read_flow_run_states(run.id)
    at = max((each.timestamp for each in states if each.type is StateType.CANCELLING), default=run.state.timestamp)
    remember_cancelled(client.read_flow(run.flow_id).name, run, cancelled(run), at)
    card = present_card(client, run)
    if card is None or card.key is None:
        told = tell_outside(client, run, cancelled(run))
    else:
        told = pointed(advised(cancelled(run)), card.key, card.id)
    lead(client, run.id, StateType.CANCELLED, str(told))
    return True
