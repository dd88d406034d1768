"""The spot-check, run on the source's host: are the drawn files there still what the backup says they were?

Keyed ids come in, keyed digests go out; no name, size or time leaves the host. The drill compares.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, replace

from proofkeep import events
from proofkeep.backup.entries import stat_mark
from proofkeep.catalog import Catalog, FileState
from proofkeep.drill.digests import Digester, Piece, data_places, fit
from proofkeep.drill.plan import Live
from proofkeep.drill.population import stat_fingerprint
from proofkeep.drill.receipts import Answer, Draw, Question, Spotted
from proofkeep.errors import CancelledError, IntegrityError, SourceChangedError, SourceError
from proofkeep.format import instants
from proofkeep.model import Kind, Node
from proofkeep.ports import Cancelled, Progress, Reader
from proofkeep.progress import silent
from proofkeep.repository import Repository

TOLD = ("read", "changed", "vanished", "unreadable", "unknown")
RESULTS = ("equal", "differs", *TOLD[1:], "unanswered")
_PART = 1 << 20


def questions_for(draw: Draw, entry: str) -> list[Question]:
    """What to ask the host of an entry (keyed id); a file drawn from two snapshots unchanged is asked for once."""
    asked = {(sampled.file, sampled.stat) for sampled in draw.sample if sampled.entry == entry}
    return [Question(file, stat) for file, stat in sorted(asked)]


def judge(draw: Draw, told: Spotted) -> Spotted:
    """Hold what a host told against what the draw expects; every question gets its answer, asked or not."""
    expected: dict[Question, set[str]] = defaultdict(set)
    for sampled in draw.sample:
        if sampled.entry == told.entry:
            expected[Question(sampled.file, sampled.stat)].add(sampled.digest)
    answers = {Question(answer.file, answer.stat): answer for answer in told.answers}
    return replace(
        told,
        answers=[
            _judge(question, answers.get(question), expected[question]) for question in sorted(expected, key=astuple)
        ],
    )


def _judge(question: Question, answer: Answer | None, expected: set[str]) -> Answer:
    if answer is None or answer.result not in TOLD:
        return Answer(question.file, question.stat, "unanswered")
    if answer.result != "read":
        return answer
    if answer.stored not in expected:
        return replace(answer, result="changed")
    return replace(answer, result="equal" if answer.actual == answer.stored else "differs")


def spot_check(
    repository: Repository,
    live: Live,
    questions: Sequence[Question],
    *,
    host: str,
    now_ns: int,
    cancelled: Cancelled = lambda: False,
    progress: Progress = silent,
) -> Spotted:
    """Read the live source's files anew, wherever size, mtime and ctime say that they have not changed.

    Size and mtime are held against the drawn snapshot's, ctime, inode and mode against this host's catalog. A file
    that the catalog does not know in this state is not read.

    Raises:
        SourceUnavailableError: the source cannot be listed.
        CancelledError.
    """
    catalog = Catalog(live.state.catalog_file)
    try:
        check = _Check(repository, live, catalog, cancelled, progress)
        answers = check.run(questions)
    finally:
        catalog.close()
    spotted = Spotted(host, repository.keys.entry_id(live.entry).hex(), instants.to_text(now_ns), answers)
    events.emit("drill-spot-check", asked=len(answers), read=spotted.count("read"), changed=spotted.count("changed"))
    return spotted


class _Check:
    """One walk over a live source."""

    def __init__(
        self, repository: Repository, live: Live, catalog: Catalog, cancelled: Cancelled, progress: Progress
    ) -> None:
        self._ids = repository.keys.ids
        self._entry = repository.keys.entry_id(live.entry)
        self._source = live.source
        self._catalog = catalog
        self._digester = Digester(repository)
        self._cancelled = cancelled
        self._progress = progress
        self._first_names: dict[tuple[int, int], Node] = {}

    def run(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer a question, in their order."""
        asked: dict[str, list[Question]] = {}
        for question in questions:
            asked.setdefault(question.file, []).append(question)
        answers: dict[Question, Answer] = {}
        for node in self._source.walk():
            if len(answers) == len(questions):
                break
            if self._cancelled():
                raise CancelledError("drill was cancelled during its spot-check")
            first = node if node.hardlink is None else self._first_names.setdefault(node.hardlink, node)
            for question in asked.get(self._ids.path_id(node.path).hex(), ()):
                answers[question] = self._answer(question, node, first)
                self._progress("spot-check", files=len(answers))
        return [answers.get(question, Answer(question.file, question.stat, "vanished")) for question in questions]

    def _answer(self, question: Question, node: Node, first: Node) -> Answer:
        """What can be said of a file; `first` is the first name of the same file, under which the catalog has it."""
        told = Answer(question.file, question.stat, "unreadable")
        if node.unread:
            return told
        if node.kind is not Kind.FILE or self._stat(node) != question.stat:
            return replace(told, result="changed")
        path_id = self._ids.path_id(first.path)
        state = self._catalog.file_states(self._entry, [path_id]).get(path_id)
        if state is None:
            return replace(told, result="unknown")
        if state.fingerprint != stat_mark(self._ids, first):
            return replace(told, result="changed")
        result, actual = self._read(node, state)
        stored = self._ids.file_digest(node.size, state.extents, state.chunks).hex()
        return replace(told, result=result, stored=stored, actual=actual)

    def _stat(self, node: Node) -> str:
        return stat_fingerprint(self._ids, node.path, node.size, node.mtime_ns)

    def _read(self, node: Node, state: FileState) -> tuple[str, str]:
        """How reading went, and the live file's keyed digest; none for content where a hole was stored."""
        places = data_places(node.size, state.extents, state.chunks)
        try:
            reader = self._source.open(node)
            try:
                pieces = fit(_pieces(reader, node.size), places)
                actual = self._digester.digest(node.size, state.extents, pieces).hex()
                return ("read", actual) if reader.unchanged() else ("changed", "")
            finally:
                reader.close()
        except SourceChangedError:
            return "changed", ""
        except SourceError:
            return "unreadable", ""
        except IntegrityError:
            return "read", ""


def _pieces(reader: Reader, size: int) -> Iterator[Piece]:
    """What an open file holds, each piece at its offset."""
    extents = reader.extents()
    buffer = memoryview(bytearray(_PART))
    for offset, length in [(0, size)] if extents is None else extents:
        yield from _extent(reader, buffer, offset, length)


def _extent(reader: Reader, buffer: memoryview, offset: int, length: int) -> Iterable[Piece]:
    end = offset + length
    while offset < end:
        count = reader.readinto(buffer[: min(_PART, end - offset)])
        if not count:
            return
        yield offset, buffer[:count]
        offset += count
