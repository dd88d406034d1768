"""The pages of docs/on-call: one for each code, in the words of the tree, short enough for three in the morning."""

import re
import shlex
import time
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import pytest

from infra.error_codes import ON_CALL, PAGES, index, with_head
from proofkeep.attempts import BACKUP, KnownEntry
from proofkeep.cli.entry import _parser
from proofkeep.errors import ProofkeepError, StoreUnavailableError, kinds
from proofkeep.history import History
from proofkeep.status import judge
from tests.architecture.tree import ROOT, tree_files

SECTIONS = ["What it means", "What is safe", "What to do", "When to escalate"]
SHORTEST, LONGEST = 20, 40  # lines, blank ones and the head's table included

CODES = {error.code: error for error in kinds()}


def test_index_of_codes_is_what_the_error_tree_says() -> None:
    assert (ON_CALL / "codes.md").read_text() == index(), "run: python -m infra.error_codes"


def test_every_code_has_its_page_and_every_page_its_code() -> None:
    assert {page.stem for page in PAGES.iterdir()} == CODES.keys()


@pytest.mark.parametrize("code", CODES)
def test_page_says_cause_and_hint_in_the_words_of_the_tree(code: str) -> None:
    page = (PAGES / f"{code}.md").read_text()

    assert page == with_head(CODES[code], page), "run: python -m infra.error_codes"


@pytest.mark.parametrize("code", CODES)
def test_page_has_its_four_sections_and_is_short(code: str) -> None:
    page = (PAGES / f"{code}.md").read_text()

    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == SECTIONS
    assert SHORTEST <= len(page.splitlines()) <= LONGEST
    parts = re.split(r"^## .+$", page, flags=re.MULTILINE)
    assert all(part.strip() for part in parts)
    assert parts[3].strip().startswith("1. ")


def test_status_tells_no_code_without_a_page_however_an_attempt_ended(tmp_path: Path) -> None:
    ends = (StoreUnavailableError("store x is away"), KeyError(), KeyboardInterrupt())
    with History(tmp_path) as history:
        for number, end in enumerate(ends):
            with suppress(*map(type, ends)), history.recording(BACKUP, "/srv/packs", ["home"], f"{number:032x}"):
                raise end
        killed = history.recording(BACKUP, "/srv/packs", ["home"], "ff" * 16)
        with suppress(KeyError), patch.object(history, "_end"), killed:  # as SIGKILL leaves it: begun and not ended
            raise KeyError
        known = [KnownEntry("/srv/packs", "home", 3600)]
        (reason,) = judge(tmp_path, history, known, {}, time.time_ns()).reasons

    overdue, *codes = reason.removeprefix("home: ").split(", ")
    assert codes == ["store-unavailable", "unexpected", "cancelled", "process-gone"]
    assert set(codes) <= CODES.keys()
    assert f"\n`{overdue}` says that " in (ON_CALL / "README.md").read_text()  # an age and no failure, the only one


def test_no_two_pages_say_the_same() -> None:
    bodies = [(PAGES / f"{code}.md").read_text().partition("\n## ")[2] for code in CODES]

    assert len(set(bodies)) == len(bodies)


@pytest.mark.parametrize("page", [ON_CALL / "README.md", *sorted(PAGES.iterdir())], ids=lambda page: page.stem)
def test_command_lines_of_a_page_are_ones_that_the_command_takes(page: Path) -> None:
    """Those with something to fill in; the configuration file is found without being named."""
    text = " ".join(page.read_text().split())
    lines = re.findall(r"`(?:[/\w.]+/)?proofkeep ([a-z][^`]*\b[A-Z]{2,}\b[^`]*)`", text)

    for line in lines:
        _parser(line.split()[0]).parse_args(shlex.split(line))


def test_root_of_the_tree_has_no_page_because_nothing_raises_it() -> None:
    raised = [
        str(path.relative_to(ROOT))
        for path in tree_files()
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0] in {"proofkeep", "flows", "tasks", "blocks"}
        and re.search(rf"(?:raise|return) {ProofkeepError.__name__}\(", path.read_text())
    ]

    assert raised == []
