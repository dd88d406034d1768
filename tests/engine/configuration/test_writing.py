"""A configuration written as a file is read again as it was, and takes no other file's place."""

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from proofkeep.configuration import load, parse
from proofkeep.configuration.writing import spell, write
from proofkeep.errors import UsageError
from tests.engine.unprivileged import NOBODY

ODD = 'quote " backslash \\ tab \t line\nfeed \x1b delete \x7f ü \U0001f512'

DOCUMENT: dict[str, Any] = {
    "state": "/var/lib/proofkeep",
    "host_secret": "credential:host-secret",
    "entry": ODD,
    "store": {"kind": "s3", "bucket": "packs", "prefix": "home", "endpoint_url": "https://store.example"},
    "ledger": {"kind": "local", "path": "/srv/ledger"},
    "keys": {"providers": ["file:/etc/proofkeep/public.pem"]},
    "kms": {},
    "source": {"root": "/home", "label": ODD, "exclude": ["*.tmp", ODD], "one_filesystem": True, "xattrs": False},
    "backup": {"level": 9},
}
TEXT = spell(DOCUMENT, "repository main: written")


def test_file_says_what_the_document_says(tmp_path: Path) -> None:
    write(tmp_path / "host.toml", TEXT)

    assert tomllib.loads(TEXT) == {name: value for name, value in DOCUMENT.items() if value}
    assert load(tmp_path / "host.toml") == parse(DOCUMENT, base=Path("/"))
    assert (tmp_path / "host.toml").stat().st_mode & 0o777 == 0o600


def test_text_does_not_depend_on_the_order_of_a_document() -> None:
    turned = {name: DOCUMENT[name] for name in reversed(DOCUMENT)}
    turned["source"] = dict(reversed(DOCUMENT["source"].items()))

    assert spell(turned, "repository main: written") == TEXT


def test_own_file_is_written_anew_and_nothing_else_is_left(tmp_path: Path) -> None:
    for level in (1, 9):
        write(tmp_path / "host.toml", spell(DOCUMENT | {"backup": {"level": level}}, "repository main: written"))

    assert load(tmp_path / "host.toml").backup.level == 9
    assert [path.name for path in tmp_path.iterdir()] == ["host.toml"]


@pytest.mark.parametrize("held", ["", "state = '/srv/state'\n", spell(DOCUMENT, "repository other: written")])
def test_file_of_somebody_else_is_left_as_it_is_unless_it_is_to_be_replaced(held: str, tmp_path: Path) -> None:
    file = tmp_path / "host.toml"
    file.write_text(held)

    with pytest.raises(UsageError, match="was written by somebody else and was left as it is"):
        write(file, TEXT)
    refused = file.read_text()
    write(file, TEXT, replace=True)

    assert (refused, file.read_text()) == (held, TEXT)
    assert [path.name for path in tmp_path.iterdir()] == ["host.toml"]


@pytest.mark.requires(root=True)
def test_file_of_another_user_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "host.toml"
    write(file, TEXT)
    os.chown(file, NOBODY, NOBODY)

    with pytest.raises(UsageError, match="was left as it is"):
        write(file, TEXT)


@pytest.mark.parametrize("place", ["missing/host.toml", "folder"])
def test_place_that_takes_no_file_is_named(place: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(UsageError, match=f"{place} cannot be written: "):
        write(tmp_path / place, TEXT, replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
