import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofkeep.errors import TransferFailedError
from proofkeep.stores.bodies import PIECE, MemoryStream, pieces, size_of, stream


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_pieces_of_every_kind_of_body_are_its_bytes(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "body").write_bytes(content)

    for body in (content, memoryview(content), tmp_path / "body"):
        assert b"".join(bytes(piece) for piece in pieces(body, "packs/0")) == content
        assert size_of(body, "packs/0") == size


def test_wide_items_count_as_bytes() -> None:
    body = memoryview(b"12345678").cast("I")

    assert size_of(body, "packs/0") == 8
    assert b"".join(pieces(body, "packs/0")) == b"12345678"


def test_bytes_are_not_copied_on_their_way() -> None:
    content = bytes(8)

    with stream(content, "packs/0") as same:
        assert same is content
    with stream(memoryview(content), "packs/0") as view:
        assert isinstance(view, MemoryStream)
        assert view.read(4).obj is content


@given(st.binary(max_size=20), st.lists(st.tuples(st.sampled_from(["read", "seek"]), st.integers(-3, 25))))
def test_memory_stream_reads_and_seeks_as_a_file_does(content: bytes, steps: list[tuple[str, int]]) -> None:
    ours, files = MemoryStream(memoryview(content)), io.BytesIO(content)

    for step, number in steps:
        if step == "read":
            assert bytes(ours.read(number)) == files.read(number if number >= 0 else -1)
        else:
            position = min(max(number, 0), len(content))
            assert ours.seek(position) == files.seek(position)
        assert ours.tell() == files.tell()
    assert len(ours) == len(content)


def test_end_of_a_memory_stream_is_its_length() -> None:
    body = MemoryStream(memoryview(b"12345"))

    assert body.seek(0, os.SEEK_END) == 5
    assert body.seek(-2, os.SEEK_CUR) == 3


def test_file_that_cannot_be_read_is_a_failed_transfer_without_its_path(tmp_path: Path) -> None:
    path = tmp_path / "payroll.xls"

    for attempt in (
        lambda: size_of(path, "packs/0"),
        lambda: list(pieces(path, "packs/0")),
        lambda: stream(path, "packs/0"),
    ):
        with pytest.raises(TransferFailedError, match=r"^what is to be stored as packs/0 cannot be read \(ENOENT\)$"):
            attempt()
