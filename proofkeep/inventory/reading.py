"""From a file to a checked inventory; every refusal names line, entry and field."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from proofkeep.configuration.text_file import read_text_file
from proofkeep.errors import InventoryError
from proofkeep.inventory.document import Document
from proofkeep.inventory.fields import IN_WORDS
from proofkeep.inventory.model import Inventory, Place

_MOST_PROBLEMS = 10
_SENTENCES = {
    "missing": "is missing",
    "extra_forbidden": "is not known",
    "bool_type": "is to be true or false",
    "int_type": "is to be a whole number",
    "string_type": "is to be text, in quotes where it looks like a number",
}
_SECTIONS = {"entries": "entry", "repositories": "repository", "hosts": "host"}


def load(path: Path) -> Inventory:
    """Read a YAML file.

    Raises:
        InventoryError: it cannot be read, is no YAML, or says something unknown, missing or out of bounds.
        PolicyError: everybody may write it.
    """
    return parse(read_text_file(path, "inventory", InventoryError), f"inventory {path}")


def parse(text: str, subject: str = "inventory") -> Inventory:
    """Check a YAML document.

    Args:
        subject: begins each error's message.

    Raises:
        InventoryError: as `load`.
    """
    document = Document(text, subject)
    try:
        return Inventory.model_validate(document.values)
    except ValidationError as error:
        problems = [_said(problem, document) for problem in error.errors(include_input=False, include_url=False)]
        if (more := len(problems) - _MOST_PROBLEMS) > 0:
            problems[_MOST_PROBLEMS:] = [f"and {more} more"]
        raise InventoryError(f"{subject}: {'; '.join(problems)}") from None


def _said(problem: Any, document: Document) -> str:
    """One problem: `line 14: entry home, schedule.cron: hour '25' is not between 0 and 23`."""
    context = problem.get("ctx", {})
    place: Place = context.get("place", problem["loc"])
    return f"line {document.line(place)}: {_title(place, document.values)}{_sentence(problem)}"


def _title(place: Place, values: Any) -> str:
    section, at, *field = (*place, None, None)[: max(2, len(place))]
    if section in _SECTIONS and isinstance(at, int):
        item = values[section][at]
        name = item.get("name") if isinstance(item, dict) else None
        head = f"{_SECTIONS[str(section)]} {name if isinstance(name, str) else at + 1}"
        rest = ".".join(map(str, field))
        return f"{head}, {rest}: " if rest else f"{head}: "
    return f"{'.'.join(map(str, place)) or 'document'}: "


def _sentence(problem: Any) -> str:
    if (kind := problem["type"]) in _SENTENCES:
        return _SENTENCES[kind]
    if kind == "string_pattern_mismatch":
        return f"is to be {IN_WORDS[problem['ctx']['pattern']]}"
    text = str(problem["msg"]).removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
