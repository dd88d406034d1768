"""What compresses little: machine code, office archives, media."""

import io
import zipfile
from functools import cache

from benchmarks.data.chance import Chance, zipf_table
from benchmarks.data.records import prose

_INSTRUCTIONS = 4000
_FLATNESS = 12
_WINDOW = 256  # sequences in use at a time
_BLOCK = 16 << 10  # bytes after which the window moves
_XML_SHARE = 12  # per cent of an office archive's bytes are deflated XML, the rest media


@cache
def _instructions() -> list[bytes]:
    chance = Chance("instructions")
    return zipf_table([chance.bytes(1 + chance.below(8)) for _ in range(_INSTRUCTIONS)], _FLATNESS)


def machine_code(chance: Chance, size: int) -> bytes:
    """`size` bytes of a made-up instruction set: short sequences, some far more frequent than others."""
    table = _instructions()
    parts: list[bytes] = []
    length = 0
    while length < size:
        window = [*map(table.__getitem__, chance.picks(_WINDOW))]
        block = b"".join(map(window.__getitem__, chance.bytes(min(_BLOCK, size - length) // 4 + 64)))
        parts.append(block)
        length += len(block)
    return b"".join(parts)[:size]


def media(chance: Chance, size: int) -> bytes:
    """`size` bytes that do not compress, as pictures, sound and archives are."""
    return chance.bytes(size)


def office_archive(chance: Chance, size: int) -> bytes:
    """`size` bytes of a zip archive as word processors write: deflated XML parts, then stored pictures.

    The XML goes through the machine's zlib: another zlib may write other bytes, of the same content.
    """
    xml = b"<w:p><w:r><w:t>" + prose(chance, size * _XML_SHARE // 100 * 3).replace(b".\n", b"</w:t></w:r></w:p>\n<w:p>")
    without_picture = len(_zip(xml, b""))
    return _zip(xml, media(chance, max(0, size - without_picture)))


def _zip(xml: bytes, picture: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content, method in (
            ("[Content_Types].xml", b'<?xml version="1.0"?><Types/>', zipfile.ZIP_DEFLATED),
            ("word/document.xml", xml, zipfile.ZIP_DEFLATED),
            ("word/media/image1.png", picture, zipfile.ZIP_STORED),
        ):
            archive.writestr(zipfile.ZipInfo(name, (2026, 3, 14, 12, 0, 0)), content, method, 1)
    return written.getvalue()
