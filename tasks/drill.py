"""The steps of a restore drill as Prefect tasks. Each takes and gives receipts: keyed ids, counts and digests."""

from collections.abc import Sequence
from dataclasses import asdict

import msgspec
from prefect import task

from proofkeep.drill import Attacked, Draw, Drill, Environment, Restored, Spotted, StepFailure
from tasks.boundary import only_our_errors
from tasks.kinds import ONCE, REPEATABLE, Receipt


@task(name="draw", **REPEATABLE)
def draw(drill: Drill) -> Receipt:
    """Verify, record the seed, and draw the sample that follows from it."""
    with only_our_errors("draw"):
        return asdict(drill.draw())


@task(name="restore_sample", **REPEATABLE)
def restore_sample(drill: Drill, drawn: Receipt) -> Receipt:
    """Restore the drawn files to scratch, hold them against their manifest, and destroy them."""
    with only_our_errors("restore_sample"):
        return asdict(drill.restore_sample(msgspec.convert(drawn, Draw)))


@task(name="attack", **REPEATABLE)
def attack(drill: Drill, drawn: Receipt) -> Receipt | None:
    """Damage a downloaded copy of a pack in every way that must be refused."""
    with only_our_errors("attack"):
        attacked = drill.attack(msgspec.convert(drawn, Draw))
        return None if attacked is None else asdict(attacked)


@task(name="report", **ONCE)
def report(
    drill: Drill,
    environment: Environment,
    drawn: Receipt | StepFailure,
    restored: Receipt | StepFailure | None,
    spotted: Sequence[Receipt | StepFailure],
    attacked: Receipt | StepFailure | None,
) -> Receipt:
    """Judge the drill and write its evidence, whatever was found."""
    with only_our_errors("report"):
        written = drill.report(
            environment,
            drawn if isinstance(drawn, StepFailure) else msgspec.convert(drawn, Draw),
            restored if isinstance(restored, StepFailure) else msgspec.convert(restored, Restored | None),
            [spot if isinstance(spot, StepFailure) else msgspec.convert(spot, Spotted) for spot in spotted],
            attacked if isinstance(attacked, StepFailure) else msgspec.convert(attacked, Attacked | None),
        )
        return asdict(written)
