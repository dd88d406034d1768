import os
from pathlib import Path

import pytest

from proofkeep.errors import (
    ObjectExistsError,
    ObjectMissingError,
    PolicyError,
    StoreDeniedError,
    StoreUnavailableError,
)
from proofkeep.stores.local import LocalStore
from tests.engine.stores.local_trees import BODY, DIGEST, names, put
from tests.engine.unprivileged import as_nobody, open_to_everybody


def test_folder_sorts_behind_its_neighbours_with_a_dot_or_dash(root: Path) -> None:
    store = LocalStore(root)
    expected = ["x/a-b", "x/a.b", "x/a/c", "x/a0"]
    for name in expected:
        put(store, name)

    assert names(store) == expected
    assert names(store, "x/a") == expected
    assert [found.name for found in store.list("", after="x/a.b")] == expected[2:]
    assert [found.name for found in store.list("", after="x/a/c")] == expected[3:]


def test_what_no_put_can_have_made_is_passed_over(root: Path) -> None:
    store = LocalStore(root)
    put(store, "packs/0")
    (root / "packs/link").symlink_to("0")
    (root / "folder").symlink_to("packs")
    os.mkfifo(root / "packs/pipe")
    (root / "lost+found").mkdir(0o000)
    (root / "packs/.hidden").write_bytes(b"")
    (root / "packs/Upper").write_bytes(b"")
    (root / "packs" / os.fsdecode(b"\xff")).write_bytes(b"")

    assert names(store) == ["packs/0"]


@pytest.mark.parametrize("name", ["packs/link", "packs/pipe", "packs"])
def test_what_is_no_regular_file_is_no_object(root: Path, name: str) -> None:
    store = LocalStore(root)
    put(store, "packs/0")
    (root / "packs/link").symlink_to("0")
    os.mkfifo(root / "packs/pipe")

    with pytest.raises(ObjectMissingError):
        store.get(name)
    with pytest.raises(ObjectExistsError):
        put(store, name)


def test_name_below_an_object_is_taken(root: Path) -> None:
    store = LocalStore(root)
    put(store, "packs/0")

    with pytest.raises(ObjectExistsError):
        put(store, "packs/0/more")


def test_folder_that_is_a_symlink_is_not_written_through(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    root.mkdir()
    store = LocalStore(root)
    (root / "packs").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StoreDeniedError, match="symlink"):
        put(store, "packs/0")

    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("found", [True, False])
def test_store_on_a_disk_that_is_gone_is_unavailable_and_not_empty(root: Path, found: bool) -> None:  # noqa: FBT001 - a case
    store = LocalStore(root, "ledger")
    put(store, "packs/0")
    root.rename(root.with_name("unmounted"))
    if found:
        root.mkdir()

    for attempt in (
        lambda: put(store, "packs/1"),
        lambda: store.get("packs/0"),
        lambda: names(store),
        lambda: store.delete("packs/0"),
    ):
        with pytest.raises(StoreUnavailableError) as raised:
            attempt()
        lies = "another directory lies" if found else "nothing lies"
        assert str(raised.value) == f"store: {lies} where the ledger directory {root} was; is the disk mounted"
    assert root.exists() == found
    assert not found or list(root.iterdir()) == []


def test_store_whose_parent_is_missing_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"^store: the packs directory /.+/not mounted/store answers ENOE"):
        LocalStore(tmp_path / "not mounted" / "store")


def test_store_that_is_only_looked_at_makes_no_directory(root: Path) -> None:
    store = LocalStore(root)

    assert names(store) == []
    with pytest.raises(ObjectMissingError):
        store.stat("packs/0")
    assert not root.exists()

    put(store, "packs/0")
    assert names(store) == ["packs/0"]


def test_store_that_another_process_made_meanwhile_is_used(root: Path) -> None:
    early = LocalStore(root)
    put(LocalStore(root), "packs/0")

    assert names(early) == ["packs/0"]
    root.rename(root.with_name("unmounted"))
    with pytest.raises(StoreUnavailableError):
        names(early)


def test_store_that_is_a_file_is_unavailable(root: Path) -> None:
    root.write_bytes(b"")

    with pytest.raises(StoreUnavailableError):
        LocalStore(root)


def test_no_object_has_versions(root: Path) -> None:
    store = LocalStore(root)
    put(store, "packs/0")

    for attempt in (store.get, store.stat, lambda name, **which: list(store.read(name, **which))):
        with pytest.raises(ObjectMissingError, match="object packs/0 does not exist in version v1"):
            attempt("packs/0", version_id="v1")


def test_objects_are_not_locked_to_a_date(root: Path) -> None:
    with pytest.raises(PolicyError, match="object packs/0 cannot be locked"):
        LocalStore(root).put("packs/0", BODY, sha256=DIGEST, retain_until_ns=1)


def test_directory_that_may_not_be_written_is_a_denial() -> None:
    with open_to_everybody() as scratch:
        store = LocalStore(scratch / "store")
        put(store, "packs/0")
        (scratch / "store").chmod(0o755)

        with pytest.raises(StoreDeniedError, match=r"^object packs/1: the packs directory /.+/store answers EACCES"):
            as_nobody(lambda: put(LocalStore(scratch / "store"), "packs/1"))
        with pytest.raises(StoreDeniedError):
            as_nobody(lambda: store.get("packs/0"))
        with pytest.raises(StoreDeniedError):
            as_nobody(lambda: names(store))


def test_place_is_the_real_directory_whatever_leads_to_it(root: Path, tmp_path: Path) -> None:
    root.mkdir()
    (tmp_path / "link").symlink_to(root)

    location = LocalStore(tmp_path / "link").location

    assert location.place == str(root.resolve())
    assert location == LocalStore(root / "." / ".." / "store").location
    assert location.neighbourhood == f"disk:{root.stat().st_dev}"


def linked(root: Path, tmp_path: Path) -> tuple[LocalStore, Path]:
    file = tmp_path / "pack"
    file.write_bytes(BODY)
    file.chmod(0o600)
    store = LocalStore(root)
    store.put("packs/0", file, sha256=DIGEST)
    assert (root / "packs/0").samefile(file)
    return store, file


def test_digest_of_a_file_that_was_linked_is_stated_once(root: Path, tmp_path: Path) -> None:
    store, file = linked(root, tmp_path)
    file.unlink()

    assert [store.stat("packs/0").sha256 for _ in range(2)] == [DIGEST, None]
    assert LocalStore(root).stat("packs/0").sha256 is None


def test_digest_of_a_file_that_changed_after_it_was_linked_is_not_stated(root: Path, tmp_path: Path) -> None:
    store, file = linked(root, tmp_path)
    file.write_bytes(bytes(len(BODY)))
    os.utime(file, ns=(1, 1))

    assert store.stat("packs/0").sha256 is None
