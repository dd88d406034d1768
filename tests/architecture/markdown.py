"""Markdown as the tests of the documents read it: links, fenced commands, and the marks before them.

A fenced block of commands is preceded by one comment, alone on its line:

    <!-- run: tests/docs/test_readme.py::test_first_backup -->   that test runs these commands
    <!-- not run: needs two hosts -->                            nothing does, for this reason
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.tree import ROOT, tree_files

COMMAND_LANGUAGES = frozenset(("bash", "console", "sh", "shell"))

FENCE = re.compile(r"^ {0,3}(?P<ticks>`{3,}|~{3,})(?P<language>[\w-]*)")
MARK = re.compile(r"^ *<!-- (?P<kind>run|not run): (?P<value>.+?) -->$")
LINK = re.compile(r"!?\[[^\]]*\]\(<?(?P<target>[^)\s>]+)>?(?: \"[^\"]*\")?\)")
CODE = re.compile(r"`[^`]*`")
HEADING = re.compile(r"^#{1,6} (?P<title>.+?)#*$")


@dataclass(frozen=True)
class CommandBlock:
    """A fenced block of commands, with the kind and value of the mark before it; both empty without one."""

    path: Path
    line: int
    kind: str
    value: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def documents() -> list[Path]:
    """README.md and everything below docs/."""
    return [
        path
        for path in tree_files()
        if path.suffix == ".md" and (path == ROOT / "README.md" or (ROOT / "docs") in path.parents)
    ]


def split(path: Path) -> tuple[list[str], list[CommandBlock]]:
    """The lines of prose, what is fenced blanked, and the blocks of commands."""
    prose: list[str] = []
    blocks: list[CommandBlock] = []
    closing = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fence = FENCE.match(line)
        if closing:
            prose.append("")
            if line.strip() == closing:
                closing = ""
        elif fence is None:
            prose.append(line)
        else:
            if fence["language"] in COMMAND_LANGUAGES:
                blocks.append(CommandBlock(path, number, *_mark_before(prose)))
            prose.append(fence["ticks"])
            closing = fence["ticks"]
    return prose, blocks


def _mark_before(prose: list[str]) -> tuple[str, str]:
    last = next((line for line in reversed(prose) if line.strip()), "")
    mark = MARK.match(last)
    return (mark["kind"], mark["value"]) if mark else ("", "")


def links(path: Path) -> list[str]:
    """Targets of all links and images outside code."""
    prose, _ = split(path)
    return [match["target"] for line in prose for match in LINK.finditer(CODE.sub("", line))]


def anchors(path: Path) -> set[str]:
    """Ids of headings, as GitHub makes them."""
    prose, _ = split(path)
    titles = [match["title"] for line in prose if (match := HEADING.match(line))]
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


def is_a_test(node: str) -> bool:
    """Tell whether `path::function` or `path::Class::method` is defined; parametrised ids are ignored."""
    file, _, name = node.partition("::")
    path = ROOT / file
    if not name or not path.is_file():
        return False
    function = name.partition("[")[0].split("::")[-1]
    defined = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return any(isinstance(item, ast.FunctionDef) and item.name == function for item in defined)
