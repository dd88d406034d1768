"""How a host learns what it does not know yet: step by step, and told to who waits."""

from pathlib import Path
from typing import Any

import pytest

from proofkeep.catalog import Catalog, refresh
from proofkeep.errors import StoreUnavailableError
from proofkeep.format import index
from tests.building import Host, planted_host
from tests.decorating import WatchedStore


def known(catalog: Catalog) -> list[tuple[Any, int]]:
    return [(pack, size) for _, pack, size in catalog.pack_sizes()]


def test_host_that_learns_tells_how_much_and_one_that_knows_tells_nothing(host: Host, empty: Catalog) -> None:
    told: list[tuple[str, dict[str, int]]] = []

    def progress(step: str, **counts: int) -> None:
        told.append((step, counts))

    refresh(host.ground.connect(), empty, {}, progress=progress)
    entries = host.ground.names("ledger/")
    assert [(step, counts["entries"]) for step, counts in told] == [
        ("refresh", number) for number in range(1, len(entries) + 1)
    ]
    assert told[-1][1]["objects"] == len(host.ground.names("packs/") + host.ground.names("index/")) + 2
    told.clear()
    refresh(host.ground.connect(), empty, {}, progress=progress)

    assert told == []


def test_index_objects_are_learned_one_by_one_and_anew_where_that_was_broken_off(
    scratch: Path, empty: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "MAX_TABLES", 1)
    host = planted_host(scratch)
    host.run()
    assert len(host.ground.names("index/")) == 2

    gone = False

    def fail(_: str, name: str, call: Any) -> Any:
        nonlocal gone
        gone |= name == host.ground.names("index/")[1]
        if gone:
            raise StoreUnavailableError("gone for a moment")
        return call()

    with pytest.raises(StoreUnavailableError):
        refresh(host.ground.connect(store=WatchedStore(host.ground.store, fail)), empty, {})
    assert len(known(empty)) == 1

    assert refresh(host.ground.connect(), empty, {}) == []
    with host.catalog() as catalog:
        assert known(empty) == known(catalog)
        assert empty.heads() == catalog.heads()
