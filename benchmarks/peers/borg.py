"""BorgBackup from PyPI, built in a virtual environment of its own."""

import subprocess
from pathlib import Path

from benchmarks.peers.contender import CRC, PASSPHRASE, STEPS, TOOLS, Command, Contender

PROGRAM = TOOLS / "borg" / "bin" / "borg"


class Borg(Contender):
    """One thread by design. `repokey` (HMAC-SHA256) and not BLAKE2: the processor has SHA instructions."""

    name = "borg"
    settings = (
        "repokey (AES-256-CTR, HMAC-SHA256), --compression zstd,3; verify: check --archives-only; verify-all: check"
        " --archives-only --verify-data; verify-crc: check --repository-only; caches in the work folder"
    )
    steps = STEPS

    @classmethod
    def version(cls) -> str:
        """See `Contender.version`."""
        return subprocess.check_output([PROGRAM, "--version"], text=True).split()[1]

    def prepare(self) -> list[Command]:
        """See `Contender.prepare`."""
        return [self._said("init", "--encryption", "repokey", self.repository)]

    def command(self, step: str) -> Command:
        """See `Contender.command`."""
        if step in {"first", "unchanged", "changed"}:
            name = step if step == "first" else step + "-{now:%H%M%S.%f}"  # some do a step again in one repository
            archive = f"{self.repository}::{name}"
            return self._said("create", "--compression", "zstd,3", archive, ".", folder=self.data.source)
        extract = ("extract", f"{self.repository}::first")
        said: dict[str, tuple[str | Path, ...]] = {
            "restore": extract,
            "restore-one": (*extract, self.data.one),
            "verify": ("check", "--archives-only", self.repository),
            "verify-all": ("check", "--archives-only", "--verify-data", self.repository),
            CRC: ("check", "--repository-only", self.repository),
        }
        return self._said(*said[step], folder=self.target if step.startswith("restore") else None)

    def _said(self, *arguments: str | Path, folder: Path | None = None) -> Command:
        environment = {
            "BORG_PASSPHRASE": PASSPHRASE,
            "BORG_BASE_DIR": str(self.folder / "base"),
            "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
        }
        return Command([PROGRAM, *arguments], environment, folder)
