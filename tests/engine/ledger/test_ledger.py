"""Chains of several writers, read link by link, and heads that are remembered."""

from pathlib import Path

import pytest

from proofkeep.errors import (
    AuthenticationError,
    LedgerMismatchError,
    MalformedError,
    RollbackError,
    StateError,
    UnsupportedVersionError,
    UsageError,
)
from proofkeep.format import names
from proofkeep.format.ledger_entry import LedgerEntry, StoredObject, seal_entry
from proofkeep.format.names import PackId
from proofkeep.journal import MOST_PACKS
from proofkeep.ledger import (
    START,
    Head,
    entries_at,
    follow_chain,
    load_heads,
    parse_heads,
    read_chain,
    require_heads,
    save_heads,
    spell_head,
    writers,
)
from proofkeep.model import TlsSession
from proofkeep.repository import Repository
from tests.building import Host, plant, planted_host, put


@pytest.fixture
def host(scratch: Path) -> Host:
    """A host with two snapshots in its chain."""
    host = planted_host(scratch)
    host.run()
    host.run()
    return host


@pytest.fixture
def repository(host: Host) -> Repository:
    return host.ground.connect()


def entry_file(host: Host, sequence: int) -> Path:
    return host.ground.root / "ledger" / names.ledger(host.state.writer(), sequence)


def chain(repository: Repository, host: Host, after: Head = START) -> list[Head]:
    return [head for _, head in read_chain(repository, host.state.writer(), after)]


def test_chain_is_read_from_its_beginning_or_behind_a_head(host: Host, repository: Repository) -> None:
    whole = chain(repository, host)

    assert [head.sequence for head in whole] == list(range(len(whole)))
    assert chain(repository, host, whole[1]) == whole[2:]
    assert chain(repository, host, whole[-1]) == []


def test_every_writer_is_found(host: Host, repository: Repository) -> None:
    others = [Host(host.ground, f"other{number}") for number in range(3)]
    for other in others:
        plant(other.source, {"a": b"a"})
        other.run()

    assert list(writers(repository)) == sorted(one.state.writer() for one in [host, *others])


def test_writers_of_an_empty_ledger_are_none(scratch: Path) -> None:
    assert list(writers(planted_host(scratch).ground.connect())) == []


def test_entry_missing_in_the_middle_is_a_gap(host: Host, repository: Repository) -> None:
    entry_file(host, 1).unlink()

    with pytest.raises(LedgerMismatchError, match="lacks entry 1"):
        chain(repository, host)


def test_altered_entry_is_refused(host: Host, repository: Repository) -> None:
    file = entry_file(host, 1)
    file.write_bytes(file.read_bytes().replace(b'"host":"host"', b'"host":"hose"'))

    with pytest.raises(AuthenticationError):
        chain(repository, host)


def test_entry_of_another_place_is_refused(host: Host, repository: Repository) -> None:
    entry_file(host, 2).write_bytes(entry_file(host, 1).read_bytes())

    with pytest.raises(AuthenticationError, match="another place"):
        chain(repository, host)


def test_entry_of_a_chain_that_was_cut_and_grown_anew_does_not_follow(host: Host, repository: Repository) -> None:
    kept = entry_file(host, 3).read_bytes()
    for sequence in range(2, len(chain(repository, host))):
        entry_file(host, sequence).unlink()
    fresh = Host(host.ground, "fresh")
    (fresh.state.path / "writer").write_text(host.state.writer().hex())
    plant(fresh.source, {"a": b"a"})
    fresh.run()
    entry_file(host, 3).write_bytes(kept)

    with pytest.raises(LedgerMismatchError, match="does not follow"):
        chain(repository, host)


@pytest.mark.parametrize("body, error", [(b"{}", MalformedError), (b'{"v":2}', UnsupportedVersionError)])
def test_object_that_is_no_entry_is_refused(
    host: Host, repository: Repository, body: bytes, error: type[Exception]
) -> None:
    put(host.ground.ledger, names.ledger(host.state.writer(), len(chain(repository, host))), body)

    with pytest.raises(error):
        chain(repository, host)


def test_chain_is_followed_behind_its_faults(host: Host, repository: Repository) -> None:
    entry_file(host, 1).unlink()
    entry_file(host, 3).write_bytes(b"{}")

    links = list(follow_chain(repository, host.state.writer()))

    seen = [(link.head.sequence, link.entry is not None, link.fault and link.fault.code) for link in links]
    assert seen[:4] == [
        (0, True, None),
        (2, True, LedgerMismatchError.code),
        (3, False, MalformedError.code),
        (4, True, None),
    ]


def test_remembered_head_must_be_in_its_chain(host: Host, repository: Repository) -> None:
    heads = {host.state.writer(): chain(repository, host)[-1]}
    require_heads(repository, heads)
    entry_file(host, heads[host.state.writer()].sequence).unlink()

    with pytest.raises(RollbackError, match="ends before"):
        require_heads(repository, heads)


def test_other_entry_at_a_remembered_head_is_a_rollback(host: Host, repository: Repository) -> None:
    with pytest.raises(RollbackError, match="not the one seen"):
        require_heads(repository, {host.state.writer(): Head(1, bytes(32))})


def test_entry_of_a_head_is_the_one_of_its_place(host: Host, repository: Repository) -> None:
    heads = {host.state.writer(): chain(repository, host)[-1]}
    before = host.ground.now()

    (newest,) = entries_at(repository, heads)

    assert {newest.writer: newest.sequence} == {writer: head.sequence for writer, head in heads.items()}
    assert newest.at_ns < before
    assert entries_at(repository, {}) == []


def test_heads_never_go_back(tmp_path: Path) -> None:
    file, one, two = tmp_path / "heads.json", b"1" * 16, b"2" * 16
    save_heads(file, {one: Head(5, b"5" * 32), two: Head(1, b"1" * 32)})

    save_heads(file, {one: Head(4, b"4" * 32), two: Head(2, b"2" * 32)})

    assert load_heads(file) == {one: Head(5, b"5" * 32), two: Head(2, b"2" * 32)}
    assert file.stat().st_mode & 0o777 == 0o600


def test_host_that_remembers_nothing_has_no_heads(tmp_path: Path) -> None:
    assert load_heads(tmp_path / "heads.json") == {}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"zz": [1, "00"]}', '{"00": 1}', '{"00": [1]}'])
def test_malformed_heads_are_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "heads.json").write_text(text)

    with pytest.raises(StateError):
        load_heads(tmp_path / "heads.json")


def test_other_writers_heads_are_in_each_entry(host: Host) -> None:
    other = Host(host.ground, "other")
    plant(other.source, {"a": b"a"})
    other.run()

    chains = host.ground.second_reader().chains
    seen = chains[other.state.writer()][-1][1]["heads"]

    newest = chains[host.state.writer()]
    assert seen == {host.state.writer().hex(): {"sequence": len(newest) - 1, "sha256": newest[-1][0]}}


WRITERS = (bytes(16), bytes(range(16)))


def test_spelled_heads_are_parsed_back() -> None:
    heads = {writer: Head(number, bytes([number]) * 32) for number, writer in enumerate(WRITERS)}

    assert parse_heads(spell_head(writer, head) for writer, head in heads.items()) == heads


@pytest.mark.parametrize(
    "spelled",
    [
        "",
        "abc",
        f"{'0' * 32}:-1:{'0' * 64}",
        f"{'0' * 31}:1:{'0' * 64}",
        f"{'0' * 32}:1:{'0' * 63}",
        f"{'G' * 32}:1:{'0' * 64}",
    ],
)
def test_what_is_no_head_is_refused_by_its_place(spelled: str) -> None:
    with pytest.raises(UsageError, match="expected head 2 is not WRITER:SEQ:SHA256"):
        parse_heads([spell_head(WRITERS[0], Head(0, bytes(32))), spelled])


def test_second_head_of_a_writer_is_refused_since_only_one_would_be_compared() -> None:
    heads = [spell_head(WRITERS[1], Head(sequence, bytes(32))) for sequence in (1, 2)]

    with pytest.raises(UsageError, match=f"writer {WRITERS[1].hex()} has more than one expected head"):
        parse_heads(heads)


def test_entry_has_room_for_a_whole_transfer_and_is_not_sealed_beyond_what_readers_take() -> None:
    tls = TlsSession("TLSv1.3", "TLS_AES_256_GCM_SHA384", "0" * 64)
    name = PackId(bytes(16), bytes(16), (1 << 32) - 1).name
    longest_version = "v" * 1024
    stored = StoredObject(name, "pack", 64 << 20, bytes(32), longest_version, 10**18, 10**18, "read-back", 99, tls)

    def sealed(objects: int) -> bytes:
        entry = LedgerEntry(bytes(16), 0, 1, 10**18, "transfer", bytes(32), (stored,) * objects, {})
        return seal_entry(bytes(32), bytes(16), entry)

    assert sealed(MOST_PACKS)
    with pytest.raises(MalformedError, match="larger than readers take"):
        sealed(2 * MOST_PACKS)
