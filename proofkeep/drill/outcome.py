"""All that a drill's steps handed on, and what they found wrong, in one place for those who judge and write."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from proofkeep.drill.plan import Environment, Plan
from proofkeep.drill.receipts import Attacked, Draw, Restored, Spotted, StepFailure
from proofkeep.errors import IntegrityError
from proofkeep.model import Finding


@dataclass(frozen=True, slots=True)
class Outcome:
    """One ended drill.

    Attributes:
        restored: None when the drill did not come so far.
        attacked: also None when no drawn file has content, so that there is no pack to damage.
        spotted: one for each entry whose source's host was asked.
        started_at, ended_at: instants as texts.
    """

    plan: Plan
    environment: Environment
    repository: str
    started_at: str
    ended_at: str
    draw: Draw | StepFailure
    restored: Restored | StepFailure | None
    spotted: Sequence[Spotted | StepFailure]
    attacked: Attacked | StepFailure | None

    @property
    def failures(self) -> list[StepFailure]:
        """Steps that ended without a receipt."""
        steps = (self.draw, self.restored, *self.spotted, self.attacked)
        return [step for step in steps if isinstance(step, StepFailure)]

    @property
    def findings(self) -> list[Finding]:
        """Everything found wrong, each thing once, in the order of the steps."""
        return list(dict.fromkeys(self._findings()))

    def _findings(self) -> Iterator[Finding]:
        for step in (self.draw, self.restored):
            if isinstance(step, Draw | Restored):
                yield from step.damage
        for spot in self.spotted:
            if isinstance(spot, Spotted):
                detail = "the live file differs although size, mtime and ctime are unchanged"
                yield from (
                    Finding(IntegrityError.code, answer.file, detail)
                    for answer in spot.answers
                    if answer.result == "differs"
                )
        if isinstance(self.attacked, Attacked):
            yield from self.attacked.damage
        for failure in self.failures:
            yield Finding(failure.code, f"step {failure.step}", failure.message)
