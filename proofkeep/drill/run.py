"""A restore drill on its host: its steps one by one for an orchestrator, or all of them in `run_drill`."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from types import TracebackType
from typing import Self, TypeVar

from proofkeep import events
from proofkeep.catalog import Catalog, refresh
from proofkeep.damage import OnFound, unkept
from proofkeep.drill.attacking import attack_copy
from proofkeep.drill.attacks import ATTACKS, Attack
from proofkeep.drill.damaged import found_damaged, found_sound
from proofkeep.drill.drawing import make_draw
from proofkeep.drill.evidence import build_document, summarize
from proofkeep.drill.live import judge, questions_for, spot_check
from proofkeep.drill.outcome import Outcome
from proofkeep.drill.plan import Environment, Live, Places, Plan
from proofkeep.drill.receipts import Attacked, Draw, DrillReport, Restored, Spotted, StepFailure
from proofkeep.drill.restoring import SampleRestore
from proofkeep.drill.seed import seed_input
from proofkeep.drill.writing import LISTING, SEED, begin_evidence, finish_evidence, keep_evidence, require_new
from proofkeep.errors import CancelledError, ProofkeepError
from proofkeep.format import instants
from proofkeep.ledger import load_heads, save_heads
from proofkeep.ports import Cancelled, KeyProvider, Progress
from proofkeep.progress import silent
from proofkeep.put_back import notice_put_back
from proofkeep.repository import Repository
from proofkeep.snapshots import DataKeys
from proofkeep.state import RepositoryState
from proofkeep.verify import verify

R = TypeVar("R")


class Drill:
    """One drill. Used as a context manager; a plain object to Prefect. Needs the restore role's keys.

    In this order: `draw`, `restore_sample`, `spot_check` on the source's host, `attack`, `report`.
    """

    def __init__(
        self,
        repository: Repository,
        state: RepositoryState,
        providers: Sequence[KeyProvider],
        plan: Plan,
        places: Places,
        *,
        known: Sequence[str] = (),
        on_found: OnFound = unkept,
        attacks: Sequence[Attack] = ATTACKS,
        progress: Progress = silent,
        cancelled: Cancelled = lambda: False,
        clock: Callable[[], int] = time.time_ns,
        ticks: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`ticks` is a monotonic clock in ns; `attacks` must be refused; `known`, `on_found` as `verify` has them."""
        plan.check()
        self.repository = repository
        self.plan = plan
        self.places = places
        self._state = state
        self._providers = providers
        self._known = known
        self._on_found = on_found
        self._attacks = attacks
        self._progress = progress
        self._cancelled = cancelled
        self._clock = clock
        self._ticks = ticks
        self._started_at = clock()

    def __enter__(self) -> Self:
        require_new(self.places.evidence, self.plan.id)
        self._catalog = Catalog(self._state.catalog_file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._catalog.close()

    def draw(self) -> Draw:
        """Verify, record the seed, walk the population and draw.

        Raises:
            KeyAccessError, StoreError, TransportError: of the kind met.
            CancelledError.
        """
        gathering = begin_evidence(self.places.evidence, self.plan.id)
        remembered = load_heads(self._state.heads_file)
        notice_put_back(self.repository, self._state, remembered)
        verified, heads = verify(
            self.repository,
            remembered=remembered,
            read=self.plan.read,
            seed=sha256(self.plan.id.encode()).digest(),
            known=self._known,
            on_found=self._on_found,
            cancelled=self._cancelled,
            progress=self._progress,
        )
        keep_evidence(gathering / SEED, seed_input(self.plan.id, verified.heads).encode(), self.plan.id)
        if verified.intact:
            save_heads(self._state.heads_file, heads)
        learned = refresh(self.repository, self._catalog, remembered, progress=self._progress)
        verified.findings.extend(finding for finding in learned if finding not in verified.findings)
        self._on_found(verified.found)
        return make_draw(
            self.repository,
            self._catalog,
            DataKeys(self.repository, self._providers),
            self.plan,
            verified,
            gathering / LISTING,
            now_ns=self._clock(),
            on_found=self._on_found,
            cancelled=self._cancelled,
            progress=self._progress,
        )

    def restore_sample(self, draw: Draw) -> Restored:
        """Restore the drawn files, hold them against their manifest, destroy them. See `SampleRestore.run`."""
        return SampleRestore(
            self.repository,
            self._catalog,
            self._providers,
            self.places,
            self._on_found,
            self._cancelled,
            self._progress,
            self._clock,
            self._ticks,
        ).run(draw)

    def spot_check(self, draw: Draw, live: Live, host: str) -> Spotted:
        """Ask a source that this host holds. See `spot_check` in `proofkeep.drill.live` for one on another host."""
        entry = self.repository.keys.entry_id(live.entry).hex()
        return spot_check(
            self.repository,
            live,
            questions_for(draw, entry),
            host=host,
            now_ns=self._clock(),
            cancelled=self._cancelled,
            progress=self._progress,
        )

    def attack(self, draw: Draw) -> Attacked | None:
        """Try what must be refused; None when no drawn file has content. See `attack_copy`."""
        if not draw.pack:
            return None
        return attack_copy(
            self.repository,
            self._catalog,
            self._providers,
            draw,
            self._attacks,
            on_found=self._on_found,
            cancelled=self._cancelled,
            progress=self._progress,
        )

    def report(
        self,
        environment: Environment,
        draw: Draw | StepFailure,
        restored: Restored | StepFailure | None,
        spotted: Sequence[Spotted | StepFailure],
        attacked: Attacked | StepFailure | None,
    ) -> DrillReport:
        """Judge, write the evidence, and say how it ended. A step that was not reached is None.

        Args:
            spotted: as the sources' hosts told it.

        Raises:
            UsageError, TargetError: the evidence cannot be written.
        """
        if isinstance(draw, Draw):
            spotted = [judge(draw, spot) if isinstance(spot, Spotted) else spot for spot in spotted]
        outcome = Outcome(
            self.plan,
            environment,
            self.repository.id.hex(),
            instants.to_text(self._started_at),
            instants.to_text(self._clock()),
            draw,
            restored,
            spotted,
            attacked,
        )
        document = build_document(outcome)
        folder = finish_evidence(self.places.evidence, self.plan.id, document)
        damaged = found_damaged(outcome)
        sound = [thing for thing in found_sound(outcome, damaged) if thing in self._known]
        report = replace(summarize(document, str(folder)), damaged=damaged, sound=sound)
        events.emit(
            "drill",
            outcome="success" if report.passed else "failure",
            drill=report.id,
            files=report.files,
            bytes=report.bytes,
            scratch=report.scratch,
            findings=len(report.findings),
        )
        return report


def run_drill(
    repository: Repository,
    state: RepositoryState,
    providers: Sequence[KeyProvider],
    plan: Plan,
    environment: Environment,
    places: Places,
    *,
    live: Sequence[Live] = (),
    known: Sequence[str] = (),
    on_found: OnFound = unkept,
    on_report: Callable[[DrillReport], None] = lambda _: None,
    attacks: Sequence[Attack] = ATTACKS,
    progress: Progress = silent,
    cancelled: Cancelled = lambda: False,
    clock: Callable[[], int] = time.time_ns,
) -> DrillReport:
    """Drill, and write the evidence whatever was found.

    Args:
        live: the entries whose source this host holds.
        known, on_found: as `verify` has them.
        on_report: is told how it ended before that raises.

    Raises:
        DrillFailedError: something was not proven; the message names the folder of the evidence.
        UsageError: the plan cannot be done as said, or its evidence exists already.
        CancelledError: no evidence is written; nothing of the plaintext is left.
    """
    with Drill(
        repository,
        state,
        providers,
        plan,
        places,
        known=known,
        on_found=on_found,
        attacks=attacks,
        progress=progress,
        cancelled=cancelled,
        clock=clock,
    ) as drill:
        draw = _attempt("draw", drill.draw)
        if isinstance(draw, StepFailure):
            report = drill.report(environment, draw, None, (), None)
        else:
            restored = _attempt("restore_sample", partial(drill.restore_sample, draw))
            spotted = [_attempt("spot_check", partial(drill.spot_check, draw, one, environment.host)) for one in live]
            attacked = _attempt("attack", partial(drill.attack, draw))
            report = drill.report(environment, draw, restored, spotted, attacked)
    on_report(report)
    report.require_passed()
    return report


def _attempt(step: str, run: Callable[[], R]) -> R | StepFailure:
    """A step's receipt, or how it failed; the drill goes on, since evidence is due in both cases."""
    try:
        return run()
    except CancelledError:
        raise
    except ProofkeepError as error:
        return StepFailure(step, error.code, str(error))
