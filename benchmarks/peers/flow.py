"""The backup flow beside the command line: what Prefect costs on top of the engine.

Both back up the same source; before that, each backs up ten files, which is its fixed start-up.
"""

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.data.sets import data_set
from benchmarks.peers.contender import Command
from benchmarks.peers.proofkeep import Proofkeep

START_UP = "start-up"
EPHEMERAL = "start-up-ephemeral"
_TEN_FILES = 0.0001  # share of B
_SCRIPT = "from flows.backup import backup; backup(entry='benchmark', repository='main', source={source!r})"
_REGISTER = "from benchmarks.peers.flow import register; register({path!r})"


class CommandLine(Proofkeep):
    """The command line, with a step for its start-up."""

    name = "cli"
    settings = "proofkeep's command line, as above"
    steps = (START_UP, "first")

    def prepare(self) -> list[Command]:
        """See `Contender.prepare`."""
        commands = super().prepare()
        few = data_set("B", _TEN_FILES, self.data.folder.parent)
        text = (self.folder / "backup.toml").read_text()
        (self.folder / "few.toml").write_text(text.replace(str(self.data.source), str(few.source)))
        return commands

    def command(self, step: str) -> Command:
        """See `Contender.command`."""
        if step == START_UP:
            return self.said("backup", "--config", self.folder / "few.toml", "--quiet")
        return super().command(step)


class Flow(Proofkeep):
    """The flow in a process of its own, with a Prefect server that was there before, and once without any."""

    name = "flow"
    settings = "flows.backup in a process of its own; Prefect server started before, its SQLite on the same disk"
    steps = (START_UP, EPHEMERAL, "first")

    def prepare(self) -> list[Command]:
        """See `Contender.prepare`."""
        few = data_set("B", _TEN_FILES, self.data.folder.parent)
        path = self.folder / "blocks.json"
        path.write_text(json.dumps(self._blocks(few.source)))
        register = _REGISTER.format(path=str(path))
        commands = [self._python(register), self._python(register, ephemeral=True)]
        return [*super().prepare(), *commands]

    def _blocks(self, few: Path) -> dict[str, Any]:
        folder = self.folder
        return {
            "object_store": {
                "packs": {"kind": "local", "path": str(self.repository)},
                "ledger": {"kind": "local", "path": str(folder / "ledger")},
            },
            "ledger": {"main": {"store": "ledger"}},
            "key_provider": {"main": {"providers": [f"file:{folder / 'backup.pub'}"]}},
            "repository": {
                "main": {
                    "store": "packs",
                    "ledger": "main",
                    "keys": "main",
                    "host_secret": f"file:{folder / 'host.secret'}",
                    "state": str(folder / "state"),
                }
            },
            "source": {"main": {"root": str(self.data.source)}, "few": {"root": str(few)}},
        }

    def command(self, step: str) -> Command:
        """See `Contender.command`."""
        source = "main" if step == "first" else "few"
        return self._python(_SCRIPT.format(source=source), ephemeral=step == EPHEMERAL)

    def _python(self, script: str, *, ephemeral: bool = False) -> Command:
        quiet = {"PREFECT_LOGGING_LEVEL": "ERROR", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
        if ephemeral:
            server = {
                "PREFECT_HOME": str(self.folder / "prefect"),
                "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "60",
            }
        else:
            server = self.surroundings.prefect.environment
        return Command([sys.executable, "-c", script], {**server, **quiet})


def register(path: str) -> None:
    """Make the server of this process's environment know the blocks that `path` describes."""
    from infra.register_blocks import register_documents, register_types  # noqa: PLC0415 - needs its server when imported

    register_types()
    register_documents(json.loads(Path(path).read_text()))
