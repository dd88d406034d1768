"""The roofline as a contender: `benchmarks.roofline` in a process of its own, timed by its own clock."""

import platform
import sys
from typing import ClassVar

from benchmarks.peers.contender import Command, Contender


class Roofline(Contender):
    """What the hardware allows: no files, no network, no ledger."""

    name = "roofline"
    settings = (
        "FastCDC, HMAC-SHA-256 for each chunk's name, zstd 3, AES-256-GCM, self-check, SHA-256 over the same bytes,"
        " read into memory before the clock starts; one process a core"
    )
    steps = ("first",)
    self_check: ClassVar[bool] = True

    @classmethod
    def version(cls) -> str:
        """See `Contender.version`."""
        return f"python {platform.python_version()}"

    def prepare(self) -> list[Command]:
        """See `Contender.prepare`."""
        return []

    def command(self, step: str) -> Command:  # noqa: ARG002 - it has one step
        """See `Contender.command`."""
        clock = self.folder / "clock.json"
        check = "--self-check" if self.self_check else "--no-self-check"
        return Command([sys.executable, "-m", "benchmarks.roofline", self.data.source, clock, check], own_clock=clock)

    def stored(self) -> int | None:
        """Nothing is kept."""
        return None


class UncheckedRoofline(Roofline):
    """The same without the self-check."""

    name = "roofline-unchecked"
    settings = "as roofline, without the self-check"
    self_check = False
