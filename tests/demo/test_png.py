import struct
import zlib
from pathlib import Path

import pytest

from infra.png import SIGNATURE, Colour, Picture, read, write_small

WIDTH, HEIGHT = 5, 5
PIXELS: list[Colour] = [
    (row * 50, (column * 60) % 256, (row * column * 7) % 256) for row in range(5) for column in range(5)
]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def paeth(left: int, above: int, corner: int) -> int:
    estimate = left + above - corner
    distances = [
        (abs(estimate - left), 0, left),
        (abs(estimate - above), 1, above),
        (abs(estimate - corner), 2, corner),
    ]
    return min(distances)[2]


def filtered(rows: list[bytes], channels: int) -> bytes:
    """Each row with another of the five filters."""
    body = b""
    above = bytes(len(rows[0]))
    for method, row in enumerate(rows):
        line = bytearray([method])
        for place, value in enumerate(row):
            left = row[place - channels] if place >= channels else 0
            corner = above[place - channels] if place >= channels else 0
            predicted = [0, left, above[place], (left + above[place]) >> 1, paeth(left, above[place], corner)][method]
            line.append((value - predicted) % 256)
        body += line
        above = row
    return body


def encode(channels: int, *, depth: int = 8, interlaced: int = 0) -> bytes:
    flat = [bytes(colour) + b"\xff" * (channels - 3) for colour in PIXELS]
    rows = [b"".join(flat[start : start + WIDTH]) for start in range(0, WIDTH * HEIGHT, WIDTH)]
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, 2 if channels == 3 else 6, 0, 0, interlaced)
    data = zlib.compress(filtered(rows, channels))
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", data[:20]), chunk(b"IDAT", data[20:]), chunk(b"IEND", b"")]
    return SIGNATURE + b"".join(parts)


@pytest.mark.parametrize("channels", [3, 4])
def test_every_filter_is_undone(tmp_path: Path, channels: int) -> None:
    (tmp_path / "picture.png").write_bytes(encode(channels))

    assert read(tmp_path / "picture.png") == Picture(WIDTH, HEIGHT, PIXELS)


@pytest.mark.parametrize("data", [b"GIF89a", encode(3, depth=16), encode(4, interlaced=1)])
def test_what_is_no_plain_picture_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "picture.png").write_bytes(data)

    with pytest.raises(ValueError, match="picture"):
        read(tmp_path / "picture.png")


def test_small_picture_keeps_frequent_colours_and_takes_the_nearest_for_the_others(tmp_path: Path) -> None:
    frequent: list[Colour] = [(value, value, 0) for value in range(256)]
    picture = Picture(257, 2, [*frequent, *frequent, (0, 0, 9), (100, 101, 0)])

    write_small(picture, tmp_path / "small.png")

    data = (tmp_path / "small.png").read_bytes()
    start = data.index(b"PLTE") + 4
    palette = data[start : start + 768]
    body = zlib.decompress(data[data.index(b"IDAT") + 4 :])
    shown = [tuple(palette[3 * number : 3 * number + 3]) for number in body[1:258] + body[259:]]
    assert shown[:512] == [*frequent, *frequent]
    assert shown[512:] == [(0, 0, 0), (100, 100, 0)]
