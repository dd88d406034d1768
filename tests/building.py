"""A repository in two local directories, hosts that back up into it, and two ways to read back.

Chunks are tiny, so that small trees have many of them. Instants come from a counter, never from this machine's clock.
"""

import itertools
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proofkeep.backup import Backup, Identity, Options, drive
from proofkeep.backup.commit import CommitReceipt
from proofkeep.catalog import Catalog, refresh
from proofkeep.chunking import ChunkSizes
from proofkeep.errors import PartialSnapshotError
from proofkeep.format.names import PackId, parse_pack
from proofkeep.format.pack_set import decode_packs
from proofkeep.format.retired import Retirement, sign_retirement
from proofkeep.keys.host_secret import FileHostSecret, create_host_secret
from proofkeep.keys.key_files import create_key_file, export_public_key
from proofkeep.keys.local import LocalKeyProvider, load_key_provider
from proofkeep.ports import Cancelled, ObjectStore, Progress, Source
from proofkeep.progress import silent
from proofkeep.repository import Repository
from proofkeep.repository.connect import connect
from proofkeep.repository.create import create
from proofkeep.restore import RestoreReport, restore
from proofkeep.slabs import SlabPool
from proofkeep.snapshots import ChunkStore, CommittedSnapshot, DataKeys, find_snapshot, list_snapshots, read_packs
from proofkeep.sources.directory import DirectorySource
from proofkeep.state import RepositoryState
from proofkeep.stores.local import LocalStore
from proofkeep.targets.directory import DirectoryTarget
from tests.engine.targets.trees import portrait
from tests.settling import long_after
from tests.vectors import second_reader

SIZES = ChunkSizes(64, 256, 1024)
OPTIONS = Options(pack_size=16 << 10, spool_limit=1 << 20, senders=2, workers=1)
START_NS = 1_800_000_000 * 10**9
STEP_NS = 10**6
NO_WAIT: Callable[[float], None] = lambda _: None  # noqa: E731 - named for what it is

Portrait = dict[bytes, tuple[Any, ...]]


@dataclass(eq=False)
class Ground:
    """Two local stores with a repository in them, and every key there is to it; made anew, or found below `root`."""

    root: Path
    sizes: ChunkSizes = SIZES
    _instants: Iterator[int] = field(default_factory=lambda: itertools.count(START_NS, STEP_NS))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.store = LocalStore(self.root / "store")
        self.ledger = LocalStore(self.root / "ledger")
        self.secret = FileHostSecret(self.root / "secret")
        self.key_file = self.root / "key.pem"
        self.retention = ec.generate_private_key(ec.SECP384R1())
        if not self.key_file.exists():
            self._create()

    def _create(self) -> None:
        create_host_secret(self.root / "secret")
        create_key_file(self.key_file, None)
        export_public_key(self.key_file, self.root / "public.pem")
        public = self.retention.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        create(
            self.store,
            self.ledger,
            self.secret,
            [self.wrapping.recipient],
            now_ns=self.now(),
            chunker=self.sizes,
            retention_key=public,
            keep_for=[self.wrapping],
        )

    def now(self) -> int:
        """The next instant, in ns."""
        with self._lock:
            return next(self._instants)

    @cached_property
    def wrapping(self) -> LocalKeyProvider:
        """What a backup host has: the public half."""
        return load_key_provider(self.root / "public.pem", "file:public")

    @cached_property
    def unwrapping(self) -> LocalKeyProvider:
        """What the restore role has."""
        return load_key_provider(self.key_file, "file:key")

    def connect(self, *, store: ObjectStore | None = None, ledger: ObjectStore | None = None) -> Repository:
        """The repository, through decorated stores if given."""
        return connect(store or self.store, ledger or self.ledger, self.secret)

    # --- what is stored

    def names(self, prefix: str = "") -> list[str]:
        """Names of the stored objects, those of the ledger under `ledger/`."""
        place = self.ledger if prefix.startswith("ledger") else self.store
        return [stat.name for stat in place.list(prefix)]

    def packs(self) -> list[PackId]:
        """All stored packs."""
        return [parse_pack(name) for name in self.names("packs/")]

    def retire(self, packs: list[PackId], *, lift: bool = False, key: ec.EllipticCurvePrivateKey | None = None) -> None:
        """Retire packs as the retention role (or as a forger with another key) would, and lift it again if asked."""
        identity = os.urandom(16)
        for lifted in (False, True) if lift else (False,):
            retirement = Retirement(identity, lifted, tuple(sorted(packs)), "test", self.now(), ("a", "b"))
            body = sign_retirement(key or self.retention, self.connect().id, retirement)
            put(self.store, retirement.name, body)

    def snapshots(self) -> list[CommittedSnapshot]:
        """What is offered, oldest source instant first."""
        found, findings = list_snapshots(self.connect())
        assert findings == []
        return found

    def newest_packs(self) -> list[PackId]:
        """What the newest snapshot refers to, in the order of names."""
        return [*decode_packs(read_packs(self.connect(), self.snapshots()[-1].id))]

    # --- reading back

    def second_reader(self) -> second_reader.Repository:
        """The reader that knows nothing of the engine, with the restore role's key."""
        unwrap = second_reader.unwrap_with(second_reader.load_private_key(self.key_file.read_bytes()))
        stores = second_reader.Directory(self.root / "store"), second_reader.Directory(self.root / "ledger")
        return second_reader.Repository(*stores, self.secret.read_secret(), unwrap)

    def read_back(self, snapshot: str) -> Portrait:
        """What the second reader restores of `<run>.<generation>`."""
        reader = self.second_reader()
        (record,) = [record for record in second_reader.offered(reader.records()) if snapshot in record.name]
        target = self._target()
        second_reader.restore(reader, record, target)
        return portrait(target)

    def restored(self, snapshot: str) -> tuple[Portrait, RestoreReport]:
        """What the engine's restore makes of `<run>.<generation>`, on a host that knows nothing yet."""
        repository = self.connect()
        target = self._target()
        with closing(Catalog(target.with_suffix(".catalog"))) as catalog:
            refresh(repository, catalog, {})
            data_keys = DataKeys(repository, [self.unwrapping])
            chunks = ChunkStore(repository, catalog, data_keys)
            growing = DirectoryTarget(target)
            report = restore(repository, chunks, data_keys, find_snapshot(repository, snapshot), growing)
        return portrait(target), report

    def findings(self) -> list[str]:
        """What the second reader's verify says after opening everything; empty when all of it holds."""
        return second_reader.verify(self.second_reader(), {})

    def _target(self) -> Path:
        return self.root / f"restored-{os.urandom(4).hex()}"


@dataclass(eq=False)
class Host:
    """A backup host: a state directory of its own, and a source tree."""

    ground: Ground
    name: str = "host"
    options: Options = OPTIONS
    entry: str = "entry"

    def __post_init__(self) -> None:
        self.source.mkdir(exist_ok=True)

    @property
    def source(self) -> Path:
        """The tree it backs up."""
        return self.ground.root / f"{self.name}-source"

    @property
    def state_root(self) -> Path:
        """Where its state directory lies."""
        return self.ground.root / f"{self.name}-state"

    @property
    def state(self) -> RepositoryState:
        """Its state directory for the repository."""
        return RepositoryState(self.state_root, self.ground.connect().id)

    def backup(
        self,
        run: bytes | None = None,
        *,
        repository: Repository | None = None,
        source: Source | None = None,
        cancelled: Cancelled = lambda: False,
        progress: Progress = silent,
        **options: Any,
    ) -> Backup:
        """A run that is not opened yet."""
        repository = repository or self.ground.connect()
        return Backup(
            repository,
            RepositoryState(self.state_root, repository.id),
            source or DirectorySource(self.source, label=self.name, clock=long_after),
            [self.ground.wrapping],
            Identity(run or os.urandom(16), self.entry, self.name, "tester", "proofkeep test", "unknown"),
            replace(self.options, **options),
            cancelled=cancelled,
            progress=progress,
            clock=self.ground.now,
        )

    def run(self, run: bytes | None = None, **how: Any) -> CommitReceipt:
        """One whole run."""
        with self.backup(run, **how) as backup:
            return drive(backup, wait=NO_WAIT)

    def partial_run(self, run: bytes | None = None, **how: Any) -> CommitReceipt:
        """One whole run that ends incomplete."""
        with self.backup(run, **how) as backup:
            try:
                drive(backup, wait=NO_WAIT)
            except PartialSnapshotError:
                return backup.commit()
        raise AssertionError("run was complete")

    def portrait(self) -> Portrait:
        """Everything that a restore of the source has to bring back."""
        return portrait(self.source)

    @contextmanager
    def catalog(self) -> Iterator[Catalog]:
        """Its catalog."""
        with closing(Catalog(self.state.catalog_file)) as catalog:
            yield catalog


def planted_host(root: Path, **how: Any) -> Host:
    """A host on a ground of its own, with a small tree to back up."""
    host = Host(Ground(root / "ground"), **how)
    plant_some(host.source)
    return host


def grown_host(root: Path) -> Host:
    """A host with one snapshot, and new content for several transfers."""
    host = planted_host(root)
    host.run()
    plant(host.source, {f"new/{number}": content(1000 + number, 20_000) for number in range(14)})
    return host


def small_slabs(size: int = 64 << 10) -> AbstractContextManager[Any]:
    """Runs opened meanwhile travel in slabs of that size, so that small trees need many."""
    return patch("proofkeep.backup.run.SlabPool", partial(SlabPool, size=size))


def small_frames(size: int = 4 << 10) -> AbstractContextManager[Any]:
    """Runs meanwhile group small chunks into frames of that size, so that small packs hold little."""
    return patch("proofkeep.backup.compress.FRAME_SIZE", size)


def put(store: ObjectStore, name: str, body: bytes) -> None:
    """Store an object."""
    store.put(name, body, sha256=sha256(body).digest())


def plant(root: Path, files: dict[str, bytes]) -> None:
    """Write files, with the folders they need."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def plant_some(root: Path, *, files: int = 6, size: int = 3000, seed: int = 0) -> None:
    """A small tree: files of incompressible content in two folders, an empty one, and a link."""
    plant(root, {f"d{number % 2}/f{number}": content(seed * 100 + number, size + number) for number in range(files)})
    (root / "empty").touch()
    if not (root / "link").is_symlink():
        (root / "link").symlink_to("d0/f0")


def content(seed: int, size: int) -> bytes:
    """Incompressible bytes, the same for the same seed."""
    return random.Random(seed).randbytes(size)  # noqa: S311 - content, no secret
