"""Proofkeep by its command line, from this checkout: one host that holds both roles, keys in files."""

import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from benchmarks.peers.contender import CRC, PASSPHRASE, RESTORE, STEPS, UNSYNCED, Command, Contender, size_below
from proofkeep.configuration import software

_PROGRAM = Path(sys.executable).with_name("proofkeep")

_CONFIGURATION = """\
state = "{folder}/state"
host_secret = "file:{folder}/host.secret"
entry = "benchmark"

{places}

[keys]
{keys}

[source]
root = "{source}"

[backup]
self_check = {self_check}
"""


class Proofkeep(Contender):
    """As an operator has it who says nothing: zstd 3, two workers, self-check on, extended attributes read."""

    name = "proofkeep"
    settings = "the defaults: zstd 3, self-check, 2 workers; ledger in a directory apart; passphrase on the restore key"
    steps: ClassVar[tuple[str, ...]] = STEPS
    self_check: ClassVar[bool] = True

    @classmethod
    def version(cls) -> str:
        """See `Contender.version`; with the commit, since rows are merged over many."""
        said = software().split()[1]
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            check=False,
        )
        return f"{said} at {told.stdout.strip()}" if told.returncode == 0 else said

    def prepare(self) -> list[Command]:
        """See `Contender.prepare`."""
        keys = self.folder / "restore.pem", self.folder / "backup.pub"
        self.make_places()
        self._configure("backup", f'providers = ["file:{keys[1]}"]', self.data.source)
        self._configure(
            "restore", f'providers = ["file:{keys[0]}"]\npassphrase = "env:RESTORE_PASSPHRASE"', self.data.source
        )
        return [
            self.said("keygen", "key", keys[0], "--passphrase", "env:RESTORE_PASSPHRASE"),
            self.said("keygen", "public", *keys),
            self.said("keygen", "host-secret", self.folder / "host.secret"),
            self.said("init", "--config", self.folder / "backup.toml"),
        ]

    def make_places(self) -> None:
        """Make what the store and the ledger need to be there."""
        self.repository.mkdir()
        (self.folder / "ledger").mkdir()

    def places(self) -> str:
        """The configuration's sections on store and ledger."""
        return (
            f'[store]\nkind = "local"\npath = "{self.repository}"\n\n'
            f'[ledger]\nkind = "local"\npath = "{self.folder}/ledger"'
        )

    def _configure(self, role: str, keys: str, source: Path) -> None:
        text = _CONFIGURATION.format(
            folder=self.folder,
            places=self.places(),
            keys=keys,
            source=source,
            self_check=str(self.self_check).lower(),
        )
        (self.folder / f"{role}.toml").write_text(text)

    def command(self, step: str) -> Command:
        """See `Contender.command`."""
        restore = ("restore", "latest", self.target, "--config", self.folder / "restore.toml", "--quiet")
        verify = ("verify", "--config", self.folder / "backup.toml", "--quiet")
        everything = (*verify, "--read-all")
        said: dict[str, tuple[str | Path, ...]] = {
            RESTORE: restore,
            UNSYNCED: (*restore, "--no-sync"),
            "restore-one": (*restore, "--path", self.data.one),
            "verify": verify,
            "verify-all": everything,
            CRC: everything,
        }
        return self.said(*said.get(step, ("backup", "--config", self.folder / "backup.toml", "--quiet")))

    def command_of(self, step: str) -> Command:
        """See `Contender.command_of`: ours waits for the disk unless it is told not to."""
        return self.command(step)

    def said(self, *arguments: str | Path) -> Command:
        """A call of the program."""
        return Command([_PROGRAM, *arguments], {"RESTORE_PASSPHRASE": PASSPHRASE})

    def stored(self) -> int | None:
        """Packs and ledger."""
        return size_below(self.repository) + size_below(self.folder / "ledger")


class UncheckedProofkeep(Proofkeep):
    """The same without the self-check."""

    name = "proofkeep-unchecked"
    settings = "as proofkeep, with self_check = false"
    steps = ("first",)
    self_check = False
