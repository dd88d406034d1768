import ast
import re
import subprocess
import sys
from pathlib import Path

from tests.architecture.tree import ROOT
from tests.vectors.loading import FOLDER, load, names

TEXT = ROOT / "docs" / "format.md"
VECTORS = ROOT / "tests" / "vectors"
WITHOUT_ENGINE = [VECTORS / "generate.py", VECTORS / "second_reader.py", *sorted((VECTORS / "making").glob("*.py"))]

CITED = re.compile(r"\[v: (\w+)\]")
CODES = re.compile(r"^\| `([a-z-]+)` \|", re.MULTILINE)
MOST_BYTES = 50_000
FEWEST_DEMANDS = 30  # so that a change of the text's manner cannot empty the test
FEWEST_FILES = 10

# Sentences that hold MUST and demand nothing of a reader's input.
ABOUT_THE_TEXT = ("The key words MUST", "Section 13 describes")
OF_WRITERS = ("Writers MUST", "A writer MUST", "The encapsulation is the ephemeral")


def sections() -> dict[int, str]:
    """Text of each numbered section; 0 is what stands before the first."""
    parts = re.split(r"(?m)^## (\d+)\. .*$", TEXT.read_text())
    return {0: parts[0]} | {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}


def sentences(text: str) -> list[str]:
    """Sentences of prose and of table cells, each with the citations that stand right behind it."""
    blocks = re.split(r"\n\s*\n|\n(?=[*|] ?)", text)
    flat = [re.sub(r"\s+", " ", block.strip("*| ")) for block in blocks]
    return [part for block in flat for part in re.split(r"(?<=[.:\]]) (?!\[v: )(?=[A-Z*`])", block)]


def demands_of_readers(text: str) -> list[str]:
    """Sentences with MUST but those about the text itself and those that speak to writers alone."""
    found = [sentence for sentence in sentences(text) if "MUST" in sentence and not sentence.startswith(ABOUT_THE_TEXT)]
    return [sentence for sentence in found if "eader" in sentence or not sentence.startswith(OF_WRITERS)]


def test_every_demand_on_readers_names_its_vector() -> None:
    demands = [sentence for text in sections().values() for sentence in demands_of_readers(text)]

    without = [sentence for sentence in demands if not CITED.search(sentence)]

    assert len(demands) >= FEWEST_DEMANDS
    assert without == []


def test_a_demand_without_a_vector_is_noticed() -> None:
    text = "A reader opens it. Readers MUST reject a. Writers MUST c. Writers MUST d, and readers MUST e. [v: e] Last."

    assert demands_of_readers(text) == ["Readers MUST reject a.", "Writers MUST d, and readers MUST e. [v: e]"]


def test_every_named_vector_exists_and_every_vector_is_named() -> None:
    cited = set(CITED.findall(TEXT.read_text())) - {"name"}

    assert cited == set(names())


def test_each_vector_is_named_in_the_section_it_says() -> None:
    cited = {(name, number) for number, text in sections().items() for name in CITED.findall(text)}

    astray = [name for name in names() if (name, load(name)["section"]) not in cited]

    assert astray == []


def test_expected_codes_are_those_of_the_text() -> None:
    codes = set(CODES.findall(sections()[13]))

    assert {load(name)["expect"] for name in names()} == codes | {"ok"}


def test_every_vector_says_its_name_and_is_small() -> None:
    wrong = [name for name in names() if load(name)["name"] != name]
    large = [name for name in names() if (FOLDER / f"{name}.json").stat().st_size > MOST_BYTES]

    assert (wrong, large) == ([], [])


def imports(path: Path) -> set[str]:
    """Modules a file imports, in statements or by name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("proofkeep."):
            found.add(node.value)
    return found


def test_generator_and_second_reader_know_nothing_of_the_engine() -> None:
    of_engine = {
        f"{path.name}: {name}" for path in WITHOUT_ENGINE for name in imports(path) if name.split(".")[0] == "proofkeep"
    }

    assert len(WITHOUT_ENGINE) > FEWEST_FILES
    assert of_engine == set()


def test_second_reader_and_generator_share_nothing() -> None:
    ours = {name for name in imports(VECTORS / "second_reader.py") if name.split(".")[0] in {"tests", "flows", "tasks"}}
    of_reader = {path.name for path in WITHOUT_ENGINE for name in imports(path) if "second_reader" in name}

    assert (ours, of_reader) == (set(), set())


def test_generator_makes_the_very_vectors_that_lie_here() -> None:
    checked = subprocess.run(
        [sys.executable, str(VECTORS / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )

    assert (checked.returncode, checked.stdout) == (0, ""), checked.stderr
