import os
import re
from pathlib import Path

import pytest

from proofkeep.errors import KeyMissingError, PolicyError, UsageError
from proofkeep.keys.passphrases import accept_new_passphrase, passphrase_from_uri

PASSPHRASE = "träumerisch und lang".encode()


def descriptor_with(content: bytes) -> int:
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return reading


def test_environment_variable_gives_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROOFKEEP_TEST_PASSPHRASE", os.fsdecode(PASSPHRASE))

    assert passphrase_from_uri("env:PROOFKEEP_TEST_PASSPHRASE")() == PASSPHRASE


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
def test_descriptor_gives_all_but_one_line_end(ending: bytes) -> None:
    descriptor = descriptor_with(PASSPHRASE + ending)

    passphrase = passphrase_from_uri(f"fd:{descriptor}")()

    os.close(descriptor)
    assert passphrase == PASSPHRASE


def test_spaces_and_further_line_ends_belong_to_the_passphrase() -> None:
    descriptor = descriptor_with(b" two\n\n")

    passphrase = passphrase_from_uri(f"fd:{descriptor}")()

    os.close(descriptor)
    assert passphrase == b" two\n"


def test_file_gives_its_content(tmp_path: Path) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(PASSPHRASE + b"\n")
    path.chmod(0o600)

    assert passphrase_from_uri(f"file:{path}")() == PASSPHRASE


def test_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(PASSPHRASE)
    path.chmod(0o640)

    with pytest.raises(PolicyError, match="has mode 0640, must have 0600 or less"):
        passphrase_from_uri(f"file:{path}")()


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o600])
def test_credential_gives_its_content_with_the_modes_systemd_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    (tmp_path / "proofkeep").write_bytes(PASSPHRASE)
    (tmp_path / "proofkeep").chmod(mode)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert passphrase_from_uri("credential:proofkeep")() == PASSPHRASE


def test_credential_that_everybody_may_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "proofkeep").write_bytes(PASSPHRASE)
    (tmp_path / "proofkeep").chmod(0o444)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    with pytest.raises(PolicyError, match="has mode 0444, must have 0440 or less"):
        passphrase_from_uri("credential:proofkeep")()


@pytest.mark.parametrize("name", ["..", "../elsewhere", "a/b", "."])
def test_credential_name_never_leaves_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    with pytest.raises(UsageError, match="is not the name of a credential"):
        passphrase_from_uri(f"credential:{name}")()


def test_absent_sources_say_which_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("PROOFKEEP_TEST_PASSPHRASE", raising=False)
    closed = descriptor_with(b"")
    os.close(closed)

    for uri in (
        "env:PROOFKEEP_TEST_PASSPHRASE",
        "credential:proofkeep",
        f"file:{tmp_path}/absent",
        f"fd:{closed}",
    ):
        with pytest.raises(KeyMissingError, match=re.escape(uri)):
            passphrase_from_uri(uri)()


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n"])
def test_empty_passphrase_is_refused(content: bytes) -> None:
    descriptor = descriptor_with(content)

    with pytest.raises(KeyMissingError, match="is empty"):
        passphrase_from_uri(f"fd:{descriptor}")()

    os.close(descriptor)


def test_descriptor_without_end_is_refused() -> None:
    descriptor = os.open("/dev/zero", os.O_RDONLY)

    with pytest.raises(UsageError, match="gives more than 4096 bytes"):
        passphrase_from_uri(f"fd:{descriptor}")()

    os.close(descriptor)


@pytest.mark.parametrize(
    "uri", ["correct horse", "pass:correct horse", "env:", "fd:-1", "fd:x", "file:relative", "credential:"]
)
def test_anything_but_a_source_is_refused_without_telling_it(uri: str) -> None:
    with pytest.raises(UsageError) as caught:
        passphrase_from_uri(uri)

    assert "horse" not in str(caught.value)


@pytest.mark.parametrize("passphrase, accepted", [("a" * 14, False), ("a" * 15, True), ("ä" * 14, False)])
def test_new_passphrase_needs_fifteen_characters(passphrase: str, *, accepted: bool) -> None:
    if accepted:
        assert accept_new_passphrase(passphrase.encode()) == passphrase.encode()
        return
    with pytest.raises(PolicyError, match="shorter than 15 characters"):
        accept_new_passphrase(passphrase.encode())
