"""`verify --files`: what damage costs is told file by file, however many there are."""

import io
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from proofkeep.cli import verify
from proofkeep.cli.report import Report
from proofkeep.model import Finding


@pytest.mark.parametrize("as_json", [False, True])
def test_lost_files_are_told_as_they_are_found(monkeypatch: pytest.MonkeyPatch, *, as_json: bool) -> None:
    out = io.StringIO()
    told = []

    def found(*_: object) -> Iterator[tuple[str, Finding]]:
        for name in (b"one", b"two", b"three"):
            yield "snapshot", Finding("pack-missing", "00" * 32, "", name)
            told.append(out.getvalue().count("pack-missing"))

    opened = SimpleNamespace(repository=None, catalog=None, chunks=None, data_keys=None)
    monkeypatch.setattr(verify, "opened", lambda _: nullcontext(opened))
    monkeypatch.setattr(verify, "affected_files", found)
    context: Any = SimpleNamespace(report=Report("verify", as_json=as_json, out=out), configuration=None)

    verify._list_files(context, [Finding("pack-missing", "packs/a")])

    assert told == [1, 2, 3]
