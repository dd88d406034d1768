"""Names that are wider than a card's column, and counts, as cards tell them."""

import pytest

from flows.names import in_full, shortened
from proofkeep.progress import counted

PACK = f"packs/{'a2f4f700' * 4}/{'a14e8b01' * 4}/00000001"


def test_name_of_a_pack_is_shortened_in_a_sentence_and_whole_below_it() -> None:
    told = f"object {PACK} of 127.0.0.1:9000/packs was answered with SlowDown, {PACK} too"

    short = "packs/a2f4f700.../a14e8b01.../00000001"
    assert shortened(told) == f"object {short} of 127.0.0.1:9000/packs was answered with SlowDown, {short} too"
    assert in_full(told) == f"\n```text\n{PACK}\n```\n"


def test_head_of_a_ledger_is_whole_below_the_sentence_and_punctuation_is_not() -> None:
    head = f"{'a2f4f700' * 4}:12:{'0b' * 32}"

    assert shortened(f"ahead: {head}") == "ahead: a2f4f700...:12:0b0b0b0b..."
    assert in_full(f"{head}: ahead, {PACK}: cut") == f"\n```text\n{head}\n{PACK}\n```\n"


@pytest.mark.parametrize(
    "narrow", ["cc" * 16, f"run {'cc' * 16} waits", "/srv/" + "some-folder/" * 9, f"`{'cc' * 16}`"]
)
def test_what_fits_or_holds_no_id_is_told_as_it_is(narrow: str) -> None:
    assert shortened(narrow) == narrow
    assert not in_full(narrow)


def test_one_has_no_plural() -> None:
    assert [counted(count, "pack") for count in (0, 1, 2, 1200)] == ["0 packs", "1 pack", "2 packs", "1,200 packs"]
    assert [counted(count, "entry", "entries") for count in (1, 2)] == ["1 entry", "2 entries"]
