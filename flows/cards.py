"""The card of a run: one Markdown artifact, for who is woken at three and for who audits a year later.

Counts, keyed ids, digests and codes; never a file's name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import httpx
from prefect.artifacts import create_markdown_artifact

from proofkeep import events
from proofkeep.errors import ProofkeepError
from proofkeep.model import Finding
from tasks.boundary import advised, only_our_errors

_MOST_FINDINGS = 100


def tell(key: str, title: str, rows: Mapping[str, str], findings: Sequence[Finding], status: str) -> None:
    """Make the card of a run that came to a result.

    Args:
        rows: what the table says.
        findings: their subjects, codes and details are shown, no path.
        status: one line for lists of artifacts.
    """
    lines = [f"# {title}", "", "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    if findings:
        lines += ["", "## Findings", "", "| id | code | |", "|---|---|---|"]
        shown = findings[:_MOST_FINDINGS]
        lines += [f"| `{found.subject}` | {found.code} | {found.detail} |" for found in shown]
    if len(findings) > _MOST_FINDINGS:
        lines += ["", f"{len(findings) - _MOST_FINDINGS} more are not listed."]
    publish("\n".join(lines), key, f"{title}: {status}")


@contextmanager
def failure_told(verb: str, subject: str) -> Iterator[None]:
    """The body of a flow: only our errors leave it, and each leaves a card that says what to do.

    Raises:
        ProofkeepError: as `only_our_errors`.
    """
    try:
        with only_our_errors(verb):
            yield
    except ProofkeepError as error:
        _tell_failure(verb, subject, error)
        raise advised(error) from None


def _tell_failure(verb: str, subject: str, error: ProofkeepError) -> None:
    title = f"{verb.capitalize()} of {subject} failed"
    text = f"# {title}\n\n`{error.code}`: {error}\n\n**What to do:** {error.hint}\n"
    publish(text, artifact_key(verb, subject), f"{title}: {error.code}")


def artifact_key(verb: str, subject: str) -> str:
    """Key under which the cards of one subject follow each other on the Artifacts page."""
    return re.sub("[^a-z0-9]+", "-", f"{verb}-{subject}".lower()).strip("-")


def publish(text: str, key: str, description: str) -> None:
    """Make a Markdown artifact of this run."""
    try:
        create_markdown_artifact(text, key=key, description=description)
    except httpx.HTTPError as error:
        # A server that is away must neither fail what is committed nor hide why a run failed.
        events.emit("card-not-made", outcome="failure", key=key, kind=type(error).__name__)
