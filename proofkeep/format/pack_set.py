"""Sets of packs as records and locks hold them: per data key a set of counters (format.md section 10)."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from proofkeep.errors import MalformedError
from proofkeep.format.names import PackId

Encoded = list[int] | bytes
Row = tuple[bytes, bytes, Encoded]
MAX_COUNTER = 1 << 32
ID_SIZE = 16


def encode_counters(counters: Iterable[int]) -> Encoded:
    """The smaller of alternating gaps and run lengths, or a bitmap. `counters` ascend without repetition."""
    runs = encode_runs(counters)
    size = -(-sum(runs) // 8)
    if size >= len(runs):
        return runs
    bitmap = bytearray(size)
    for counter in _from_runs(runs):
        bitmap[counter >> 3] |= 1 << (counter & 7)
    return bytes(bitmap)


def encode_runs(counters: Iterable[int]) -> list[int]:
    """Alternating gaps and run lengths from 0."""
    runs: list[int] = []
    position = -1
    for counter in counters:
        if counter == position:
            runs[-1] += 1
        else:
            runs.extend((counter - max(position, 0), 1))
        position = counter + 1
    return runs


def decode_counters(encoded: Encoded) -> Iterator[int]:
    """Ascending counters. Raises `MalformedError` when runs are not positive or leave 32 bits."""
    if isinstance(encoded, bytes):
        for place, byte in enumerate(encoded):
            for bit in range(8) if byte else ():
                if byte >> bit & 1:
                    yield place * 8 + bit
        return
    yield from _from_runs(encoded)


def _from_runs(runs: list[int]) -> Iterator[int]:
    if len(runs) % 2:
        raise MalformedError("pack set has a gap without a run")
    position = 0
    for place in range(0, len(runs), 2):
        gap, run = runs[place], runs[place + 1]
        if gap < 0 or run < 1 or (place and gap < 1) or position + gap + run > MAX_COUNTER:
            raise MalformedError("pack set has a run that is empty, touches the one before, or leaves 32 bits")
        position += gap
        yield from range(position, position + run)
        position += run


def encode_packs(packs: Iterable[PackId]) -> list[Row]:
    """Rows for packs that ascend in the order of their names."""
    return [
        (writer, data_key, encode_counters(pack.counter for pack in group))
        for (writer, data_key), group in groupby(packs, key=lambda pack: (pack.writer, pack.data_key))
    ]


def decode_packs(rows: Iterable[Row]) -> Iterator[PackId]:
    """Packs in the order of their names.

    Raises:
        MalformedError: ids of another length, rows out of order, or a malformed set.
    """
    for writer, data_key, encoded in _in_order(rows):
        for counter in decode_counters(encoded):
            yield PackId(writer, data_key, counter)


def _in_order(rows: Iterable[Row]) -> Iterator[Row]:
    before = (b"", b"")
    for row in rows:
        writer, data_key, _ = row
        if {len(writer), len(data_key)} != {ID_SIZE} or (writer, data_key) <= before:
            raise MalformedError("pack set has rows out of order")
        before = (writer, data_key)
        yield row


def packs_beyond(rows: Iterable[Row], others: Iterable[Row]) -> Iterator[PackId]:
    """Packs of one set that another lacks, in the order of names; what both hold alike is not taken apart.

    Raises:
        MalformedError: as `decode_packs`.
    """
    held = {(writer, data_key): encoded for writer, data_key, encoded in others}
    for writer, data_key, encoded in _in_order(rows):
        other = held.get((writer, data_key), [])
        if encoded != other:
            for counter in _lacking(decode_counters(encoded), decode_counters(other)):
                yield PackId(writer, data_key, counter)


def _lacking(counters: Iterator[int], others: Iterator[int]) -> Iterator[int]:
    other = next(others, None)
    for counter in counters:
        while other is not None and other < counter:
            other = next(others, None)
        if counter != other:
            yield counter


def holds_pack(rows: Sequence[Row], pack: PackId) -> bool:
    """Whether a set has this pack, found without taking the set apart; a malformed row holds nothing."""
    place = bisect_left(rows, (pack.writer, pack.data_key), key=itemgetter(0, 1))
    if place == len(rows) or rows[place][:2] != (pack.writer, pack.data_key):
        return False
    encoded = rows[place][2]
    if isinstance(encoded, bytes):
        return pack.counter >> 3 < len(encoded) and bool(encoded[pack.counter >> 3] >> (pack.counter & 7) & 1)
    end = 0
    for gap, run in zip(encoded[::2], encoded[1::2], strict=False):
        end += gap + run
        if pack.counter < end:
            return pack.counter >= end - run
    return False
