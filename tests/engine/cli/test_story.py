"""The main job from nothing to a restored tree, as a person types it."""

from proofkeep.configuration import load
from tests.engine.cli.places import Place
from tests.engine.targets.trees import portrait
from tests.settling import let_settle


def test_whole_story_ends_in_the_same_tree(repository: Place) -> None:
    first = repository.done("backup")
    (repository.source / "folder/new").write_bytes(b"new since then")
    (repository.source / "empty").unlink()
    second = repository.done("backup")
    snapshots = repository.run("snapshots", "--json").document["rows"]
    listed = repository.run("ls", "latest", "folder", "--json").document["rows"]
    verified = repository.done("verify", "--read-all", "--expect-head", second["head"])
    restored = repository.done("restore", "latest", "restored")
    earlier = repository.done("restore", first["snapshot"], "earlier", "--no-sync")

    assert second["totals"]["new_bytes"] == len(b"new since then")
    assert [row["snapshot"] for row in snapshots] == [first["snapshot"], second["snapshot"]]
    assert [row["path"] for row in listed] == ["folder", "folder/new", "folder/small"]
    assert (verified["verdict"], verified["freshness"]) == ("intact", "expected")
    assert verified["read"] == verified["objects"] > 0
    assert (restored["intact"], restored["synced"]) == (True, True)
    assert (earlier["intact"], earlier["synced"]) == (True, False)
    assert portrait(repository.root / "restored") == portrait(repository.source)
    assert (repository.root / "earlier/empty").exists()
    assert not (repository.root / "earlier/folder/new").exists()


def test_path_is_restored_alone(repository: Place) -> None:
    repository.done("backup")

    repository.done("restore", "latest", "restored", "--path", "folder/small", "--path", "link")

    target = repository.root / "restored"
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*")) == ["folder", "folder/small", "link"]


def test_second_backup_of_an_unchanged_tree_reads_and_stores_no_file(repository: Place) -> None:
    let_settle(repository.source)
    repository.done("backup")

    second = repository.done("backup")

    assert second["totals"]["read_bytes"] == 0
    assert second["totals"]["new_bytes"] == 0


def test_names_are_shown_without_a_byte_that_a_terminal_acts_on(repository: Place) -> None:
    repository.done("backup")

    listed = repository.run("ls", "latest")

    assert "line\\x0afeed \\x1b[31m \\xff" in listed.out
    assert "\x1b" not in listed.out


def test_host_that_only_wraps_backs_up_and_lists_but_opens_nothing(repository: Place) -> None:
    root = repository.root
    recipient = repository.done("keygen", "public", root / "key.pem", root / "public.pem")["recipient"]
    repository.configure(keys=f'providers = ["file:{root}/public.pem#{recipient}"]')

    repository.done("backup")
    snapshots = repository.run("snapshots", "--json")
    verified = repository.run("verify", "--json")
    listed = repository.run("ls", "latest", "--json")
    restored = repository.run("restore", "latest", "restored", "--json")

    assert len(snapshots.document["rows"]) == 1
    assert verified.code == 0
    assert listed.document["error"]["code"] == restored.document["error"]["code"] == "key-denied"
    assert listed.code == restored.code == 1
    assert not (root / "restored").exists()


def test_store_and_ledger_inside_the_source_are_not_backed_up(place: Place) -> None:
    place.configure(
        top=place.sections[""].replace('"state"', '"source/state"'),
        store='kind = "local"\npath = "source/store"',
        ledger='kind = "local"\npath = "source/ledger"',
    )
    place.done("init")

    place.done("backup")

    rows = place.run("ls", "latest", "--json").document["rows"]
    assert not {"state", "store", "ledger"} & {row["path"].partition("/")[0] for row in rows}


def test_explain_names_the_file_behind_a_keyed_id(repository: Place) -> None:
    (repository.source / "secret").write_bytes(b"unreadable")
    result = repository.done("backup")
    identity = load(repository.config).connect().keys.ids.path_id(b"secret").hex()

    explained = repository.run("explain", result["run"], identity, "--json")
    unknown = repository.run("explain", result["run"], "00" * 16, "--json")

    assert explained.document["rows"] == [{"id": identity, "path": "secret"}]
    assert (unknown.code, unknown.document["error"]["code"]) == (1, "source-changed")
    assert unknown.document["result"] == {"missing": ["00" * 16]}
