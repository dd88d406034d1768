"""Seeded bytes at memory speed: the AES-256-CTR key stream under a label's SHA-256. No secret depends on it."""

import hashlib
import sys
from array import array
from collections.abc import Sequence
from typing import TypeVar

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR

Item = TypeVar("Item")

TABLE_SIZE = 1 << 16  # entries of a table that `picks` indexes


class Chance:
    """Draws that depend on the label alone, in the order in which they are made."""

    def __init__(self, *label: object) -> None:
        key = hashlib.sha256("/".join(str(part) for part in label).encode()).digest()
        self._stream = Cipher(AES256(key), CTR(bytes(16))).encryptor()

    def bytes(self, count: int) -> bytes:
        """Incompressible bytes."""
        return self._stream.update(bytes(count))

    def picks(self, count: int) -> Sequence[int]:
        """Indexes into a table of `TABLE_SIZE` entries."""
        drawn = array("H", self.bytes(2 * count))
        if sys.byteorder == "big":
            drawn.byteswap()
        return drawn

    def below(self, bound: int) -> int:
        """An integer of 0 up to `bound`, itself left out; biased by less than one part in 2**32 for our bounds."""
        return int.from_bytes(self.bytes(8), "little") % bound

    def choice(self, items: Sequence[Item]) -> Item:
        """One of `items`."""
        return items[self.below(len(items))]

    def octave_size(self, lowest: int, highest: int) -> int:
        """A size whose octave, from 2**lowest up to 2**highest, is equally likely; made of integers only."""
        octave = 1 << lowest + self.below(highest - lowest)
        return octave + self.below(octave)


def zipf_table(items: Sequence[Item], flatness: int = 3) -> list[Item]:
    """`TABLE_SIZE` entries in which the item of rank r comes in proportion to 1/(r + flatness), at least once."""
    weights = [(1 << 32) // (rank + flatness) for rank in range(len(items))]
    spare = TABLE_SIZE - len(items)
    total = sum(weights)
    table: list[Item] = []
    for item, weight in zip(items, weights, strict=True):
        table.extend([item] * (1 + spare * weight // total))
    table.extend(items[: TABLE_SIZE - len(table)])
    return table
