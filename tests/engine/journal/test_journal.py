"""The journal: what it keeps is the same when it is opened again, and its transfers close by rule."""

from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from proofkeep.errors import PipelineError, StateDamagedError
from proofkeep.format.header import ObjectType
from proofkeep.format.names import PackId
from proofkeep.journal import FileNote, Journal, Sent, Transfer, Verified
from proofkeep.model import TlsSession

WRITER, DATA_KEY = bytes(16), bytes([1]) * 16
ALL = 1 << 60


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run" / "journal.sqlite"


@pytest.fixture
def journal(file: Path) -> Iterator[Journal]:
    with closing(Journal(file)) as opened:
        yield opened


def add(
    journal: Journal, counter: int, size: int = 100, quarter: int = ALL, data_key: bytes = DATA_KEY
) -> Transfer | None:
    pack = PackId(WRITER, data_key, counter)
    digest = sha256(pack.name.encode()).digest()
    return journal.add_pack(pack, ObjectType.CONTENT_PACK, size, digest, bytes(128), b"table", quarter)


def test_facts_outlive_the_process(journal: Journal, file: Path) -> None:
    journal.set_fact("a", {"b": [1, None, "x"]})
    journal.set_fact("gone", 1)
    journal.set_fact("gone", None)

    with closing(Journal(file)) as again:
        assert (again.fact("a"), again.fact("gone")) == ({"b": [1, None, "x"]}, None)


def test_journal_is_private_and_fully_synchronised(journal: Journal, file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    assert journal._rows("PRAGMA synchronous") == [(2,)]


def test_failed_transaction_changes_nothing(journal: Journal) -> None:
    def fail() -> None:
        with journal.transaction():
            journal.set_fact("a", 1)
            add(journal, 0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert (journal.fact("a"), journal.size()) == (None, (0, 0))


def test_transfers_close_at_sizes_that_double_every_sixteen(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proofkeep.journal.database.FIRST_TRANSFER", 1000)
    counter = 0
    for number in range(48):
        due = 1000 * 2 ** (number // 16)
        for _ in range(due // 500 - 1):
            assert add(journal, counter, 500) is None
            counter += 1
        closed = add(journal, counter, 500)
        counter += 1

        assert closed is not None
        assert (closed.number, closed.bytes) == (number, due)


def test_no_transfer_waits_for_more_than_a_quarter_of_the_spool(journal: Journal) -> None:
    closed = [add(journal, counter, 300, quarter=1000) for counter in range(9)]

    assert [transfer.packs if transfer else 0 for transfer in closed] == [0, 0, 0, 4, 0, 0, 0, 4, 0]


def test_no_transfer_has_more_packs_than_its_limit(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proofkeep.journal.database.MOST_PACKS", 3)

    closed = [add(journal, counter) for counter in range(7)]

    assert [transfer.packs if transfer else 0 for transfer in closed] == [0, 0, 3, 0, 0, 3, 0]


def test_transfers_are_the_same_when_opened_again(journal: Journal, file: Path) -> None:
    for counter in range(9):
        add(journal, counter, 300, quarter=1000)
    last = journal.close_transfer()
    transfers = journal.transfers()

    with closing(Journal(file)) as again:
        assert again.close_transfer() is None
        assert again.transfers() == transfers
    assert transfers[-1] == last
    assert len({transfer.digest for transfer in transfers}) == 3


def test_digest_of_a_transfer_says_which_packs_it_holds(journal: Journal) -> None:
    add(journal, 0)
    add(journal, 1)
    transfer = journal.close_transfer()

    packs = journal.transfer_packs(0)
    expected = sha256(b"".join(pack.id.name.encode() + pack.sha256 for pack in packs)).hexdigest()
    assert transfer == Transfer(0, expected, 2, 200)


def test_what_became_of_a_pack_is_kept(journal: Journal, file: Path) -> None:
    add(journal, 0)
    sent = Sent(5, 2, "version", TlsSession("TLSv1.3", "cipher", "peer"))
    verified = Verified(6, "store")

    journal.add_pack_failure(1)
    journal.set_pack_sent(1, sent)
    journal.set_pack_verified(1, verified)

    with closing(Journal(file)) as again:
        (pack,) = again.packs()
    assert (pack.failures, pack.sent, pack.verified, pack.indexed) == (1, sent, verified, False)


def test_bytes_kept_first_are_the_bytes_of_every_retry(journal: Journal) -> None:
    first = journal.keep_object("index/a", "index", 1, b"first")

    again = journal.keep_object("index/a", "index", 1, b"other")

    assert first.body == again.body == b"first"


def test_objects_named_anew_on_the_way_come_once_and_in_order(journal: Journal) -> None:
    for number in (5, 6):
        journal.keep_object(f"index/{number}", "index", 1, b"%d" % number)
    seen = []

    for item in journal.objects("kind='index' OR kind='none'"):
        seen.append(item.body)
        if item.name == "index/5":
            journal.replace_objects([("index/5", "index/9", b"new")])

    assert seen == [b"5", b"6"]


def test_objects_take_the_names_of_those_before_them(journal: Journal) -> None:
    for number in (5, 6, 7):
        journal.keep_object(f"ledger/{number}", "ledger", 1, b"%d" % number)

    journal.replace_objects([(f"ledger/{number}", f"ledger/{number + 1}", b"new %d" % number) for number in (5, 6, 7)])

    assert [(item.name, item.body) for item in journal.objects()] == [
        ("ledger/6", b"new 5"),
        ("ledger/7", b"new 6"),
        ("ledger/8", b"new 7"),
    ]


def test_new_generation_forgets_end_commit_file_states_and_lost_packs_together(journal: Journal) -> None:
    add(journal, 0)
    add(journal, 1)
    journal.set_fact("end", {"totals": {}})
    journal.set_fact("committed", {"complete": False})
    journal.noted.begin()
    journal.noted.add(FileNote(bytes(16), bytes(16), bytes(32), ()))
    journal.noted.finish()

    journal.reopen_without([PackId(WRITER, DATA_KEY, 0)], "gone")

    assert (journal.generation, journal.end, journal.fact("committed"), list(journal.noted.read())) == (
        2,
        None,
        None,
        [],
    )
    assert [pack.id.counter for pack in journal.packs()] == [1]


@pytest.mark.parametrize("content", [b"no database" * 1000, b"SQLite format 3\0" + bytes(5000)])
def test_damaged_journal_is_said_and_not_made_anew(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)

    with pytest.raises(StateDamagedError, match="journal is damaged"):
        Journal(file)

    assert file.read_bytes() == content


def test_change_that_fails_half_way_leaves_the_database_usable(journal: Journal) -> None:
    add(journal, 0)

    with pytest.raises(PipelineError, match="journal cannot be used"):
        add(journal, 0)

    add(journal, 1)
    assert [pack.id.counter for pack in journal.packs()] == [0, 1]


@pytest.mark.parametrize("page", [1, 2, 3, 7, 100])
def test_packs_come_page_by_page_all_of_them_in_order(
    journal: Journal, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proofkeep.journal.database._PAGE", page)
    for counter, data_key in [(2, DATA_KEY), (0, WRITER), (1, DATA_KEY), (1, WRITER)]:
        add(journal, counter, data_key=data_key)
    journal.close_transfer()
    journal.set_packs_indexed()
    for counter, data_key in [(9, DATA_KEY), (4, WRITER), (3, DATA_KEY)]:
        add(journal, counter, data_key=data_key)
    journal.close_transfer()
    add(journal, 0)

    in_order = [(pack.id.data_key, pack.id.counter) for pack in journal.packs()]
    as_sealed = [(pack.id.data_key, pack.id.counter) for pack in journal.sealed_packs()]
    left = [(pack.transfer, pack.id.data_key, pack.id.counter) for pack in journal.unindexed_packs()]

    assert in_order == [(WRITER, each) for each in (0, 1, 4)] + [(DATA_KEY, each) for each in (0, 1, 2, 3, 9)]
    sealed = [(DATA_KEY, 2), (WRITER, 0), (DATA_KEY, 1), (WRITER, 1), (DATA_KEY, 9), (WRITER, 4), (DATA_KEY, 3)]
    assert as_sealed == [*sealed, (DATA_KEY, 0)]
    assert left == [(1, WRITER, 4), (1, DATA_KEY, 9), (1, DATA_KEY, 3), (2, DATA_KEY, 0)]
    assert journal.size() == (8, 800)


def test_journal_of_an_older_version_is_opened(file: Path) -> None:
    with closing(Journal(file)) as journal:
        add(journal, 0)
        journal._change("DROP INDEX packs_by_transfer")

    with closing(Journal(file)) as again:
        add(again, 1)
        assert [pack.id.counter for pack in again.unindexed_packs()] == [0, 1]


def test_size_of_a_transfer_is_told_without_reading_every_pack(journal: Journal) -> None:
    plan = journal._rows("EXPLAIN QUERY PLAN SELECT sum(size) FROM packs WHERE transfer=?", (0,))

    assert "COVERING INDEX packs_by_transfer" in plan[0][-1]
