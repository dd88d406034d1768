from pathlib import Path

import pytest

from blocks import Repository, load_block
from infra import register_blocks
from proofkeep.configuration import LocalPlace
from tests.flows.running import client

DOCUMENT = """\
[object_store.packs]
kind = "local"
path = "/srv/packs"

[object_store.ledger]
kind = "local"
path = "/srv/ledger"

[ledger.main]
store = "ledger"

[key_provider.backup]
providers = ["file:/etc/proofkeep/public.pem"]

[tls_policy.main]
curve = "P-384"

[repository.registered]
store = "packs"
ledger = "main"
keys = "backup"
tls = "main"
host_secret = "file:/etc/proofkeep/host.secret"

[source.home]
root = "/home"

[limits]
registered-tag = 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "blocks.toml"
    path.write_text(DOCUMENT)
    return path


@pytest.mark.usefixtures("prefect")
def test_documents_and_limits_are_made_from_a_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = register_blocks.main([str(file)])

    assert code == 0
    assert "block proofkeep-repository/registered saved" in capsys.readouterr().out
    configuration = load_block(Repository, "registered").configuration()
    assert configuration.store == LocalPlace(Path("/srv/packs"))
    assert configuration.tls.curve == "P-384"
    with client() as api:
        assert api.read_concurrency_limit_by_tag("registered-tag").concurrency_limit == 3


@pytest.mark.usefixtures("prefect")
def test_second_registration_replaces_the_first(file: Path) -> None:
    assert register_blocks.main([str(file)]) == 0
    file.write_text(DOCUMENT.replace("/srv/packs", "/srv/elsewhere"))

    assert register_blocks.main([str(file)]) == 0

    assert load_block(Repository, "registered").configuration().store == LocalPlace(Path("/srv/elsewhere"))


@pytest.mark.usefixtures("prefect")
def test_documents_without_limits_are_made_at_whatever_server_prefect_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register_blocks, "named_server", pytest.fail)  # `make bench` has one that Prefect starts itself

    assert register_blocks.register_documents({"source": {"unlimited": {"root": "/home"}}}) == [
        "proofkeep-source/unlimited"
    ]


@pytest.mark.usefixtures("prefect")
def test_types_alone_are_registered_without_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(register_blocks.BLOCKS_VARIABLE, raising=False)

    assert register_blocks.main([]) == 0
    assert capsys.readouterr().out == "6 block types registered\n"


@pytest.mark.usefixtures("prefect")
@pytest.mark.parametrize(
    "old,new,words",
    [
        ('store = "ledger"', 'store = "nowhere"', "ledger.main.store names no object_store of this file"),
        ("[source.home]", "[sauce.home]", "section sauce is none of"),
        ('["file:/etc/proofkeep/public.pem"]', '["hunter2"]', "key_provider.backup is wrong in providers.0"),
        ("[limits]", "[limits", "is no toml"),
    ],
)
def test_wrong_file_is_refused_with_its_place(
    file: Path, old: str, new: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(DOCUMENT.replace(old, new))

    assert register_blocks.main([str(file)]) == 2

    said = capsys.readouterr().err
    assert words in said
    assert "hunter2" not in said


@pytest.mark.usefixtures("prefect")
def test_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert register_blocks.main([str(tmp_path / "nowhere.toml")]) == 2
    assert "nowhere.toml cannot be read: no such file or directory [usage]" in capsys.readouterr().err
