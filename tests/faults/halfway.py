"""The instant at which half of a pack has been handed to the connection."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from proofkeep.format.names import PACKS
from proofkeep.stores import bodies


class _Halved(io.FileIO):
    """A pack's file whose first half is read by itself."""

    def __init__(self, file: Path, handed: Callable[[], None]) -> None:
        super().__init__(file)
        self._half = file.stat().st_size // 2
        self._handed = handed

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = -1 if size is None else size
        left = self._half - self.tell()
        if left <= 0:
            self._handed()
            return super().read(wanted)
        return super().read(left if wanted < 0 else min(wanted, left))


@contextmanager
def halfway(happens: Callable[[str], None]) -> Iterator[None]:
    """Meanwhile `happens` is told the name of each pack of which an S3 store has sent half, and holds up the rest."""

    def stream(body: Any, name: str) -> Any:
        if not name.startswith(PACKS) or not isinstance(body, Path):
            return bodies.stream(body, name)
        return _Halved(body, lambda: happens(name))

    with patch("proofkeep.stores.s3.stream", stream):
        yield
