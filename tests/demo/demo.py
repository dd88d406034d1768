"""Running the demo as a person does, and looking at what it leaves running."""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from infra.demo.ground import DIRECTORY_VARIABLE
from infra.demo.processes import PROC, running
from tests.architecture.tree import ROOT

LISTENING = "0A"
LOOPBACK_HEX = "0100007F"

_ROW = re.compile(r"(?P<name>[a-z][a-z ]*?)? {2,}(?P<value>\S.*)")


@dataclass
class Demo:
    """A demo of its own directory."""

    directory: Path
    rows: dict[str, str] = field(default_factory=dict)

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the checkout, with this demo's directory."""
        return subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | {DIRECTORY_VARIABLE: str(self.directory)},
            capture_output=True,
            text=True,
            check=False,
        )

    def make(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Call make; keeps the rows of the table it printed."""
        done = self.call("make", "--no-print-directory", *words)
        self.rows = table_rows(done.stdout)
        return done

    @property
    def pids(self) -> list[int]:
        """Its server processes."""
        return running(self.directory)

    @property
    def listens_on(self) -> set[str]:
        """Addresses, in the kernel's hex, on which one of its processes listens."""
        sockets = {link for pid in self.pids for link in _sockets(pid)}
        found = set()
        for table in ("tcp", "tcp6"):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and fields[9] in sockets:
                    found.add(fields[1].partition(":")[0])
        return found


def table_rows(output: str) -> dict[str, str]:
    """Name and value of each row of the table; rows without a name belong to the one above."""
    rows: dict[str, str] = {}
    name = ""
    for line in output.splitlines():
        if match := _ROW.fullmatch(line):
            name = match["name"] or name
            rows[name] = f"{rows[name]} {match['value']}" if name in rows else match["value"]
    return rows


def _sockets(pid: int) -> set[str]:
    found = set()
    for descriptor in (PROC / str(pid) / "fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target.removeprefix("socket:[").removesuffix("]"))
    return found
