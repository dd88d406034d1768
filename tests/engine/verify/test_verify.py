import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proofkeep.errors import KeyMissingError
from proofkeep.format import ledger_entry
from proofkeep.ledger import Head, Heads
from proofkeep.verify import Freshness, VerificationReport, verify
from tests.building import Ground, Host, plant_some


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(Ground(tmp_path / "ground"))
    plant_some(made.source, files=12, size=6000)
    made.run()
    return made


def verified(host: Host, **how: object) -> VerificationReport:
    report, _ = verify(host.ground.connect(), **{"read": 1.0, **how})  # type: ignore[arg-type]
    return report


def heads(host: Host) -> Heads:
    return verify(host.ground.connect())[1]


def stored(host: Host, prefix: str) -> list[Path]:
    return [host.ground.root / "store" / name for name in host.ground.names(prefix)]


def codes(report: VerificationReport) -> set[tuple[str, str]]:
    return {(finding.code, finding.subject.partition("/")[0].split()[0]) for finding in report.findings}


def rewrite(file: Path, data: bytes) -> None:
    file.chmod(0o600)
    file.write_bytes(data)


@contextmanager
def rolled_back(host: Host, *places: str) -> Iterator[None]:
    """Put back what lay in these stores before, once the block has added something."""
    root = host.ground.root
    for place in places:
        shutil.copytree(root / place, root / f"older-{place}")
    (host.source / "more").write_bytes(os.urandom(5000))
    yield
    for place in places:
        for child in (root / place).iterdir():
            shutil.rmtree(child) if child.is_dir() else child.unlink()
        shutil.copytree(root / f"older-{place}", root / place, dirs_exist_ok=True)


def test_sound_repository_without_remembered_head_is_not_called_fresh(host: Host) -> None:
    report = verified(host)

    assert report.intact
    assert report.freshness is Freshness.NOT_PROVABLE
    assert report.verdict == "intact, freshness not provable"
    assert report.read == report.objects > 0


def test_sound_repository_with_remembered_head_is_intact(host: Host) -> None:
    assert verified(host, remembered=heads(host)).verdict == "intact"


def test_missing_pack_is_found_with_the_snapshot_it_costs(host: Host) -> None:
    stored(host, "packs/")[0].unlink()

    report = verified(host)

    assert codes(report) == {("object-missing", "packs"), ("pack-missing", "snapshot")}


def test_missing_pack_is_found_by_the_listing_alone(host: Host) -> None:
    stored(host, "packs/")[0].unlink()

    report = verified(host, read=0.0)

    assert codes(report) == {("object-missing", "packs"), ("pack-missing", "snapshot")}
    assert report.read == 0
    assert any("100 %" in line for line in report.not_tested)


def test_missing_data_key_is_found_with_the_snapshot_it_costs(host: Host) -> None:
    for form in stored(host, "keys/"):
        form.unlink()

    report = verified(host, read=0.0)

    assert codes(report) == {("object-missing", "keys"), ("key-missing", "snapshot")}
    assert len(report.affected) == 1
    assert "and of all index objects and data keys was not read back" in report.not_tested[0]
    with pytest.raises(KeyMissingError, match="has no wrapped form in the store any more"):
        host.ground.restored("latest")


def test_missing_data_key_is_found_with_what_other_entries_have_under_it(host: Host) -> None:
    other = Host(host.ground, "other", entry="second")
    shutil.copytree(host.source, other.source, dirs_exist_ok=True, symlinks=True)
    forms = stored(host, "keys/")
    other.run()
    for form in forms:
        form.unlink()

    repository = host.ground.connect()
    report, _ = verify(repository, names={repository.keys.entry_id(name): name for name in ("entry", "second")})

    assert sorted(report.affected) == ["entry", "second"]


def test_truncated_pack_is_found(host: Host) -> None:
    file = stored(host, "packs/")[0]
    rewrite(file, file.read_bytes()[:-1])

    assert codes(verified(host, read=0.0)) == {("truncated", "packs"), ("pack-missing", "snapshot")}


@pytest.mark.parametrize("place", [0, 200, -1])
def test_flipped_bit_is_found(host: Host, place: int) -> None:
    file = stored(host, "packs/")[0]
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    rewrite(file, bytes(data))

    assert codes(verified(host)) == {("integrity", "packs"), ("pack-missing", "snapshot")}


def test_swapped_packs_are_found(host: Host) -> None:
    first, second, *_ = stored(host, "packs/")
    contents = first.read_bytes(), second.read_bytes()
    rewrite(first, contents[1])
    rewrite(second, contents[0])

    report = verified(host)

    assert {finding.subject for finding in report.findings if finding.subject.startswith("packs/")} == {
        "/".join(file.parts[-4:]) for file in (first, second)
    }


@pytest.mark.parametrize("prefix", ["index/", "snapshots/", "keys/"])
def test_altered_small_object_is_found(host: Host, prefix: str) -> None:
    file = stored(host, prefix)[0]
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    rewrite(file, bytes(data))

    assert any(finding.subject.startswith(prefix) for finding in verified(host).findings)


def test_packs_rolled_back_below_the_ledger_are_found(host: Host) -> None:
    with rolled_back(host, "store"):
        host.run()

    assert ("object-missing", "packs") in codes(verified(host))


def test_ledger_rolled_back_below_the_snapshots_is_found_without_any_memory(host: Host) -> None:
    with rolled_back(host, "ledger"):
        host.run()

    assert ("rollback", "snapshot") in codes(verified(host))


def test_both_rolled_back_are_found_only_by_who_remembers(host: Host) -> None:
    with rolled_back(host, "store", "ledger"):
        host.run()
        remembered = heads(host)

    assert verified(host).verdict == "intact, freshness not provable"
    assert codes(verified(host, remembered=remembered)) == {("rollback", "ledger")}
    assert codes(verified(host, expect=remembered)) == {("rollback", "ledger")}


def test_head_that_never_was_is_not_found(host: Host) -> None:
    writer = host.state.writer()

    report = verified(host, expect={writer: Head(0, bytes(32))})

    assert codes(report) == {("rollback", "ledger")}
    assert report.freshness is Freshness.EXPECTED


def test_broken_chain_is_found(host: Host) -> None:
    entry = host.ground.root / "ledger" / host.ground.names("ledger/")[0]
    entry.unlink()

    assert ("ledger-mismatch", "ledger") in codes(verified(host))


def test_ledger_entry_under_another_key_is_found(host: Host) -> None:
    name = host.ground.names("ledger/")[0]
    file = host.ground.root / "ledger" / name
    repository = host.ground.connect()
    writer = host.state.writer()
    entry = ledger_entry.open_entry(repository.keys.current.ledger, repository.id, writer, 0, file.read_bytes())
    rewrite(file, ledger_entry.seal_entry(bytes(32), repository.id, entry))

    assert ("authentication", "ledger") in codes(verified(host))


def test_retired_pack_that_a_snapshot_needs_is_found(host: Host) -> None:
    host.ground.retire(host.ground.packs()[:1])

    assert codes(verified(host)) == {("pack-retired", "snapshot")}


def test_objects_that_no_ledger_names_are_counted_and_harmless(host: Host) -> None:
    pack = stored(host, "packs/")[0]
    shutil.copy(pack, pack.with_name("0000ffff"))

    report = verified(host)

    assert report.intact
    assert report.unvouched == 1


def test_sample_is_drawn_by_its_seed(host: Host) -> None:
    drawn = [verified(host, read=0.5, seed=bytes([seed])).read for seed in range(12)]

    assert len(set(drawn)) > 1
    assert drawn == [verified(host, read=0.5, seed=bytes([seed])).read for seed in range(12)]


def test_report_says_where_ledger_and_packs_share_a_disk(host: Host) -> None:
    assert verified(host).ledger_shares_neighbourhood


def test_host_secret_that_is_no_longer_kept_for_a_recipient_is_found(host: Host) -> None:
    stored(host, "secrets/")[0].unlink()

    report = verified(host)

    assert codes(report) == {("object-missing", "secrets")}


def test_kept_host_secret_that_is_damaged_is_found_by_a_listing_too(host: Host) -> None:
    (copy,) = stored(host, "secrets/")
    rewrite(copy, copy.read_bytes()[:-1])

    report = verified(host, read=0.0)

    assert codes(report) == {("malformed", "secrets")}


def test_damaged_copy_of_the_host_secret_is_no_finding_beside_a_sound_one(host: Host) -> None:
    (copy,) = stored(host, "secrets/")
    copy.with_suffix(".0002").write_bytes(b"anybody may put this")

    assert verified(host).intact


def test_verify_says_that_the_kept_host_secret_was_not_unwrapped(host: Host) -> None:
    assert any("enrol recover" in said for said in verified(host).not_tested)
