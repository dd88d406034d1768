import pytest

from proofkeep.errors import MalformedError
from proofkeep.format.instants import from_text, to_text

TEXT = "2026-11-29T18:00:00.000001Z"


def test_text_of_an_instant_is_read_again() -> None:
    assert to_text(from_text(TEXT, "record")) == TEXT


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-29T18:00:00Z",
        "2026-11-29T18:00:00.1Z",
        "2026-11-29T18:00:00.0000010Z",
        "2026-11-29T18:00:00.000001",
        "2026-11-29T18:00:00.000001+00:00",
        "2026-11-29 18:00:00.000001Z",
        "2026-1-29T18:00:00.000001Z",
        "2026-02-30T18:00:00.000001Z",
        "2026-11-29T24:00:00.000000Z",
        "2026-11-29T24:00:00.000001Z",
        "٢٠٢٦-11-29T18:00:00.000001Z",
        f"{TEXT}\n",
        None,
    ],
)
def test_instant_that_is_spelled_otherwise_is_malformed(text: object) -> None:
    with pytest.raises(MalformedError, match="record holds no valid instant"):
        from_text(text, "record")
