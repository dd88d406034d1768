"""Chunker, chunk names, zstd 3, AES-256-GCM, self-check and SHA-256 over a tree's bytes, in a tight loop on all cores.

The bytes are read into one shared buffer first; then one process a core takes slabs of 8 MiB until none are left. A
process and not a thread, since the chunker holds the interpreter's lock. Prints nothing; writes `wall`, the seconds
from the first slab to the last, and `cpu`, the seconds of all processes in that time.
"""

import argparse
import ctypes
import hashlib
import json
import mmap
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pyzstd
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.data.writing import walk_files
from proofkeep.backup.compress import FRAME_SIZE
from proofkeep.chunking import Chunker, ChunkSizes
from proofkeep.crypto.host_keys import content_digest

SLAB = 8 << 20
GIB = 1 << 30
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_NONCE = bytes(12)
_OVERHEAD = 16
_INDEX = 4  # bytes of a slab's number in the pipe that hands them out


@dataclass
class Loop:
    """One core's work, with every context and buffer made once."""

    self_check: bool

    def __post_init__(self) -> None:
        self._chunker = Chunker(ChunkSizes(), 1)
        self._key = bytes(32)
        self._compressor = pyzstd.ZstdCompressor(3)
        self._cipher = AESGCM(bytes(32))
        self._sealed = bytearray(FRAME_SIZE + _OVERHEAD + (1 << 16))
        self._opened = bytearray(len(self._sealed))
        self._digest = hashlib.sha256()

    def run(self, slab: memoryview) -> None:
        """Everything that a backup must do to these bytes."""
        for offset, length in _frames(self._named(slab)):
            plain = slab[offset : offset + length]
            packed = self._compressor.compress(plain, pyzstd.ZstdCompressor.FLUSH_FRAME)
            body: bytes | memoryview = packed if len(packed) < length - length // 32 else plain
            sealed = memoryview(self._sealed)[: len(body) + _OVERHEAD]
            self._cipher.encrypt_into(_NONCE, body, None, sealed)
            self._digest.update(sealed)
            if self.self_check:
                self._check(sealed, plain, compressed=body is packed)

    def _named(self, slab: memoryview) -> Iterator[tuple[int, int]]:
        """Chunks, each with its keyed name, without which nothing would be known to be stored already."""
        for offset, length in self._chunker.cut(slab, last=True):
            content_digest(self._key, slab[offset : offset + length])
            yield offset, length

    def _check(self, sealed: memoryview, plain: memoryview, *, compressed: bool) -> None:
        opened = memoryview(self._opened)[: len(sealed) - _OVERHEAD]
        self._cipher.decrypt_into(_NONCE, sealed, None, opened)
        again: bytes | bytearray = pyzstd.decompress(opened) if compressed else self._opened
        if not again.startswith(plain):  # as the engine compares: `==` with a view goes byte by byte
            raise SystemExit("self-check failed")


def _frames(chunks: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Neighbours together, as a backup compresses them."""
    start = end = 0
    for offset, length in chunks:
        if end > start and offset + length - start > FRAME_SIZE:
            yield start, end - start
            start = offset
        end = offset + length
    if end > start:
        yield start, end - start


def load(root: Path) -> mmap.mmap:
    """All files below `root`, one after another, in memory that child processes share."""
    sizes = list(walk_files(root))
    loaded = mmap.mmap(-1, max(1, sum(size for _, size in sizes)))
    view, offset = memoryview(loaded), 0
    for path, size in sizes:
        with (root / path).open("rb", buffering=0) as file:
            end = offset + size
            while offset < end:
                count = file.readinto(view[offset:end])
                if not count:
                    raise SystemExit(f"{path} became shorter")
                offset += count
    view.release()
    return loaded


def keep_large_buffers() -> None:
    """Have glibc keep freed megabytes: handed back each time, every output would pay for its pages again."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, GIB)
        libc.mallopt(_M_TRIM_THRESHOLD, GIB)


def work(loaded: mmap.mmap, jobs: int, ready: Barrier, *, self_check: bool) -> None:
    """Take slabs until the pipe is empty."""
    keep_large_buffers()
    loop, view = Loop(self_check), memoryview(loaded)
    ready.wait()
    while number := os.read(jobs, _INDEX):
        start = int.from_bytes(number, "little") * SLAB
        loop.run(view[start : start + SLAB])


def run(root: Path, *, self_check: bool) -> dict[str, float]:
    """Seconds by the clock and of processor time."""
    loaded = load(root)
    read_end, write_end = os.pipe()
    slabs = -(-len(loaded) // SLAB)
    for number in range(slabs):  # a pipe holds 64 KiB: 16,384 slabs, 128 GiB
        os.write(write_end, number.to_bytes(_INDEX, "little"))
    os.close(write_end)
    context = get_context("fork")
    cores = len(os.sched_getaffinity(0))
    ready = context.Barrier(cores + 1)
    workers = [
        context.Process(target=work, args=(loaded, read_end, ready), kwargs={"self_check": self_check})
        for _ in range(cores)
    ]
    for worker in workers:
        worker.start()
    ready.wait()
    begun, spent = time.perf_counter(), _children_seconds()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise SystemExit("a worker failed")
    return {"wall": time.perf_counter() - begun, "cpu": _children_seconds() - spent}


def _children_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description="What the hardware allows.")
    parser.add_argument("root", type=Path)
    parser.add_argument("clock", type=Path, help="file to write the seconds to")
    parser.add_argument("--self-check", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    options.clock.write_text(json.dumps(run(options.root, self_check=options.self_check)))


if __name__ == "__main__":
    main()
