"""The card of a run: one Markdown artifact, for who is woken at three and for who audits a year later.

Counts, keyed ids, digests and codes; never a file's name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from uuid import UUID

import httpx
from prefect.artifacts import create_markdown_artifact
from prefect.exceptions import Pause
from prefect.settings import PREFECT_UI_URL

from flows.failing import told_of
from flows.giving_up import note_giving_up
from flows.names import in_full, shortened
from flows.patience import patient
from flows.pausing import paused, resume_or_retry
from flows.runs import this_run
from proofkeep import events
from proofkeep.errors import ProofkeepError, ServerUnavailableError
from proofkeep.model import Finding
from tasks.boundary import advised, only_our_errors

_MOST_FINDINGS = 100

told_within: set[UUID] = set()
"""Runs of this process whose body has made the card of its failure."""


class Card:
    """What a run's card will say, made when the run ends.

    Attributes:
        also: further errors of the run than the one that ends it.
        then: the next step of a failure, where its error alone does not tell it.
        first: rows that are known before the run has ended; its card has them however it ends.
    """

    def __init__(self, verb: str, subject: str) -> None:
        self._verb = verb
        self._subject = subject
        self._text = ""
        self._status = ""
        self._made = False
        self._notes: list[str] = []
        self.also: Sequence[ProofkeepError] = ()
        self.then: str | None = None
        self.first: dict[str, str] = {}

    def say(self, title: str, rows: Mapping[str, str], findings: Sequence[Finding], status: str) -> None:
        """What the run came to.

        Args:
            rows: what the table says.
            findings: their subjects, codes and details are shown, no path.
            status: one line for lists of artifacts.
        """
        self._text = _rendered(title, self.first | dict(rows), findings)
        self._status = f"{title}: {status}"

    def write(self, text: str, status: str) -> None:
        """The same as Markdown, which the rows known before follow, and one line for lists of artifacts."""
        known = "\n".join(["", *_table(self.first), ""]) if self.first else ""
        self._text, self._status = text + known, status

    def note(self, sentence: str) -> None:
        """Add what went wrong beside the run and ends nothing."""
        self._notes.append(sentence)

    def fail(self, error: ProofkeepError) -> ProofkeepError:
        """Make the card of a failure; the error again, its text ending in code, hint and where the card is."""
        key = artifact_key(self._verb, self._subject)
        title = failure_title(self._verb, self._subject)
        told = told_of(self._verb, self._subject, this_run(), error, self.also, self.then, self.first)
        text = f"# {title}\n\n{told}"
        if self._text:
            text = f"{text}\n{self._text}"
        made = publish(self._noted(text), key, f"{title}: {error.code}")
        self._made = True
        told_within.add(this_run().id)
        return pointed(advised(error), key, made)

    def end(self) -> None:
        """Make the card of a run that ended well, unless there is one or it said nothing."""
        if self._text and not self._made:
            publish(self._noted(self._text), artifact_key(self._verb, self._subject), self._status)

    def _noted(self, text: str) -> str:
        return "\n".join([text, *(f"\n**Beside it:** {sentence}" for sentence in self._notes)])


@contextmanager
def failure_told(verb: str, subject: str) -> Iterator[Card]:
    """The body of a flow: only our errors leave it, and each leaves a card that says what to do; so does a Pause.

    Raises:
        ProofkeepError: as `only_our_errors`.
    """
    card = Card(verb, subject)
    try:
        with only_our_errors(verb), patient(this_run()):
            yield card
            card.end()
    except ProofkeepError as error:
        if isinstance(error, ServerUnavailableError):  # whom the card is for may never hear of it
            note_giving_up(this_run(), error)
        raise card.fail(error) from None
    except Pause:  # Prefect's engine ends the process by it, and calls no hook
        card.then = resume_or_retry(this_run())
        card.fail(paused(this_run()))
        raise


def _rendered(title: str, rows: Mapping[str, str], findings: Sequence[Finding]) -> str:
    lines = [f"# {title}", "", *_table(rows)]
    if findings:
        lines += ["", "## Findings", "", "| id | code | |", "|---|---|---|"]
        shown = findings[:_MOST_FINDINGS]
        lines += [
            f"| `{shortened(finding.subject)}` | {finding.code} | {shortened(finding.detail)} |" for finding in shown
        ]
        lines += [in_full(*(text for finding in shown for text in (finding.subject, finding.detail)))]
    if len(findings) > _MOST_FINDINGS:
        lines += ["", f"{len(findings) - _MOST_FINDINGS} more are not listed."]
    return "\n".join(lines)


def _table(rows: Mapping[str, str]) -> list[str]:
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]


def artifact_key(verb: str, subject: str) -> str:
    """Key under which the cards of one subject follow each other on the Artifacts page."""
    return re.sub("[^a-z0-9]+", "-", f"{verb}-{subject}".lower()).strip("-")


def failure_title(verb: str, subject: str) -> str:
    """What the card of a failure is headed with, and its line in lists begins with."""
    return f"{verb.capitalize()} of {subject} failed"


def address(key: str, made: UUID | None) -> str:
    """Where a card is: its own page in the UI, or its key where no UI is known or the card could not be made."""
    interface = PREFECT_UI_URL.value()
    return f"{interface.rstrip('/')}/v2/artifacts/artifact/{made}" if interface and made else key


def pointed(error: ProofkeepError, key: str, made: UUID | None) -> ProofkeepError:
    """A copy whose text ends in where the card is."""
    told = copy(error)
    told.args = (leading(str(error), key, made),)
    return told


def leading(text: str, key: str, made: UUID | None) -> str:
    """A sentence, and where the card is."""
    return f"{text} Card: {address(key, made)}"


def publish(text: str, key: str, description: str) -> UUID | None:
    """Make a Markdown artifact of this run; its id."""
    try:
        return UUID(str(create_markdown_artifact(text, key=key, description=description)))
    except httpx.HTTPError as error:
        # A server that is away must neither fail what is committed nor hide why a run failed.
        events.emit("card-not-made", outcome="failure", key=key, kind=type(error).__name__)
        return None
