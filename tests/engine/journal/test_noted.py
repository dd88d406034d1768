"""Notes of a walk are whole or not there, and losing them loses nothing."""

import errno
import os
from pathlib import Path
from unittest.mock import patch

import pytest

from proofkeep.errors import StateFullError
from proofkeep.journal import FileNote, Noted, SegmentNote

FILE = FileNote(b"p" * 16, b"f" * 16, b"c" * 64, (0, 10, 20, 10))
SEGMENT = SegmentNote(b"s" * 16, b"m" * 32, b"sealed", (1, 2), b"c" * 32)


def finished(folder: Path, *notes: FileNote | SegmentNote) -> Noted:
    noted = Noted(folder)
    noted.begin()
    for note in notes:
        noted.add(note)
    noted.finish()
    return noted


def test_notes_come_back_in_order_in_another_process(tmp_path: Path) -> None:
    finished(tmp_path, FILE, SEGMENT, FILE)

    assert list(Noted(tmp_path).read()) == [FILE, SEGMENT, FILE]


def test_notes_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    finished(tmp_path, FILE)

    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


def test_notes_that_were_not_finished_are_not_there(tmp_path: Path) -> None:
    noted = Noted(tmp_path)
    noted.begin()
    noted.add(FILE)
    noted.close()

    assert list(Noted(tmp_path).read()) == []


def test_new_notes_replace_the_old_ones(tmp_path: Path) -> None:
    finished(tmp_path, FILE)

    assert list(finished(tmp_path, SEGMENT).read()) == [SEGMENT]


def test_notes_cleared_while_they_are_taken_stay_away(tmp_path: Path) -> None:
    noted = Noted(tmp_path)
    noted.begin()
    noted.add(FILE)

    noted.clear()
    noted.add(FILE)
    noted.finish()

    assert list(noted.read()) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_damaged_notes_end_where_the_damage_begins(tmp_path: Path, cut: int) -> None:
    finished(tmp_path, FILE, SEGMENT)
    file = tmp_path / "noted"
    file.write_bytes(file.read_bytes()[:-cut])

    assert list(Noted(tmp_path).read()) == [FILE]


@pytest.mark.parametrize("place", [4, 12, 30, 50])
def test_flipped_bit_ends_the_notes(tmp_path: Path, place: int) -> None:
    finished(tmp_path, FILE, SEGMENT)
    file = tmp_path / "noted"
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)

    assert list(Noted(tmp_path).read()) == []


def test_notes_that_a_full_disk_refused_can_be_closed(tmp_path: Path) -> None:
    noted = Noted(tmp_path)
    noted.begin()
    noted.close()
    noted._stream = Path("/dev/full").open("wb", buffering=1 << 16)  # noqa: SIM115 - the notes close it

    with pytest.raises(StateFullError, match="disk of the state directory is full"):
        add_many(noted)

    noted.close()


def add_many(noted: Noted) -> None:
    for _ in range(1 << 11):
        noted.add(FILE)


def test_full_disk_is_said(tmp_path: Path) -> None:
    noted = Noted(tmp_path)
    noted.begin()
    noted.add(FILE)

    with (
        patch.object(os, "fsync", side_effect=OSError(errno.ENOSPC, "full")),
        pytest.raises(StateFullError, match="disk of the state directory is full"),
    ):
        noted.finish()
    assert list(Noted(tmp_path).read()) == []
