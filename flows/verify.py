"""The flow `verify`: what the stores hold against what the ledger says, and what a person sees of it."""

import re
import threading
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from blocks import Repository, load_block
from flows.cards import artifact_key, tell, tell_failure
from flows.progress import RunProgress, in_units
from flows.runs import named_by
from flows.told import TOLD
from flows.watching import in_thread, threads, watched
from proofkeep.errors import DamagedError, ProofkeepError, UsageError
from proofkeep.ledger import Head, Heads
from tasks.boundary import only_our_errors
from tasks.verify import Verification, verify_repository

_HEAD = re.compile("([0-9a-f]{32}):([0-9]{1,10}):([0-9a-f]{64})")

Share = Annotated[float, Field(ge=0.0, le=1.0)]


@flow(
    name="verify",
    flow_run_name=named_by("repository"),
    task_runner=threads(2),
    **TOLD,
)
def verify(repository: str, read: Share = 0.1, expect_heads: list[str] | None = None) -> State[Any]:
    """Verify a repository; Failed when anything is wrong, and the state says so when freshness is not provable.

    Args:
        repository: name of a Proofkeep Repository block.
        read: share of the packs that is read back and hashed, 0 to 1; drawn anew each time.
        expect_heads: ledger heads from receipts or logs, each `writer:sequence:sha256`.
    """
    with only_our_errors("verify", advise=True):
        try:
            told = _verify(repository, read, _heads(expect_heads or []))
        except ProofkeepError as error:
            tell_failure("verify", repository, error)
            raise
        _tell(repository, told)
        if not told["intact"]:
            raise DamagedError(f"repository of block {repository} has {len(told['findings'])} findings")
        return Completed(message=told["verdict"], data=told)


def _verify(repository: str, read: float, expected: Heads) -> dict[str, Any]:
    block = load_block(Repository, repository)
    configuration = block.configuration()
    connected = configuration.connect(block.session())
    cancelled = threading.Event()
    progress = RunProgress("reading the ledger")
    verification = Verification(
        connected, configuration.open_state(connected), expected, read, cancelled=cancelled.is_set, progress=progress
    )

    def show() -> None:
        counts = progress.counts
        progress.show(0.0, f"{counts.get('objects', 0):,} objects, {in_units(counts.get('bytes', 0))} read back")

    told = watched(in_thread(verify_repository.submit(verification)), show, cancelled)
    progress.finish(told["verdict"])
    return told


def _heads(spelled: list[str]) -> Heads:
    heads: Heads = {}
    for number, head in enumerate(spelled, start=1):
        match = _HEAD.fullmatch(head)
        if match is None:
            raise UsageError(f"head {number} of expect_heads is not writer:sequence:sha256")
        heads[bytes.fromhex(match[1])] = Head(int(match[2]), bytes.fromhex(match[3]))
    return heads


def _tell(repository: str, told: dict[str, Any]) -> None:
    rows = {
        "verdict": f"**{told['verdict']}**",
        "freshness": told["freshness"],
        "snapshots": f"{told['snapshots']:,}, {told['withdrawn']:,} withdrawn",
        "objects": f"{told['objects']:,}, {in_units(told['bytes'])}",
        "named by no ledger": f"{told['unvouched']:,}",
        "read back": f"{told['read']:,}, {in_units(told['read_bytes'])}",
        "ledger": f"{told['entries']:,} entries of {told['writers']:,} writers",
        "ledger apart": "no, it shares disk, host or account with the packs"
        if told["ledger_shares_neighbourhood"]
        else "yes",
        "not tested": "; ".join(told["not_tested"]),
        "heads": "<br>".join(f"`{head}`" for head in told["heads"]),
    }
    tell(artifact_key("verify", repository), f"Verify of {repository}", rows, told["findings"], told["verdict"])
