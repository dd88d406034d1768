"""What a configuration file may say, and how it is refused."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofkeep.configuration import Configuration, KeySettings, LocalPlace, S3Place, load, parse
from proofkeep.errors import UsageError

BASE = Path("/etc/proofkeep")

LEAST: dict[str, Any] = {
    "state": "/var/lib/proofkeep",
    "host_secret": "file:/etc/proofkeep/host.secret",
    "store": {"kind": "local", "path": "packs"},
    "ledger": {"kind": "s3", "bucket": "ledger"},
}


def read(**members: Any) -> Configuration:
    return parse(LEAST | members, base=BASE)


def test_least_configuration_has_defaults_for_the_rest() -> None:
    configuration = read()

    assert configuration.store == LocalPlace(BASE / "packs")
    assert configuration.ledger == S3Place("ledger")
    assert configuration.keys == KeySettings()
    assert configuration.source is None
    assert configuration.backup.self_check


def test_relative_paths_begin_at_the_file(tmp_path: Path) -> None:
    (tmp_path / "proofkeep.toml").write_text(
        'state = "state"\nhost_secret = "file:/s"\n'
        'store = {kind = "local", path = "../packs"}\nledger = {kind = "local", path = "/ledger"}\n'
    )

    configuration = load(tmp_path / "proofkeep.toml")

    assert configuration.state == tmp_path / "state"
    assert configuration.own_directories == [tmp_path / "state", tmp_path / "../packs", Path("/ledger")]


@pytest.mark.parametrize(
    "members,message",
    [
        ({"stat": "/x"}, "configuration: stat is not known"),
        ({"source": {"root": "/", "roots": "/"}}, "configuration: source.roots is not known"),
        ({"source": {}}, "configuration: source.root is missing"),
        ({"source": {"root": ""}}, "configuration: source.root is wrong: expected a path"),
        ({"source": {"root": "a\0b"}}, "configuration: source.root is wrong: expected a path"),
        (
            {"source": {"root": "/", "exclude": "x"}},
            "configuration: source.exclude is wrong: expected `array`, got `str`",
        ),
        ({"store": {"kind": "s3"}}, "configuration: store.bucket is missing"),
        ({"store": {"kind": "ftp"}}, "configuration: store.kind is wrong: invalid value 'ftp'"),
        ({"store": "packs"}, "configuration: store is wrong: expected `object`, got `str`"),
        ({"keys": {"providers": [""]}}, r"configuration: keys.providers\[0\] is wrong: expected `str` of length >= 1"),
        ({"tls": {"curve": "X25519"}}, "configuration: tls.curve is wrong: invalid enum value 'X25519'"),
        ({"backup": {"level": 0}}, "configuration: backup.level is wrong: expected `int` >= 1"),
        ({"backup": {"spool_limit": 1}}, "configuration: backup.spool_limit is wrong"),
        ({"backup": {"pack_size": 128 << 20}}, "configuration: backup.pack_size is wrong"),
        (
            {"store": {"kind": "s3", "bucket": "b", "bandwidth_limit": "20 Mbit/s"}},
            "configuration: store is wrong: bandwidth_limit: rate '20 Mbit/s' is no rate",
        ),
        ({"backup": {"self_check": 1}}, "configuration: backup.self_check is wrong: expected `bool`, got `int`"),
        ({"entry": ""}, "configuration: entry is wrong"),
    ],
)
def test_refusal_names_the_key(members: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(**members)


@pytest.mark.parametrize("content", [b"a = ", b"\xff", b"a = 1\na = 2", b"#" * (1 << 21)])
def test_file_that_is_no_configuration_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "proofkeep.toml").write_bytes(content)

    with pytest.raises(UsageError, match=r"configuration .*proofkeep\.toml is "):
        load(tmp_path / "proofkeep.toml")


def test_directory_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: is a directory"):
        load(tmp_path)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*LEAST, "keys", "tls", "source", "backup", "x"]), anything))
def test_whatever_is_said_is_read_or_refused_by_our_own_error(members: dict[str, Any]) -> None:
    try:
        configuration = read(**members)
    except UsageError as error:
        assert str(error).startswith("configuration: ")  # noqa: PT017 - either outcome is right
    else:
        assert isinstance(configuration, Configuration)
