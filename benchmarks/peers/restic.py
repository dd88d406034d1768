"""restic: the program of the Debian package, unpacked into a folder of its own."""

import subprocess
from pathlib import Path

from benchmarks.peers.contender import PASSPHRASE, TOOLS, Command, Contender

PROGRAM = TOOLS / "restic" / "usr" / "bin" / "restic"


class Restic(Contender):
    """Format 2; `auto` is zstd at its library's default level, which that library likens to zstd 3."""

    name = "restic"
    settings = (
        "--compression auto (zstd, about level 3), --no-scan; check / check --read-data; cache in the work folder; "
        "over TLS -o s3.connections=8"
    )

    @classmethod
    def version(cls) -> str:
        """See `Contender.version`."""
        return subprocess.check_output([PROGRAM, "version"], text=True).split()[1]

    def prepare(self) -> list[Command]:
        """See `Contender.prepare`."""
        return [self.said("init")]

    def command(self, step: str) -> Command:
        """See `Contender.command`."""
        folder, name = Path(self.data.one).parent, Path(self.data.one).name
        if step in {"first", "unchanged", "changed"}:
            return self.said("backup", "--no-scan", "--compression", "auto", ".", folder=self.data.source)
        said: dict[str, tuple[str | Path, ...]] = {
            "restore": ("restore", "latest", "--target", self.target),
            "restore-one": (
                "restore",
                f"latest:/{folder}" if str(folder) != "." else "latest",
                "--target",
                self.target / folder,
                "--include",
                f"/{name}",
            ),
            "verify": ("check",),
            "verify-all": ("check", "--read-data"),
        }
        return self.said(*said[step])

    def said(self, *arguments: str | Path, folder: Path | None = None) -> Command:
        """A call of the program."""
        environment = {
            "RESTIC_REPOSITORY": str(self.repository),
            "RESTIC_PASSWORD": PASSPHRASE,
            "RESTIC_CACHE_DIR": str(self.folder / "cache"),
        }
        return Command([PROGRAM, "--quiet", *arguments], environment, folder)
