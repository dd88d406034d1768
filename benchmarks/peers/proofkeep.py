"""Proofkeep by its command line, from this checkout: one host that holds both roles, keys in files."""

import sys
from pathlib import Path
from typing import ClassVar

from benchmarks.peers.contender import PASSPHRASE, Command, Contender, size_below

_PROGRAM = Path(sys.executable).with_name("proofkeep")

_CONFIGURATION = """\
state = "{folder}/state"
host_secret = "file:{folder}/host.secret"
entry = "benchmark"

[store]
kind = "local"
path = "{folder}/repository"

[ledger]
kind = "local"
path = "{folder}/ledger"

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
    self_check: ClassVar[bool] = True

    @classmethod
    def version(cls) -> str:
        """See `Contender.version`."""
        from proofkeep.configuration import software  # noqa: PLC0415 - the engine is not the harness's to load

        return software()

    def prepare(self) -> list[Command]:
        """See `Contender.prepare`."""
        self.repository.mkdir()
        (self.folder / "ledger").mkdir()
        keys = self.folder / "restore.pem", self.folder / "backup.pub"
        self._configure("backup", f'providers = ["file:{keys[1]}"]')
        self._configure("restore", f'providers = ["file:{keys[0]}"]\npassphrase = "env:RESTORE_PASSPHRASE"')
        return [
            self._said("keygen", "key", keys[0], "--passphrase", "env:RESTORE_PASSPHRASE"),
            self._said("keygen", "public", *keys),
            self._said("keygen", "host-secret", self.folder / "host.secret"),
            self._said("init", "--config", self.folder / "backup.toml"),
        ]

    def _configure(self, role: str, keys: str) -> None:
        text = _CONFIGURATION.format(
            folder=self.folder, source=self.data.source, keys=keys, self_check=str(self.self_check).lower()
        )
        (self.folder / f"{role}.toml").write_text(text)

    def command(self, step: str) -> Command:
        """See `Contender.command`."""
        restore = ("restore", "latest", self.target, "--config", self.folder / "restore.toml", "--quiet")
        verify = ("verify", "--config", self.folder / "backup.toml", "--quiet")
        if step in {"first", "unchanged", "changed"}:
            return self._said("backup", "--config", self.folder / "backup.toml", "--quiet")
        said: dict[str, tuple[str | Path, ...]] = {
            "restore": restore,
            "restore-one": (*restore, "--path", self.data.one),
            "verify": verify,
            "verify-all": (*verify, "--read-all"),
        }
        return self._said(*said[step])

    def _said(self, *arguments: str | Path) -> Command:
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
