"""The step on a card and the page of its code say the same: no Retry where it repeats what was wrong."""

import re
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun

from flows.next_step import next_step
from infra.error_codes import PAGES
from proofkeep.errors import (
    DamagedError,
    HostLostError,
    LedgerAheadError,
    LedgerBusyError,
    ObjectUnreadableError,
    ProofkeepError,
    SelfCheckError,
    SourceEmptyError,
    SpoolFullError,
    StateDamagedError,
    StateFullError,
    TargetError,
    UnsafePathError,
    kinds,
)

RESTORE = {"target": "/var/tmp/restored"}  # noqa: S108 - never opened
ADVISED = re.compile(r"press \**Retry")
REPEATED = re.compile(r"Retry (repeats the (?!same)|meets the same|does not mend)|instead of pressing Retry")


def step(kind: type[ProofkeepError], parameters: dict[str, str] | None = None) -> str:
    return next_step(FlowRun(flow_id=uuid4(), parameters=parameters or {}), kind("x"))


def steps_of_page(kind: type[ProofkeepError]) -> str:
    """What its page says to do, in one line and lower case where a sentence begins."""
    text = (PAGES / f"{kind.code}.md").read_text().partition("## What to do")[2].partition("## When")[0]
    return " ".join(text.split()).replace("Press", "press").replace("Start", "start")


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.code)
def test_card_advises_a_retry_where_its_page_does_and_no_retry_alone_where_the_page_warns_of_it(
    kind: type[ProofkeepError],
) -> None:
    """A restore's cards too, whose runs have a target."""
    page = steps_of_page(kind)

    for told in (step(kind), step(kind, RESTORE)):
        if REPEATED.search(page):
            assert not told.startswith("press **Retry**"), kind.code
        if not ADVISED.search(told) and "a Retry repeats" not in told:
            assert not ADVISED.search(page), kind.code


@pytest.mark.parametrize(
    "kind,parameters,words",
    [
        (StateDamagedError, {}, "start a new run, **Run** on its deployment"),
        (TargetError, RESTORE, "**Run** on"),
        (TargetError, RESTORE, "another `target`"),
        (SpoolFullError, {}, "start a new run with a larger `spool_limit` among its"),
        (SourceEmptyError, {}, "start a new run with `allow_empty` among its"),
        (LedgerAheadError, {}, "as `known_ahead` among its"),
        (LedgerAheadError, {}, "once that has committed, every host goes on"),
        (LedgerBusyError, {}, "`ps -o pid,stat,etime,args -p PID`"),
        (LedgerBusyError, {}, "end it, which is safe"),
        (UnsafePathError, RESTORE, "by a new run with its id"),
        (DamagedError, RESTORE, "from an older snapshot"),
        (DamagedError, {}, "sends again what the source still holds of them"),
        (DamagedError, {}, "run `proofkeep verify --read-all` first, or its backup relies on these packs"),
        (DamagedError, {}, "Retry does not mend stored bytes"),
        (SelfCheckError, {}, "on sound hardware"),
        (HostLostError, {}, "reads the source as it lies there, however old, unless"),
    ],
)
def test_step_and_page_say_in_the_same_words_what_works(
    kind: type[ProofkeepError], parameters: dict[str, str], words: str
) -> None:
    assert words in step(kind, parameters)
    assert words.removesuffix("**Run** on its deployment") in steps_of_page(kind)


def test_run_whose_journal_is_damaged_is_not_retried() -> None:
    assert not ADVISED.search(step(StateDamagedError))


def test_drill_that_finds_no_place_is_retried_once_it_is_mended() -> None:
    assert ADVISED.search(step(TargetError))
    assert step(TargetError, RESTORE).startswith("start a new run")


@pytest.mark.parametrize("kind", [StateFullError, ObjectUnreadableError])
def test_what_was_mended_on_the_host_or_the_store_takes_a_retry(kind: type[ProofkeepError]) -> None:
    assert ADVISED.search(step(kind))
