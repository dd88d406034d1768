from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture import markdown
from tests.architecture.markdown import CommandBlock
from tests.architecture.tree import ROOT

FEWEST_REASON_WORDS = 2

DEMO_DOCUMENT = """\
# First words

See [the second](#second-words) and `[no](link)`.

<!-- run: tests/architecture/test_documents.py::test_marks_are_read -->
```console
$ make demo
```

## Second words

<!-- not run: needs two hosts -->

```sh
make elsewhere
```

```bash
make unmarked  # [no](link)
```

```text
not a command
```
"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "document.md"
    path.write_text(DEMO_DOCUMENT)
    return path


def command_blocks() -> list[CommandBlock]:
    return [block for path in markdown.documents() for block in markdown.split(path)[1]]


def leads_somewhere(document: Path, link: str) -> bool:
    target, _, anchor = link.partition("#")
    path = (document.parent / target).resolve() if target else document
    if not path.exists() or not path.is_relative_to(ROOT):
        return False
    return not anchor or path.suffix != ".md" or anchor in markdown.anchors(path)


def test_marks_are_read(document: Path) -> None:
    marks = [(block.line, block.kind, block.value) for block in markdown.split(document)[1]]

    assert marks == [
        (6, "run", "tests/architecture/test_documents.py::test_marks_are_read"),
        (14, "not run", "needs two hosts"),
        (18, "", ""),
    ]


def test_links_and_anchors_are_read(document: Path) -> None:
    assert markdown.links(document) == ["#second-words"]
    assert markdown.anchors(document) == {"first-words", "second-words"}


def test_every_relative_link_leads_somewhere() -> None:
    dead = [
        f"{path.relative_to(ROOT)}: {link}"
        for path in markdown.documents()
        for link in markdown.links(path)
        if "://" not in link and not link.startswith("mailto:") and not leads_somewhere(path, link)
    ]

    assert dead == []


def test_every_command_says_which_test_runs_it_or_why_none_does() -> None:
    unmarked = [str(block) for block in command_blocks() if not block.kind]

    assert unmarked == []


def test_every_test_named_by_a_command_exists() -> None:
    missing = [
        f"{block}: {block.value}"
        for block in command_blocks()
        if block.kind == "run" and not markdown.is_a_test(block.value)
    ]

    assert missing == []


def test_commands_that_nothing_runs_are_printed_with_their_reason(
    record_not_run: Callable[[str], None],
) -> None:
    not_run = [block for block in command_blocks() if block.kind == "not run"]

    for block in not_run:
        record_not_run(f"{block}: {block.value}")

    assert [str(block) for block in not_run if len(block.value.split()) < FEWEST_REASON_WORDS] == []
