"""What is told of a data key that is wrapped for two recipients, once something is wrong with a form of it."""

import time
from contextlib import closing
from pathlib import Path

import pytest

from proofkeep.catalog import Catalog, refresh
from proofkeep.format.names import recipient_id
from proofkeep.restore import RestoreReport, restore
from proofkeep.snapshots import ChunkStore, DataKeys, find_snapshot
from proofkeep.targets.directory import DirectoryTarget
from proofkeep.verify import verify
from tests.building import content, plant
from tests.engine.drill.house import House, flip_byte
from tests.engine.repository.places import Site, unwrapping, wrapping


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A repository for two recipients with one snapshot; the restore role has the first one's key."""
    site = Site(tmp_path)
    repository = site.create(now_ns=time.time_ns())
    house = House(tmp_path, tmp_path, repository, [unwrapping(site.keys[0])], [wrapping(key) for key in site.keys])
    plant(house.source, {"file": content(1, 5000)})
    house.backup()
    return house


def form_for(house: House, recipient: str) -> Path:
    (form,) = (house.root / "store/keys").rglob(f"{recipient_id(recipient).hex()}.*")
    return form


def restored(house: House) -> RestoreReport:
    with closing(Catalog(house.root / "catalog")) as catalog:
        refresh(house.repository, catalog, {})
        keys = DataKeys(house.repository, house.providers)
        chunks = ChunkStore(house.repository, catalog, keys)
        snapshot = find_snapshot(house.repository, "latest")
        return restore(house.repository, chunks, keys, snapshot, DirectoryTarget(house.root / "restored"))


@pytest.mark.parametrize("code", ["object-missing", "integrity"])
def test_harmed_form_beside_a_sound_one_is_told_with_its_recipient_and_costs_no_snapshot(
    house: House, code: str
) -> None:
    other = house.backup_providers[1].recipient
    form = form_for(house, other)
    if code == "integrity":
        flip_byte(form, -1)
    else:
        form.unlink()

    report, _ = verify(house.repository, read=1.0)

    (finding,) = report.findings
    assert (finding.code, finding.subject) == (code, str(form.relative_to(house.root / "store")))
    assert f"; it wraps a data key for {other}, and what lies under that key opens with its other" in finding.detail
    assert report.affected == []
    assert restored(house).intact


def test_data_key_of_which_every_form_is_gone_costs_its_snapshot(house: House) -> None:
    for provider in house.backup_providers:
        form_for(house, provider.recipient).unlink()

    report, _ = verify(house.repository)

    *forms, of_snapshot = report.findings
    assert [(each.code, each.detail) for each in forms] == [("object-missing", "it is not in the store")] * 2
    assert of_snapshot.code == "key-missing"
    assert of_snapshot.detail.startswith("every wrapped form of one of its data keys, entry ")
    assert len(report.affected) == 1
