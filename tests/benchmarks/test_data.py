import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import pyzstd

from benchmarks.data.binary import machine_code, media, office_archive
from benchmarks.data.chance import TABLE_SIZE, Chance, zipf_table
from benchmarks.data.changing import apply_changes, prepare_changes, read_changes, undo_changes
from benchmarks.data.code import Project
from benchmarks.data.image import BLOCK, make_image
from benchmarks.data.mixed import make_mixed
from benchmarks.data.records import json_records, letter, log
from benchmarks.data.sets import SETS, data_set
from benchmarks.data.writing import digest, walk_files

MIB = 1 << 20

Content = Callable[[Chance, int], bytes]


def code(chance: Chance, size: int) -> bytes:
    return Project("test").source(chance, size)


CONTENTS = (code, log, json_records, letter, machine_code, media, office_archive)


def of_one_mib(content: Content) -> bytes:
    return content(Chance("test", content.__name__), MIB)


# All but the office archives, which go through the machine's zlib.
DIGESTS: dict[Content, str] = {
    code: "52321d709cd42f6b76dc3a17a3c69b1a9b457a87b3749400a9a7eeda45526ff9",
    log: "3c5d2de41bf4a3db8e8231fc4d64adc582b69a0fa7ef1a6314a26a87207ffea4",
    json_records: "fa957ea7b42f80a08ef7632fc9b4af7846482080bd4f0e2a0573fd36467d5d26",
    letter: "f455c4785f95dd39b4230c5bedfb2637a83ec6b512c7749107ca19e4785f90ad",
    machine_code: "828ea72100cef5461ac3cc65d0b34dde2a7228f2f541ee23ce0320b11c8999a0",
    media: "6bad8e2e0a58f3d6fff518954c43efcbf50e6078d086a4af8cc9a60ea556d9ac",
}


@pytest.mark.parametrize("content", CONTENTS)
def test_content_has_the_size_asked_for(content: Content) -> None:
    sizes = [4096, 10_001, 100_000]

    assert [len(content(Chance("size"), size)) for size in sizes] == sizes


@pytest.mark.parametrize("content", DIGESTS)
def test_content_is_the_same_on_every_machine(content: Content) -> None:
    assert hashlib.sha256(of_one_mib(content)).hexdigest() == DIGESTS[content]


@pytest.mark.parametrize(
    "content,least,most",
    [(code, 3.5, 5), (log, 5, 8), (json_records, 3.5, 6), (letter, 2.5, 4), (machine_code, 1.7, 3), (media, 0.9, 1.01)],
)
def test_content_compresses_as_its_kind_does(content: Content, least: float, most: float) -> None:
    plain = of_one_mib(content)

    assert least < len(plain) / len(pyzstd.compress(plain, 3)) < most


def test_chance_depends_on_its_label_alone() -> None:
    assert Chance("a", 1).bytes(64) == Chance("a", 1).bytes(64)
    assert Chance("a", 1).bytes(64) != Chance("a", 2).bytes(64)


def test_zipf_table_holds_every_item_and_the_first_most_often() -> None:
    table = zipf_table(range(5000))

    assert len(table) == TABLE_SIZE
    assert set(table) == set(range(5000))
    assert table.count(0) > table.count(1) > table.count(100)


@pytest.mark.parametrize("letter_", SETS)
def test_set_made_twice_is_the_same_set(tmp_path: Path, letter_: str) -> None:
    first, second = (data_set(letter_, 0.0005, tmp_path / name) for name in ("first", "second"))

    assert first.digest == second.digest == digest(second.source)
    assert first.files == len(list(walk_files(second.source)))


def test_set_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    made = data_set("B", 0.0005, tmp_path)
    kept = (made.source / made.one).stat()

    assert data_set("B", 0.0005, tmp_path) == made
    assert (made.source / made.one).stat() == kept


def test_larger_mixed_set_holds_the_smaller_ones_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.data.mixed.SHARD", MIB)
    make_mixed(tmp_path / "one", MIB)
    make_mixed(tmp_path / "two", 2 * MIB)

    assert digest(tmp_path / "two" / "part-00") == digest(tmp_path / "one" / "part-00")
    assert sum(size for _, size in walk_files(tmp_path / "two")) == pytest.approx(2 * MIB, rel=0.02)


@pytest.mark.parametrize("letter_", "ABC")
def test_changes_are_undone_to_the_byte(tmp_path: Path, letter_: str) -> None:
    made = data_set(letter_, 0.01, tmp_path)

    apply_changes(made.folder)
    changed = digest(made.source)
    undo_changes(made.folder)

    assert changed != made.digest
    assert digest(made.source) == made.digest


def test_changes_replace_add_and_delete(tmp_path: Path) -> None:
    made = data_set("B", 0.02, tmp_path)
    before = {path for path, _ in walk_files(made.source)}
    changes = read_changes(made.folder)

    apply_changes(made.folder)
    after = {path for path, _ in walk_files(made.source)}

    assert len(changes.replaced) == made.files // 100
    assert after - before == set(changes.added) != set()
    assert before - after == set(changes.deleted) != set()


def test_changed_image_has_a_block_in_front_and_one_in_a_hundred_overwritten(tmp_path: Path) -> None:
    make_image(tmp_path / "source", 400 * BLOCK)
    prepare_changes(tmp_path)

    before = (tmp_path / "source" / "disk.img").read_bytes()
    after = (tmp_path / "after" / "disk.img").read_bytes()[BLOCK:]
    places = range(0, len(before), BLOCK)

    assert len(after) == len(before)
    assert 0 < sum(before[at : at + BLOCK] != after[at : at + BLOCK] for at in places) <= 4
