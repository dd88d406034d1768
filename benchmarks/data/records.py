"""Log lines, JSON documents and prose: structure that repeats, values that do not."""

from functools import cache
from itertools import chain, cycle, islice

from benchmarks.data.chance import Chance, zipf_table
from benchmarks.data.words import common_words, vocabulary, words

_LINES = 2048  # lines of one block
_SECONDS = 86_400
_RECORD_ENDS = 64  # of 256 fields, those that end a record


@cache
def _clock() -> list[bytes]:
    """The seconds of a day, as logs write them."""
    return [b"2026-03-14T%02d:%02d:%02d." % (at // 3600, at // 60 % 60, at % 60) for at in range(_SECONDS)]


@cache
def _messages() -> list[bytes]:
    chance = Chance("log messages")
    levels = ["INFO ", "INFO ", "INFO ", "DEBUG", "WARN ", "ERROR"]
    made = []
    for _ in range(400):
        first, second, *rest = words(chance, 4 + chance.below(9))
        level = chance.choice(levels)
        made.append(f" {level} {first}-{second}[{chance.below(9000)}]: {' '.join(rest)} id=".encode())
    return zipf_table(made)


def _hex_words(chance: Chance, count: int, size: int) -> list[bytes]:
    digits = chance.bytes(count * size).hex().encode()
    return [digits[at : at + 2 * size] for at in range(0, len(digits), 2 * size)]


def log(chance: Chance, size: int) -> bytes:
    """`size` bytes of one service's log: time, level, unit, message, a request's id, an address, a duration."""
    parts: list[bytes] = []
    length, second = 0, chance.below(_SECONDS)
    clients = [b" from 10.%d.%d.%d" % tuple(chance.bytes(3)) for _ in range(256)]
    while length < size:
        draws = chance.bytes(_LINES)
        times = (_clock()[(second + at // 16) % _SECONDS] for at in range(_LINES))
        columns = (
            times,
            (b"%03d" % (draw * 4 % 1000) for draw in draws),
            map(_messages().__getitem__, chance.picks(_LINES)),
            _hex_words(chance, _LINES, 4),
            map(clients.__getitem__, chance.bytes(_LINES)),
            (b" took %d us\n" % pick for pick in chance.picks(_LINES)),
        )
        block = b"".join(chain.from_iterable(zip(*columns, strict=True)))
        parts.append(block)
        length += len(block)
        second += _LINES // 16
    return b"".join(parts)[:size]


def json_records(chance: Chance, size: int) -> bytes:
    """`size` bytes of a JSON document, cut or padded with blanks: records that share their keys."""
    names = [f'", "{first}_{second}": '.encode() for first, second in zip(*[iter(words(chance, 12))] * 2, strict=True)]
    table = common_words()
    parts = [b'[\n  {"id": "']
    length = len(parts[0])
    while length < size - 64:
        count = min(_LINES, (size - length) // 64 + 8)
        text = (
            f'"{table[one]} {table[two]}", "size": '.encode()
            for one, two in zip(chance.picks(count), chance.picks(count), strict=True)
        )
        numbers = (b'%d, "kind": "' % pick for pick in chance.picks(count))
        kinds = (vocabulary()[pick & 63].encode() for pick in chance.picks(count))
        ends = (b'"},\n  {"id": "' if draw < _RECORD_ENDS else b'", "ref": "' for draw in chance.bytes(count))
        columns = (_hex_words(chance, count, 3), islice(cycle(names), count), text, numbers, kinds, ends)
        block = b"".join(chain.from_iterable(zip(*columns, strict=True)))
        parts.append(block)
        length += len(block)
    return b"".join(parts)[: size - 4] + b'"}]\n'


def letter(chance: Chance, size: int) -> bytes:
    """`size` bytes of a mail: headers that all mails share, then prose."""
    sender, subject, *others = words(chance, 6)
    head = (
        f"Return-Path: <{sender}@{others[0]}.example>\nReceived: from relay.{others[0]}.example (10.20.30.40)\n"
        f"\tby mx.office.example with ESMTPS (TLS1.3:ECDHE_X25519:AES_256_GCM) id {chance.bytes(8).hex()}\n"
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8; format=flowed\nContent-Transfer-Encoding: 8bit\n"
        f"Message-ID: <{chance.bytes(12).hex()}@{others[0]}.example>\nFrom: {sender.title()} {others[1].title()}"
        f" <{sender}@{others[0]}.example>\nSubject: {subject.title()} {' '.join(others)}\n\n"
    )
    return (head.encode() + prose(chance, size))[:size]


def prose(chance: Chance, size: int) -> bytes:
    """At least `size` bytes of running text in lines of a dozen words."""
    table = common_words()
    count = size // 4 + 12
    drawn = [table[pick] for pick in chance.picks(count)]
    lines = (" ".join(drawn[at : at + 12]) for at in range(0, count, 12))
    return ".\n".join(lines).encode()
