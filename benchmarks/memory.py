"""`make memory`: back up and restore 10 GiB through Prefect, and fail if a flow process peaks above its limit.

The source mixes text, incompressible bytes and holes, none of it twice: what is read is sealed and stored. Each flow
runs in a process of its own, whose peak is measured as `make bench` does. Writes below `.benchmark/memory`
and removes it.
"""

import hashlib
import random
import shutil
import sys
from pathlib import Path
from time import time_ns

from benchmarks.measuring import CommandError, measure
from benchmarks.peers.contender import Command
from blocks import Repository, load_block
from infra.register_blocks import register_documents, register_types
from infra.servers.prefect_server import PrefectServer
from proofkeep.keys.host_secret import create_host_secret
from proofkeep.keys.key_files import create_key_file
from proofkeep.repository.create import create

LIMIT_MIB = 256  # of the flow and all its processes; 249 and 248 at most, of which Prefect's imports are 70
GIB = 1 << 30
MIB = 1 << 20
FOLDER = Path(".benchmark/memory").absolute()


def make_source(root: Path, size: int) -> None:
    """A tree of `size` bytes: two fifths text, one fifth incompressible, two fifths holes with islands of data."""
    root.mkdir(parents=True)
    chance = random.Random(1)  # noqa: S311 - content, no secret
    with (root / "text").open("wb") as file:
        while file.tell() < size * 2 // 5:
            file.write(chance.randbytes(MIB // 2).hex("\n", 32).encode())
    with (root / "noise").open("wb") as file:
        for _ in range(size // 5 // MIB):
            file.write(chance.randbytes(MIB))
    with (root / "image").open("wb") as file:
        file.truncate(size * 2 // 5)
        for _ in range(size // 100 // MIB):
            file.seek(chance.randrange(size * 2 // 5 - MIB))
            file.write(chance.randbytes(MIB))


def digest(root: Path) -> str:
    """SHA-256 over names and contents of the files below `root`."""
    total = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            total.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def documents() -> dict[str, object]:
    """Blocks of a local repository below `FOLDER`."""
    for place in ("packs", "ledger"):
        (FOLDER / place).mkdir()
    create_host_secret(FOLDER / "host.secret")
    create_key_file(FOLDER / "key.pem", None)
    return {
        "object_store": {
            "packs": {"kind": "local", "path": str(FOLDER / "packs")},
            "ledger": {"kind": "local", "path": str(FOLDER / "ledger")},
        },
        "ledger": {"main": {"store": "ledger"}},
        "key_provider": {"main": {"providers": [f"file:{FOLDER / 'key.pem'}"]}},
        "repository": {
            "main": {
                "store": "packs",
                "ledger": "main",
                "keys": "main",
                "host_secret": f"file:{FOLDER / 'host.secret'}",
                "state": str(FOLDER / "state"),
            }
        },
        "source": {"main": {"root": str(FOLDER / "source")}},
    }


def run_flow(code: str, environment: dict[str, str]) -> int:
    """Peak resident set in MiB of a process that runs a flow and those it starts. Raises `SystemExit` when it fails."""
    try:
        return measure(Command([sys.executable, "-c", code], environment), FOLDER / "events.log").rss // MIB
    except CommandError as failed:
        raise SystemExit(f"a flow failed: {code}\n{failed}") from None


BACKUP = "from flows.backup import backup; backup(entry='main', repository='main', source='main')"
RESTORE = f"from flows.restore import restore; restore(repository='main', target={str(FOLDER / 'restored')!r})"
PREPARE = "from benchmarks.memory import prepare; prepare()"


def prepare() -> None:
    """Register the blocks and create the repository; runs in a process that knows the server from its start."""
    register_types()
    register_documents(documents())
    configuration = load_block(Repository, "main").configuration()
    recipients = [provider.recipient for provider in configuration.key_providers()]
    create(*configuration.open_stores(), configuration.open_host_secret(), recipients, now_ns=time_ns())


def main(size: int = 10 * GIB) -> int:
    """Run the benchmark; 1 when a peak passes the limit or the restored tree differs."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(mode=0o700, parents=True)
    server = PrefectServer(FOLDER / "prefect")
    try:
        print(f"making {size / GIB:.1f} GiB of source ...", flush=True)
        make_source(FOLDER / "source", size)
        server.start()
        environment = {**server.environment, "PREFECT_LOGGING_LEVEL": "ERROR"}
        run_flow(PREPARE, environment)
        peaks = {"backup": run_flow(BACKUP, environment), "restore": run_flow(RESTORE, environment)}
        same = digest(FOLDER / "source") == digest(FOLDER / "restored")
        stored = sum(file.stat().st_size for file in (FOLDER / "packs").rglob("*") if file.is_file())
    finally:
        server.stop()
        shutil.rmtree(FOLDER, ignore_errors=True)
    print(f"stored: {stored / GIB:.1f} GiB of {size / GIB:.1f} GiB of source, holes included")
    for name, peak in peaks.items():
        print(f"{name}: peak {peak} MiB of {LIMIT_MIB} MiB")
    print("restored tree is bit-identical" if same else "restored tree DIFFERS")
    return 0 if same and max(peaks.values()) < LIMIT_MIB else 1


if __name__ == "__main__":
    raise SystemExit(main())
