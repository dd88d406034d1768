"""A pack that rots in the spool before it is sent is never what arrives, and does not hold up its run for ever."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proofkeep.backup import Backup
from proofkeep.errors import DigestRefusedError, PackMissingError, ProofkeepError, TransferFailedError
from tests.building import Host, planted_host
from tests.decorating import WatchedStore


@pytest.fixture
def host(scratch: Path) -> Host:
    return planted_host(scratch)


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[500] ^= 1
    file.write_bytes(data)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def sealed(backup: Backup) -> list[Path]:
    """The spool's files behind the streaming stages."""
    backup.begin()
    backup.checksum(backup.encrypt(backup.compress(backup.snapshot())), lambda _: None)
    return [backup.spool.file(pack.id) for pack in backup.journal.packs()]


@pytest.mark.parametrize("harm", [flip, cut])
def test_its_chunks_are_sealed_anew_by_the_retry(host: Host, harm: Callable[[Path], None]) -> None:
    run = os.urandom(16)
    with host.backup(run) as backup:
        harm(sealed(backup)[0])
        with pytest.raises(PackMissingError, match="damaged in this host's spool"):
            backup.upload(backup.transfers()[0])

    receipt = host.run(run)

    assert host.ground.read_back(receipt.snapshot) == host.portrait()
    assert host.ground.findings() == []


@pytest.mark.parametrize("error", [DigestRefusedError, TransferFailedError])
def test_sound_pack_is_kept_when_the_way_to_the_store_is_bad(host: Host, error: type[ProofkeepError]) -> None:
    def refuse(operation: str, _: str, call: Callable[[], Any]) -> Any:
        if operation == "put":
            raise error("on the way")
        return call()

    run = os.urandom(16)
    repository = host.ground.connect(store=WatchedStore(host.ground.store, refuse))
    with host.backup(run, repository=repository) as backup:
        files = sealed(backup)
        with pytest.raises(error):
            backup.upload(backup.transfers()[0])
        assert all(file.exists() for file in files)
    assert host.run(run).snapshot.endswith(".0001")
