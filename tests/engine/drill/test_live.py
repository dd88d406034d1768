import json
import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from proofkeep.drill import Answer, Draw, Plan, Spotted, questions_for, spot_check
from proofkeep.drill.live import judge
from proofkeep.errors import CancelledError, DrillFailedError
from proofkeep.model import Node, SourceDescription
from proofkeep.ports import Counts, Reader, Source
from proofkeep.sources.directory import DirectorySource
from tests.engine.drill.house import CANARY_NAME, ENTRY, House

PLAN = Plan("live", per_stratum=50)
SMALL = "folder/small-3"


def drawn(house: House) -> Draw:
    with house.steps(PLAN) as drill:
        return drill.draw()


def ask(house: House, draw: Draw, source: Source | None = None) -> Spotted:
    questions = questions_for(draw, house.repository.keys.entry_id(ENTRY).hex())
    told = spot_check(house.repository, house.live(source), questions, host="source-host", now_ns=0)
    return judge(draw, told)


def result_of(house: House, spotted: Spotted, name: str) -> str:
    identity = house.repository.keys.ids.path_id(name.encode()).hex()
    (answer,) = [each for each in spotted.answers if each.file == identity]
    return answer.result


class Rotten:
    """A source whose files read otherwise than they were written, while their stat fields stay the same."""

    def __init__(self, root: Path, victim: bytes) -> None:
        self._source = DirectorySource(root, label="rotten")
        self._victim = victim
        self.label = "rotten"

    @property
    def facts(self) -> SourceDescription:
        return self._source.facts

    def walk(self, *, reading: bool = False) -> Iterator[Node]:
        return self._source.walk(reading=reading)

    def count(self) -> Generator[Counts, None, None]:
        return self._source.count()

    def again(self, node: Node) -> Node | None:
        return self._source.again(node)

    def read_whole(self, node: Node, buffer: memoryview) -> bool:
        return node.path != self._victim and self._source.read_whole(node, buffer)

    def open(self, node: Node) -> Reader:
        reader = self._source.open(node)
        return RottenReader(reader) if node.path == self._victim else reader


class RottenReader:
    """Flips the first byte."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._flipped = False

    def readinto(self, buffer: memoryview) -> int:
        count = self._reader.readinto(buffer)
        if count and not self._flipped:
            buffer[0] ^= 1
            self._flipped = True
        return count

    def extents(self) -> Sequence[tuple[int, int]] | None:
        return self._reader.extents()

    def unchanged(self) -> bool:
        return self._reader.unchanged()

    def close(self) -> None:
        self._reader.close()


def test_unchanged_files_are_compared_and_equal(stored: House) -> None:
    spotted = ask(stored, drawn(stored))

    assert spotted.count("equal") == len(spotted.answers) == 17


def test_changed_file_is_not_compared(stored: House) -> None:
    draw = drawn(stored)
    (stored.source / SMALL).write_bytes(b"something else")

    spotted = ask(stored, draw)

    assert result_of(stored, spotted, SMALL) == "changed"
    assert spotted.count("equal") == 16


def test_file_whose_size_and_mtime_were_put_back_is_not_compared(stored: House) -> None:
    draw = drawn(stored)
    file = stored.source / SMALL
    before = file.stat()
    file.write_bytes(os.urandom(before.st_size))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    spotted = ask(stored, draw)

    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert result_of(stored, spotted, SMALL) == "changed"


def test_file_backed_up_anew_is_not_compared_with_an_older_snapshot(stored: House) -> None:
    draw = drawn(stored)
    (stored.source / SMALL).write_bytes(b"newer")
    stored.backup()

    spotted = ask(stored, draw)

    assert result_of(stored, spotted, SMALL) == "changed"


def test_newer_content_under_old_size_and_mtime_is_a_change_and_not_equal(stored: House) -> None:
    draw = drawn(stored)
    file = stored.source / SMALL
    before = file.stat()
    file.write_bytes(os.urandom(before.st_size))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    stored.backup()

    spotted = ask(stored, draw)

    assert result_of(stored, spotted, SMALL) == "changed"
    assert spotted.count("equal") == 16


def test_vanished_file_is_counted(stored: House) -> None:
    draw = drawn(stored)
    (stored.source / SMALL).unlink()

    spotted = ask(stored, draw)

    assert result_of(stored, spotted, SMALL) == "vanished"


def test_directory_in_a_files_place_is_a_change(stored: House) -> None:
    draw = drawn(stored)
    (stored.source / SMALL).unlink()
    (stored.source / SMALL).mkdir()

    spotted = ask(stored, draw)

    assert result_of(stored, spotted, SMALL) == "changed"


def test_file_that_the_catalog_does_not_know_is_not_compared(stored: House) -> None:
    draw = drawn(stored)
    stored.state.catalog_file.unlink()

    spotted = ask(stored, draw)

    assert spotted.count("unknown") == len(spotted.answers)


def test_rotten_file_differs(stored: House) -> None:
    draw = drawn(stored)

    spotted = ask(stored, draw, Rotten(stored.source, SMALL.encode()))

    assert result_of(stored, spotted, SMALL) == "differs"
    assert spotted.count("equal") == 16


def test_rotten_source_fails_the_drill(stored: House) -> None:
    with pytest.raises(DrillFailedError, match="live-source"):
        stored.drill(PLAN, live=[stored.live(Rotten(stored.source, b"sparse"))])

    (spot,) = stored.evidence("live")["live_source"]
    assert spot["counts"]["differs"] == 1


def test_source_that_is_away_fails_the_drill(stored: House) -> None:
    gone = DirectorySource(stored.root / "unmounted", label="gone")

    with pytest.raises(DrillFailedError):
        stored.drill(PLAN, live=[stored.live(gone)])

    document = stored.evidence("live")
    assert [each["step"] for each in document["steps_failed"]] == ["spot_check"]


def test_changed_source_is_no_failure_and_no_success(stored: House) -> None:
    for path in stored.source.rglob("*"):
        os.utime(path, ns=(0, 0))

    report = stored.drill(PLAN, live=[stored.live()])

    assert report.objectives["live-source"] == "not-tested"
    assert report.compared_live == 0


def test_neither_questions_nor_answers_tell_names_sizes_or_times(stored: House) -> None:
    draw = drawn(stored)
    file = (stored.source / "several-chunks").stat()

    told = json.dumps([asdict(each) for each in questions_for(draw, draw.sample[0].entry)])
    told += json.dumps(asdict(ask(stored, draw)))

    for secret in (CANARY_NAME, "several-chunks", str(file.st_size), str(file.st_mtime_ns)):
        assert secret not in told


def test_question_does_not_tell_the_digest_that_is_expected(stored: House) -> None:
    draw = drawn(stored)

    told = json.dumps([asdict(each) for each in questions_for(draw, draw.sample[0].entry)])

    assert not any(sampled.digest in told for sampled in draw.sample)


def test_host_that_does_not_answer_is_no_success(stored: House) -> None:
    draw = drawn(stored)
    entry = draw.sample[0].entry

    silent = judge(draw, Spotted("source-host", entry, "", []))
    lying = judge(
        draw,
        Spotted("source-host", entry, "", [Answer(each.file, each.stat, "equal") for each in draw.sample]),
    )

    assert silent.count("unanswered") == lying.count("unanswered") == 17


def test_content_where_a_hole_was_stored_differs(stored: House) -> None:
    draw = drawn(stored)
    identity = stored.repository.keys.ids.path_id(b"sparse").hex()
    (expected,) = [each for each in draw.sample if each.file == identity]
    told = Answer(identity, expected.stat, "read", expected.digest, "")

    judged = judge(draw, Spotted("source-host", expected.entry, "", [told]))

    assert judged.count("differs") == 1


def test_each_content_of_a_file_is_asked_for_once(stored: House) -> None:
    stored.backup()
    draw = drawn(stored)

    questions = questions_for(draw, draw.sample[0].entry)

    assert len(draw.sample) > len(questions) == 17
    assert questions_for(draw, "0" * 32) == []


def test_spot_check_ends_when_cancelled(stored: House) -> None:
    questions = questions_for(drawn(stored), stored.repository.keys.entry_id(ENTRY).hex())

    with pytest.raises(CancelledError):
        spot_check(stored.repository, stored.live(), questions, host="source-host", now_ns=0, cancelled=lambda: True)
