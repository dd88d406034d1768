"""What the steps of a drill hand on: ids, counts and keyed digests, as types that JSON knows. Never a name."""

from dataclasses import dataclass, field
from typing import Any

from proofkeep.attempts import NOTHING_TO_RESTORE
from proofkeep.errors import (
    DrillFailedError,
    IntegrityError,
    ObjectMissingError,
    ProofkeepError,
    UsageError,
    error_of,
)
from proofkeep.model import Finding

Facts = dict[str, Any]
"""Members of the evidence, as docs/auditor/drill-evidence.md lists them."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """One drawn file.

    Attributes:
        file: keyed path id.
        digest: the keyed digest that the manifest's entry gives.
        stat: keyed fingerprint of size and mtime.
        pack: object that holds its first chunk; empty for a file without content.
        stratum: number of its stratum.
        why: `stratum`, or `oldest` or `newest` where its snapshot's end was not met otherwise.
    """

    snapshot: str
    entry: str
    file: str
    size: int
    digest: str
    stat: str
    pack: str
    rank: str
    stratum: int = 0
    why: str = "stratum"


@dataclass(frozen=True, slots=True)
class Draw:
    """What was drawn, from what, and by which seed.

    Attributes:
        packs: what the ledger says of the objects that `sample` names.
        pack: the one whose copy is to be damaged; empty when no drawn file has content.
        damage: findings of verify, refresh and walk.
        damaged, sound: what they found damaged in the repository, and what of earlier damage sound, as
            `proofkeep.damage` spells it.
    """

    drill: str
    at: str
    heads: list[str]
    seed_input: str
    seed: str
    verification: Facts
    snapshots: list[Facts]
    population: Facts
    strata: list[Facts]
    keys: list[Facts]
    packs: list[Facts]
    sample: list[Sampled]
    pack: str
    damage: list[Finding] = field(default_factory=list)
    not_tested: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    sound: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Compared:
    """One restored file held against its manifest.

    Attributes:
        actual: keyed digest of what was restored; empty when nothing was.
        result: `equal`, `differs` or `lost`.
        metadata: `equal`, `differs` or `not-compared`; `fields` says what differs.
    """

    snapshot: str
    file: str
    size: int
    expected: str
    actual: str = ""
    result: str = "lost"
    code: str = ""
    metadata: str = "not-compared"
    fields: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Restored:
    """The restored sample.

    Attributes:
        scratch, destruction: where the plaintext was, and how and when it went.
        timing: instants, and durations in milliseconds.
        damaged: as of a draw.
    """

    files: list[Compared]
    scratch: Facts
    destruction: Facts
    timing: Facts
    damage: list[Finding] = field(default_factory=list)
    not_tested: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Question:
    """What the source's host is asked: what is the keyed digest of the file with this keyed id, if it is unchanged?

    The digest that is expected stays here, so that nobody on the way can answer without the key.

    Attributes:
        stat: keyed fingerprint of the size and mtime that the drawn snapshot has.
    """

    file: str
    stat: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the source's host says of one file, and what the drill makes of it.

    Attributes:
        result: the host says `read`, `changed` since, `vanished`, `unreadable`, or `unknown` to its catalog; the drill
            makes `equal` or `differs` of `read`, and `unanswered` of silence.
        stored: keyed digest of the content that the host stored last; `changed` if that is not what was drawn.
        actual: keyed digest of the live file; empty where it was not read.
    """

    file: str
    stat: str
    result: str
    stored: str = ""
    actual: str = ""


@dataclass(frozen=True, slots=True)
class Spotted:
    """The spot-check of one entry's live source."""

    host: str
    entry: str
    at: str
    answers: list[Answer]

    def count(self, result: str) -> int:
        """How many files ended so."""
        return sum(answer.result == result for answer in self.answers)


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing tried. `expected` are the codes it may end with; `seen` is the error code, or `opened`."""

    name: str
    does: str
    expected: list[str]
    seen: str

    @property
    def as_expected(self) -> bool:
        """Whether it ended as it had to: refused, and for a right reason; a control opened."""
        return self.seen in self.expected


@dataclass(frozen=True, slots=True)
class Attacked:
    """The negative tests on one copy.

    Attributes:
        controls: what had to work on the undamaged copy; `refusals` mean nothing without them.
    """

    pack: str
    pack_sha256: str
    data_key: str
    recipient: str
    controls: list[Trial]
    refusals: list[Trial]
    damage: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StepFailure:
    """A step that ended without a receipt."""

    step: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class DrillReport:
    """A drill that has ended and whose evidence is written.

    Attributes:
        evidence: its folder.
        seconds: recovery time of the sample.
        verdict: how it ended, as `verdict_of` says it.
        objectives: `satisfied`, `not-satisfied` or `not-tested`, by id.
        steps_failed: steps that ended without a receipt; each is a finding too.
        damaged, sound: what it found damaged in the repository, and what of earlier damage sound.
    """

    id: str
    passed: bool
    evidence: str
    files: int
    bytes: int
    seconds: float
    scratch: str
    strata: int
    population: int
    compared_live: int
    refusals: int
    findings: list[Finding]
    objectives: dict[str, str]
    steps_failed: list[StepFailure] = field(default_factory=list)
    verdict: str = ""
    damaged: list[str] = field(default_factory=list)
    sound: list[str] = field(default_factory=list)

    @property
    def note(self) -> str:
        """What is to be remembered of a drill that passed, beside that it did."""
        return self.verdict if NOTHING_TO_RESTORE in self.verdict else ""

    def require_passed(self) -> None:
        """Raise `DrillFailedError` unless everything it set out to prove was proven."""
        if self.passed:
            return
        failed, met = self._not_satisfied, self._met
        what = f"{len(self.findings)} findings" + (f", not satisfied: {', '.join(failed)}" if failed else "")
        if met is not None:
            what = f"{what}: {met}"
        raise DrillFailedError(f"drill {self.id} ended with {what}; its evidence lies in {self.evidence}", met)

    @property
    def _not_satisfied(self) -> list[str]:
        return [name for name, result in self.objectives.items() if result == "not-satisfied"]

    @property
    def _met(self) -> ProofkeepError | None:
        """What kept steps from their end, or files from being drawn, where that is one kind of error and all."""
        codes = {each.code for each in self.findings}
        if len(codes) != 1 or self._not_satisfied:
            return None
        if len(self.findings) > len(self.steps_failed) and codes != {UsageError.code}:
            return None
        met = error_of(self.findings[0].code, self.findings[0].detail)
        return None if isinstance(met, IntegrityError | ObjectMissingError) else met
