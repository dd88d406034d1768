"""How names and numbers are shown."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofkeep.cli import shown

ESCAPE = re.compile(rb"\\(\\|x[0-9a-f]{2})")


def bytes_of(spelled: str) -> bytes:
    """The name that `shown.name` was given."""
    return ESCAPE.sub(
        lambda match: b"\\" if match[1] == b"\\" else bytes.fromhex(match[1][1:].decode()), spelled.encode()
    )


@given(st.binary(min_size=1))
def test_name_is_printable_and_can_be_turned_back(path: bytes) -> None:
    spelled = shown.name(path)

    assert spelled.isprintable()
    assert bytes_of(spelled) == path


@pytest.mark.parametrize(
    "path,spelled",
    [
        (b"", "."),
        ("grüße/日本".encode(), "grüße/日本"),
        (b"a\nb", "a\\x0ab"),
        (b"a\\x0ab", "a\\\\x0ab"),
        ("\u202egpj.exe".encode(), "\\xe2\\x80\\xaegpj.exe"),
        (b"\xff", "\\xff"),
    ],
)
def test_names_as_they_are_written(path: bytes, spelled: str) -> None:
    assert shown.name(path) == spelled


@pytest.mark.parametrize(
    "count,spelled",
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 << 20, "3.0 MiB"), (1 << 60, "1024.0 PiB")],
)
def test_sizes(count: int, spelled: str) -> None:
    assert shown.size(count) == spelled
