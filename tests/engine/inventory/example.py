"""The example inventory, and small changes to it."""

from pathlib import Path

from proofkeep.inventory import Inventory, parse
from tests.architecture.tree import ROOT

PATH: Path = ROOT / "infra" / "inventory.example.yaml"
TEXT = PATH.read_text()


def changed(*changes: tuple[str, str]) -> str:
    """The example's text with each of the first words replaced once; the words have to be there."""
    text = TEXT
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    return text


def inventory(*changes: tuple[str, str]) -> Inventory:
    return parse(changed(*changes))
