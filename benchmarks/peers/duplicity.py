"""duplicity of the Debian release: tar volumes by librsync, sealed by GnuPG."""

import os
import subprocess
from pathlib import Path

from benchmarks.peers.contender import PASSPHRASE, STEPS, UNSYNCED, Command, Contender

_PROGRAM = "/usr/bin/duplicity"


class Duplicity(Contender):
    """It has no zstd; zlib 1 is what comes nearest in speed. Every run after the first is an increment."""

    name = "duplicity"
    settings = "gpg AES256, zlib 1 (it has no zstd), --volsize 200; verify: collection-status; verify-all: verify"
    steps = tuple(step for step in STEPS if step != UNSYNCED)

    @classmethod
    def version(cls) -> str:
        """See `Contender.version`."""
        return subprocess.check_output([_PROGRAM, "--version"], text=True).split()[1]

    def prepare(self) -> list[Command]:
        """See `Contender.prepare`."""
        for folder in (self.repository, self.folder / "gnupg", self.folder / "tmp"):
            folder.mkdir(mode=0o700)
        return []

    def before(self, step: str) -> None:
        """See `Contender.before`: the target of a restored file must not be there."""
        super().before(step)
        if step == "restore-one":
            (self.target / self.data.one).parent.mkdir(parents=True, exist_ok=True)

    def command(self, step: str) -> Command:
        """See `Contender.command`."""
        place, one = f"file://{self.repository}", self.data.one
        said: dict[str, tuple[str | Path, ...]] = {
            "first": ("full", "--volsize", "200", self.data.source, place),
            "unchanged": ("incremental", "--volsize", "200", self.data.source, place),
            "changed": ("incremental", "--volsize", "200", self.data.source, place),
            "restore": ("restore", "--force", place, self.target),
            "restore-one": ("restore", "--file-to-restore", one, place, self.target / one),
            "verify": ("collection-status", place),
            "verify-all": ("verify", place, self.data.source),
        }
        return self._said(*said[step])

    def _said(self, action: str | Path, *arguments: str | Path) -> Command:
        environment = {
            "PASSPHRASE": PASSPHRASE,
            "GNUPGHOME": str(self.folder / "gnupg"),
            "PATH": "/usr/bin:/bin",
        }
        options = ("--archive-dir", self.folder / "archive", "--tempdir", self.folder / "tmp", "--no-print-statistics")
        sealing = ("--gpg-options", "--cipher-algo AES256 --compress-algo zlib --compress-level 1")
        return Command([_PROGRAM, action, *options, *sealing, *arguments], environment)

    def remove(self) -> None:
        """See `Contender.remove`; ends the agent that GnuPG left behind."""
        home = self.folder / "gnupg"
        if home.exists():
            subprocess.run(
                ["gpgconf", "--kill", "gpg-agent"],
                env={**os.environ, "GNUPGHOME": str(home)},
                check=False,
            )
        super().remove()
