"""The second reader on repositories that the engine made: the same trees come back, and the same damage is seen."""

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.engine.cli.places import Place
from tests.engine.targets.trees import portrait
from tests.vectors import second_reader

READER = Path(__file__).parent / "second_reader.py"
BLOCK = 4096
EXTENTS = 8200  # more than the 8,192 of one manifest row
FILES = 4000
LONG = "x" * 230  # rows of 4,000 such names fill more than one segment of the largest size, wherever its key cuts


def fill(source: Path) -> None:
    """Files of every kind that a user can make: empty, small, large, compressible, sparse, linked, strangely named."""
    (source / "folder" / "deep").mkdir(parents=True)
    (source / "empty").touch()
    (source / "random").write_bytes(os.urandom(3 << 20))
    (source / "text").write_bytes(b"what is kept can be proven\n" * 100_000)
    (source / "folder" / "small").write_bytes(b"small")
    (source / "folder" / "deep" / os.fsdecode(b"line\nfeed \xff")).write_bytes(b"strange")
    (source / "folder-1").write_bytes(b"sorts behind what is in the folder")
    (source / "link").symlink_to("folder/small")
    (source / "twin").hardlink_to(source / "folder" / "small")
    os.mkfifo(source / "pipe")
    with (source / "sparse").open("wb") as sparse:
        sparse.seek(5 << 20)
        sparse.write(b"data far behind")
        sparse.truncate(9 << 20)
    with (source / "hole").open("wb") as hole:
        hole.truncate(1 << 20)
    with (source / "more extents than a row holds").open("wb") as sparse:
        for number in range(EXTENTS):
            sparse.seek(number * 2 * BLOCK)
            sparse.write(b"%d" % number)
    for number in range(FILES):
        (source / "folder" / f"file {number} {LONG}").write_bytes(b"%d\n" % number * (number % 100))
    (source / "folder" / "small").chmod(0o4750)
    os.utime(source / "folder" / "small", ns=(1, 1_234_567_890_123_456_789))
    (source / "folder").chmod(0o2700)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, list[dict[str, str]]]:
    """A host with two snapshots of a tree that changed between them, and what `backup` said of each."""
    place = Place(tmp_path_factory.mktemp("host"))
    place.configure(keys=f'providers = ["file:{place.root}/key.pem"]')
    place.done("keygen", "key", place.root / "key.pem", "--unprotected")
    place.done("keygen", "host-secret", place.root / "host.secret")
    fill(place.source)
    place.done("init")
    first = place.done("backup")
    shutil.copytree(place.source, place.root / "as it was first", symlinks=True, ignore=shutil.ignore_patterns("pipe"))
    (place.source / "random").write_bytes(os.urandom(1 << 20))
    (place.source / "twin").unlink()
    (place.source / "folder" / "new").write_bytes(b"new")
    return place, [first, place.done("backup")]


def read(place: Place, command: str, *more: str | Path, store: str = "store") -> tuple[int, list[str]]:
    """Run the second reader without anything of this project on its path."""
    arguments = [command, place.root / store, place.root / "ledger", place.root / "host.secret", *more]
    done = subprocess.run(
        [sys.executable, "-I", READER, *arguments], cwd="/", capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def damaged(place: Place, kind: str, name: str) -> Path:
    """The largest object of a kind, in a copy of the store."""
    shutil.copytree(place.root / "store", place.root / name)
    return max((place.root / name / kind).rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)


def test_both_snapshots_are_listed_oldest_first(made: tuple[Place, list[dict[str, str]]]) -> None:
    place, told = made

    code, lines = read(place, "list")

    assert code == 0
    assert [line.split()[0].split("/")[-1] for line in lines] == [each["snapshot"] for each in told]


def test_restored_tree_is_the_source(made: tuple[Place, list[dict[str, str]]], tmp_path: Path) -> None:
    place, told = made

    code, lines = read(place, "restore", place.root / "key.pem", told[1]["snapshot"], tmp_path / "restored")

    assert (code, lines) == (0, [])
    assert portrait(tmp_path / "restored") == portrait(place.source)


def test_manifest_had_several_levels_and_a_continuation(made: tuple[Place, list[dict[str, str]]]) -> None:
    place, _ = made
    key = second_reader.load_private_key((place.root / "key.pem").read_bytes())
    store, ledger = (second_reader.Directory(place.root / name) for name in ("store", "ledger"))
    secret = (place.root / "host.secret").read_bytes()
    repository = second_reader.Repository(store, ledger, secret, second_reader.unwrap_with(key))

    record = second_reader.offered(repository.records())[0]
    roots = second_reader.open_roots(record, repository.id, partial(repository.data_key, record.writer))["roots"]

    extents = {entry.path: len(entry.extents) // 2 for entry in repository.entries(record)}
    assert roots[0][3] >= 1
    assert extents[b"more extents than a row holds"] == EXTENTS


def test_earlier_snapshot_still_holds_what_was(made: tuple[Place, list[dict[str, str]]], tmp_path: Path) -> None:
    place, told = made

    code, lines = read(place, "restore", place.root / "key.pem", told[0]["snapshot"], tmp_path / "restored")

    assert (code, lines) == (0, [])
    for path in (place.root / "as it was first").rglob("*"):
        restored = tmp_path / "restored" / path.relative_to(place.root / "as it was first")
        assert restored.is_symlink() == path.is_symlink()
        assert path.is_dir() or restored.read_bytes() == path.read_bytes()


def test_verify_with_the_head_finds_nothing(made: tuple[Place, list[dict[str, str]]]) -> None:
    place, told = made

    assert read(place, "verify", place.root / "key.pem", "--head", told[1]["head"]) == (0, [])


def test_verify_without_a_head_does_not_pass(made: tuple[Place, list[dict[str, str]]]) -> None:
    place, _ = made

    code, lines = read(place, "verify")

    assert code == 1
    assert lines == ["freshness is not provable: a writer's head is not given"]


def test_flipped_bit_is_found_by_both(made: tuple[Place, list[dict[str, str]]]) -> None:
    place, told = made
    pack = damaged(place, "packs", "flipped")
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)

    code, lines = read(place, "verify", "--head", told[1]["head"], store="flipped")
    place.configure(store='kind = "local"\npath = "flipped"')
    engine = place.run("verify", "--read-all", "--expect-head", told[1]["head"], "--json")
    place.configure(store='kind = "local"\npath = "store"')

    name = pack.relative_to(place.root / "flipped").as_posix()
    assert (code, lines) == (1, [f"integrity: {name} is not what the ledger names"])
    assert engine.code != 0
    assert name in {finding["subject"] for finding in engine.document["result"]["findings"]}


def test_ledger_put_back_is_found(made: tuple[Place, list[dict[str, str]]], tmp_path: Path) -> None:
    place, told = made
    whole = tmp_path / "ledger"
    shutil.copytree(place.root / "ledger", whole)
    newest = max((path for path in (place.root / "ledger" / "ledger").rglob("*") if path.is_file()), key=str)
    newest.unlink()

    behind = read(place, "verify", "--head", told[1]["head"])
    shutil.copy(whole / newest.relative_to(place.root / "ledger"), newest)

    assert behind[0] == 1
    assert behind[1][0].startswith("refused: rollback")
