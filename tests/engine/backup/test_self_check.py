"""Bad memory and bad codecs are found while the plaintext is still there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from proofkeep.compression import STORED, ZSTD, Compressor
from proofkeep.errors import SelfCheckError
from proofkeep.format.header import Context, FrameKind
from tests.building import Host, content, plant, planted_host
from tests.vectors.second_reader import Refused

Seal = Callable[..., bytearray]
Packed = tuple[int, bytes | memoryview]
Spoil = Callable[[bytes, Packed], Packed]


@pytest.fixture
def host(scratch: Path) -> Host:
    """A host with content of both kinds: what compresses and what does not."""
    host = planted_host(scratch)
    plant(host.source, {"text": b"the same line again\n" * 400, "noise": content(7, 8000)})
    return host


def sealing_badly(place: int) -> Any:
    """Sealing flips one bit of each frame, `place` bytes from its start."""
    original: Seal = Context.seal

    def seal(self: Context, kind: FrameKind, *values: Any) -> bytearray:
        sealed = original(self, kind, *values)
        if kind is FrameKind.FRAME:
            sealed[place] ^= 0x10
        return sealed

    return patch.object(Context, "seal", seal)


def compressing_badly(spoil: Spoil) -> Any:
    original = Compressor.compress

    def compress(self: Compressor, data: bytes) -> Packed:
        return spoil(bytes(data), original(self, data))

    return patch("proofkeep.backup.compress.Compressor.compress", compress)


BAD_CODECS: dict[str, Spoil] = {
    "another byte": lambda data, _packed: (STORED, bytes([data[0] ^ 1]) + data[1:]),
    "too short": lambda data, _packed: (STORED, data[:-1]),
    "cut zstd frame": lambda _data, packed: (ZSTD, bytes(packed[1])[:-1]),
    "no zstd frame": lambda data, _packed: (ZSTD, data),
    "wrong codec": lambda data, _packed: (7, data),
}


@pytest.mark.parametrize("place", [0, 12, -1], ids=["nonce", "text", "tag"])
def test_bit_flipped_in_a_sealed_frame_is_found_before_anything_is_sent(host: Host, place: int) -> None:
    with sealing_badly(place), pytest.raises(SelfCheckError, match="does not open after sealing"):
        host.run()

    assert host.ground.packs() == []


@pytest.mark.parametrize("spoil", BAD_CODECS.values(), ids=BAD_CODECS)
def test_faulty_compressor_is_found_before_anything_is_sent(host: Host, spoil: Spoil) -> None:
    with compressing_badly(spoil), pytest.raises(SelfCheckError):
        host.run()

    assert host.ground.packs() == []


def test_run_goes_on_once_the_fault_is_gone(host: Host) -> None:
    with host.backup() as backup:
        run = backup.identity.run
    with sealing_badly(20), pytest.raises(SelfCheckError):
        host.run(run)

    receipt = host.run(run)

    assert host.ground.read_back(receipt.snapshot) == host.portrait()


def test_without_the_self_check_only_a_reader_would_notice(host: Host) -> None:
    with sealing_badly(20):
        receipt = host.run(self_check=False)

    with pytest.raises(Refused, match="authentication"):
        host.ground.read_back(receipt.snapshot)
