"""The raw pipe: what the usual tools reach with no chunks, no index, no proof and no second snapshot."""

import subprocess
from pathlib import Path

from benchmarks.peers.contender import Command, Contender

_KEY = "-K 6b" + "00" * 31 + " -iv " + "00" * 16
_SEAL = f"openssl enc -aes-256-ctr {_KEY}"


class Pipe(Contender):
    """Nothing is synced to disk, which spares it what the others pay."""

    name = "pipe"
    settings = f"tar | zstd -3 -T2 | {_SEAL.split(' -K', maxsplit=1)[0]} | tee FILE | sha256sum; no fsync"
    steps = ("first", "restore", "verify-all")

    @classmethod
    def version(cls) -> str:
        """See `Contender.version`."""
        zstd = subprocess.check_output(["zstd", "--version"], text=True).split("v")[-1].split(",")[0]
        openssl = subprocess.check_output(["openssl", "version"], text=True).split()[1]
        return f"zstd {zstd}, openssl {openssl}"

    def prepare(self) -> list[Command]:
        """See `Contender.prepare`."""
        self.repository.mkdir()
        return []

    def command(self, step: str) -> Command:
        """See `Contender.command`."""
        stream, seal = self.repository / "stream", f"{_SEAL} 2>/dev/null"
        said = {
            "first": f"tar -cf - . | zstd -q -3 -T2 | {seal} | tee {stream} | sha256sum >{stream}.sha256",
            "restore": f"{seal} -d <{stream} | zstd -q -dc | tar -xf -",
            "verify-all": f'[ "$(sha256sum <{stream})" = "$(cat {stream}.sha256)" ]',
        }
        folders: dict[str, Path] = {"first": self.data.source, "restore": self.target}
        return Command(["bash", "-o", "pipefail", "-c", said[step]], {}, folders.get(step))
