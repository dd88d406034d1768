"""Data set C: one file like a virtual machine's disk, and the same file after a day's work."""

import os
from pathlib import Path

from benchmarks.data.binary import machine_code, media
from benchmarks.data.chance import Chance
from benchmarks.data.code import Project
from benchmarks.data.records import json_records, log
from benchmarks.data.writing import MODIFIED_NS, in_parallel, write_file

BLOCK = 64 << 10  # unit of change
CHANGED_SHARE = 100  # one block in so many is changed in place
_REGION = 32 << 20
_CLUSTER = 4 << 10  # extents begin and end at clusters
_COPY = 16 << 20


def make_image(root: Path, size: int) -> None:
    """Write `disk.img` of `size` bytes, rounded to whole blocks, and a small description beside it."""
    root.mkdir(parents=True)
    size = max(BLOCK, size // BLOCK * BLOCK)
    write_file(root / "machine.json", json_records(Chance("C", "machine"), 2048))
    write_file(root / "disk.img", b"")
    os.truncate(root / "disk.img", size)
    in_parallel(
        make_region, [(root / "disk.img", start, min(_REGION, size - start)) for start in range(0, size, _REGION)]
    )
    os.utime(root / "disk.img", ns=(MODIFIED_NS, MODIFIED_NS))


def make_region(image: Path, start: int, length: int) -> None:
    """Write one region: extents of files that were stored there once, and zeros between them."""
    chance = Chance("C", start)
    project = Project("C", start // (_REGION * 8))
    kinds = ["zeros"] * 3 + ["code"] * 4 + ["log"] * 2 + ["json"] * 2 + ["program"] * 7 + ["media"] * 7
    made = {"code": project.source, "log": log, "json": json_records, "program": machine_code, "media": media}
    with image.open("r+b", buffering=0) as file:
        file.seek(start)
        while length > 0:
            size = min(length, chance.octave_size(12, 22) // _CLUSTER * _CLUSTER)
            kind = chance.choice(kinds)
            file.write(made[kind](chance, size) if kind in made else bytes(size))
            length -= size


def change_image(before: Path, after: Path) -> None:
    """Write `after`: one block in a hundred of `before` overwritten in place, then one block inserted at the front."""
    chance = Chance("C", "change")
    with before.open("rb") as source, after.open("xb") as target:
        target.write(media(chance, BLOCK))
        while piece := source.read(_COPY):
            target.write(piece)
        blocks = before.stat().st_size // BLOCK
        for _ in range(max(1, blocks // CHANGED_SHARE)):
            target.seek((1 + chance.below(blocks)) * BLOCK)
            target.write(machine_code(chance, BLOCK))
    os.utime(after, ns=(MODIFIED_NS + 1, MODIFIED_NS + 1))
