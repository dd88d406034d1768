"""A repository on local stores with a small tree in it, and a drill's places around it."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proofkeep.backup import Backup, Identity, Options, drive
from proofkeep.chunking import ChunkSizes
from proofkeep.drill import (
    Drill,
    DrillReport,
    Environment,
    Live,
    Places,
    Plan,
    evidence_file,
    load_evidence,
    run_drill,
)
from proofkeep.drill.plan import SHARED_MEMORY
from proofkeep.keys.host_secret import create_host_secret
from proofkeep.keys.key_files import create_key_file, export_public_key
from proofkeep.keys.uris import key_provider_from_uri
from proofkeep.ports import KeyProvider, Source
from proofkeep.repository import Repository
from proofkeep.repository.connect import connect
from proofkeep.repository.create import create
from proofkeep.sources.directory import DirectorySource
from proofkeep.state import RepositoryState
from proofkeep.stores.local import LocalStore
from proofkeep.targets.directory import DirectoryTarget
from tests.settling import long_after

KIB = 1 << 10
MIB = 1 << 20
CHUNKS = ChunkSizes(16 * KIB, 64 * KIB, 256 * KIB)
ENTRY = "home"
CANARY = b"CANARY-of-plaintext-4711"
CANARY_NAME = "CANARY-of-a-name-4711.txt"
ENVIRONMENT = Environment("drill-host", "root (uid 0)", "proofkeep test", "unknown")


@dataclass
class House:
    """Everything around one repository."""

    root: Path
    memory: Path
    repository: Repository
    providers: list[KeyProvider]
    backup_providers: list[KeyProvider]
    options: Options = field(default_factory=Options)

    @property
    def source(self) -> Path:
        return self.root / "source"

    @property
    def state(self) -> RepositoryState:
        """Of the source's host."""
        return RepositoryState(self.root / "state", self.repository.id)

    @property
    def drill_state(self) -> RepositoryState:
        """Of the host that drills."""
        return RepositoryState(self.root / "drill-state", self.repository.id)

    def backup(self, *, at_ns: int | None = None, entry: str = ENTRY) -> str:
        """Back the tree up; the snapshot."""
        identity = Identity(os.urandom(16), entry, "source-host", "root (uid 0)", "proofkeep test", "unknown")
        source = DirectorySource(self.source, label="tree", clock=long_after)
        clock = time.time_ns if at_ns is None else lambda: at_ns
        with Backup(
            self.repository, self.state, source, self.backup_providers, identity, self.options, clock=clock
        ) as backup:
            return drive(backup).snapshot

    def places(self, *, sealed: bool = False) -> Places:
        if sealed:
            return Places(self.root / "evidence", DirectoryTarget, tmpfs=None, sealed=self.root / "scratch")
        return Places(self.root / "evidence", DirectoryTarget, tmpfs=self.memory)

    def live(self, source: Source | None = None) -> Live:
        return Live(source or DirectorySource(self.source, label="tree"), self.state, ENTRY)

    def drill(self, plan: Plan, *, sealed: bool = False, **options: Any) -> DrillReport:
        return run_drill(
            self.repository, self.drill_state, self.providers, plan, ENVIRONMENT, self.places(sealed=sealed), **options
        )

    def steps(self, plan: Plan, *, sealed: bool = False) -> Drill:
        return Drill(self.repository, self.drill_state, self.providers, plan, self.places(sealed=sealed))

    def evidence(self, drill: str) -> dict[str, Any]:
        return load_evidence(evidence_file(self.root / "evidence", drill))

    def packs(self) -> list[Path]:
        return sorted(path for path in (self.root / "packs/packs").rglob("*") if path.is_file())


def write_tree(source: Path) -> None:
    """Files of several size classes, one of them sparse, one with several chunks, one with the canary."""
    source.mkdir()
    (source / "folder").mkdir()
    (source / "empty").touch()
    (source / CANARY_NAME).write_bytes(CANARY * 40)
    for number in range(12):
        (source / f"folder/small-{number}").write_bytes(os.urandom(2000 + number))
    (source / "several-chunks").write_bytes(os.urandom(2 * MIB))
    with (source / "sparse").open("wb") as sparse:
        sparse.write(b"head" * 20_000)
        sparse.seek(3 * MIB)
        sparse.write(b"tail" * 20_000)
    (source / "link").symlink_to("empty")
    (source / "folder/twin").hardlink_to(source / "folder/small-0")


def flip_byte(file: Path, place: int) -> None:
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.chmod(0o600)
    file.write_bytes(data)


def holding(root: Path, needle: bytes) -> list[Path]:
    """Files and directories below `root` that hold `needle` or are named by it."""
    return [
        path
        for path in root.rglob("*")
        if needle in os.fsencode(path.name) or (path.is_file() and needle in path.read_bytes())
    ]


@contextmanager
def build(root: Path) -> Iterator[House]:
    """A house below `root` with an empty repository; its memory lies on /dev/shm."""
    for name in ("packs", "ledger"):
        (root / name).mkdir()
    key, public = root / "key.pem", root / "public.pem"
    create_key_file(key, None)
    export_public_key(key, public)
    stores = LocalStore(root / "packs"), LocalStore(root / "ledger")
    secret = create_host_secret(root / "host.secret")
    full = key_provider_from_uri(f"file:{key}")
    create(*stores, secret, [full.recipient], now_ns=time.time_ns(), chunker=CHUNKS, keep_for=[full])
    memory = Path(tempfile.mkdtemp(prefix="proofkeep-test-", dir=SHARED_MEMORY))
    try:
        yield House(root, memory, connect(*stores, secret), [full], [key_provider_from_uri(f"file:{public}")])
    finally:
        shutil.rmtree(memory)
