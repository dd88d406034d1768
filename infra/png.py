"""PNG pictures of 8 bits a channel, read and written without a library (PNG specification, third edition).

Just enough to look at a screenshot's colours and to write it small: with a palette of at most 256.
"""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SIGNATURE = b"\x89PNG\r\n\x1a\n"
RGB, PALETTE, RGBA = 2, 3, 6
CHANNELS = {RGB: 3, RGBA: 4}
MOST_COLOURS = 256

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Picture:
    """`pixels` holds `width * height` colours, row by row from the top; transparency is dropped."""

    width: int
    height: int
    pixels: list[Colour]


def read(path: Path) -> Picture:
    """Read an RGB or RGBA picture that is not interlaced.

    Raises:
        ValueError: it is something else.
    """
    data = path.read_bytes()
    if not data.startswith(SIGNATURE):
        raise ValueError(f"{path} is no png")
    body = b""
    width = height = channels = 0
    for kind, chunk in _chunks(data):
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunk)
            if depth != 8 or colour not in CHANNELS or interlaced:  # noqa: PLR2004 - bits a channel
                raise ValueError(f"{path} is not a plain rgb or rgba picture")
            channels = CHANNELS[colour]
        elif kind == b"IDAT":
            body += chunk
    return Picture(width, height, list(_pixels(zlib.decompress(body), width, height, channels)))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(SIGNATURE)
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        place += length + 12


def _pixels(raw: bytes, width: int, height: int, channels: int) -> Iterator[Colour]:
    stride = width * channels
    above = bytearray(stride)
    for row in range(height):
        start = row * (stride + 1)
        line = bytearray(raw[start + 1 : start + 1 + stride])
        _unfilter(raw[start], line, above, channels)
        for place in range(0, stride, channels):
            yield line[place], line[place + 1], line[place + 2]
        above = line


def _unfilter(method: int, line: bytearray, above: bytearray, channels: int) -> None:
    """Undo one row's filter in place: none, sub, up, average, Paeth."""
    for place in range(len(line)):
        left = line[place - channels] if place >= channels else 0
        corner = above[place - channels] if place >= channels else 0
        predicted = (0, left, above[place], (left + above[place]) // 2, 0)[method]
        if method == 4:  # noqa: PLR2004 - Paeth
            predicted = _paeth(left, above[place], corner)
        line[place] = (line[place] + predicted) & 0xFF


def _paeth(left: int, above: int, corner: int) -> int:
    estimate = left + above - corner
    return min((left, above, corner), key=lambda value: abs(estimate - value))


def write_small(picture: Picture, path: Path) -> None:
    """Write with a palette of the most frequent colours; the others become the nearest of these."""
    palette = [colour for colour, _ in Counter(picture.pixels).most_common(MOST_COLOURS)]
    number = {colour: index for index, colour in enumerate(palette)}
    for colour in set(picture.pixels) - number.keys():
        number[colour] = min(range(len(palette)), key=lambda index: _distance(colour, palette[index]))
    width = picture.width
    rows = (picture.pixels[row * width : (row + 1) * width] for row in range(picture.height))
    body = b"".join(b"\0" + bytes([number[colour] for colour in row]) for row in rows)
    header = struct.pack(">IIBBBBB", width, picture.height, 8, PALETTE, 0, 0, 0)
    plte = b"".join(bytes(colour) for colour in palette)
    chunks = ((b"IHDR", header), (b"PLTE", plte), (b"IDAT", zlib.compress(body, 9)), (b"IEND", b""))
    path.write_bytes(SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks))


def _distance(one: Colour, other: Colour) -> int:
    return sum((first - second) ** 2 for first, second in zip(one, other, strict=True))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
