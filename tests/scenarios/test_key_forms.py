"""A commit reads a form of every data key that its snapshot needs; a store that fails meanwhile costs nothing."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proofkeep.backup import confirm, underway
from proofkeep.errors import (
    CancelledError,
    PackMissingError,
    ProofkeepError,
    StoreDeniedError,
    StoreUnavailableError,
    TransferFailedError,
)
from tests.building import Host, content, plant, planted_host
from tests.decorating import WatchedStore

RUN = bytes(range(16))
KEYS = 6


@pytest.fixture
def host(scratch: Path) -> Host:
    """A host whose next snapshot needs several data keys."""
    host = planted_host(scratch)
    for number in range(KEYS - 1):
        plant(host.source, {f"more/{number}": content(number, 3000)})
        host.run()
    plant(host.source, {"last": content(99, 3000)})
    return host


def run(host: Host, around: Callable[[str, str, Callable[[], Any]], Any], **how: Any) -> str:
    store = WatchedStore(host.ground.store, around)
    return host.run(RUN, repository=host.ground.connect(store=store), **how).snapshot


def is_form(operation: str, name: str) -> bool:
    return operation == "get" and name.startswith("keys/")


@pytest.mark.parametrize("error", [StoreUnavailableError, StoreDeniedError, TransferFailedError])
def test_store_that_does_not_give_one_of_them_fails_the_commit_and_nothing_is_sealed_again(
    host: Host, error: type[ProofkeepError]
) -> None:
    missed = host.ground.names("keys/")[KEYS // 2]

    def failing(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if is_form(operation, name) and name == missed:
            raise error(f"object {name}: not now")
        return call()

    with pytest.raises(error):
        run(host, failing)
    packs = host.ground.names("packs/")

    receipt = host.run(RUN)
    assert receipt.snapshot == f"{RUN.hex()}.0001"
    assert host.ground.names("packs/") == packs
    assert host.run().totals["stored"] == 0
    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_bit_that_turns_on_the_way_costs_nothing(host: Host) -> None:
    turned: set[str] = set()

    def turning(operation: str, name: str, call: Callable[[], Any]) -> Any:
        data = call()
        if not is_form(operation, name) or name in turned:
            return data
        turned.add(name)
        return bytes([data[0] ^ 1]) + data[1:]

    assert run(host, turning) == f"{RUN.hex()}.0001"
    assert len(turned) == KEYS


def test_form_of_a_version_that_this_host_does_not_know_does_not_count(host: Host) -> None:
    form = host.ground.root / "store" / host.ground.names("keys/")[0]
    form.chmod(0o600)
    form.write_bytes(form.read_bytes().replace(b'"v":1', b'"v":2'))

    with pytest.raises(PackMissingError, match="without a sound key"):
        host.run(RUN)
    assert host.ground.read_back(host.run(RUN).snapshot) == host.portrait()


def test_form_that_grew_beyond_measure_is_not_read(host: Host) -> None:
    large, read = host.ground.names("keys/")[0], set[str]()
    (host.ground.root / "store" / large).chmod(0o600)
    os.truncate(host.ground.root / "store" / large, confirm._MOST_BYTES + 1)

    def reading(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if is_form(operation, name):
            read.add(name)
        return call()

    with pytest.raises(PackMissingError, match="without a sound key"):
        run(host, reading)
    assert read
    assert large not in read


def test_cancel_ends_it_and_the_retry_commits(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirm, "_READERS", 1)
    read: list[str] = []

    def reading(operation: str, name: str, call: Callable[[], Any]) -> Any:
        if is_form(operation, name):
            read.append(name)
        return call()

    with pytest.raises(CancelledError):
        run(host, reading, cancelled=lambda: bool(read))

    assert len(read) <= 2 * confirm._READERS
    assert host.run(RUN).snapshot == f"{RUN.hex()}.0001"


def test_how_many_were_read_is_told_as_the_commit(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(underway, "_EVERY_KEYS", 2)
    told: list[tuple[int, int]] = []

    def progress(step: str, **counts: int) -> None:
        if step == "commit" and "keys" in counts:
            told.append((counts["keys"], counts["total_keys"]))

    host.run(progress=progress)

    assert told == [(2, KEYS), (4, KEYS)]
