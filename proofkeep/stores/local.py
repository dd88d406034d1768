"""An object store in a local directory: each object a file of its name below the root.

Create-only holds between processes of this software; nothing keeps the directory's owner from replacing or
removing files. The filesystem must know hard links and `flock`, and the tree must lie on one filesystem. A name
cannot be a folder of other names at the same time; the second comer gets `ObjectExistsError`.

A directory states no digest of its own, so verify reads back. `put` compares the digest of the bytes it hands to
the kernel (`Placed.checked`), which proves what was written, not what a disk gives back. A file that it links is read
and compared as it lies: the first `stat` states that digest while the file is untouched, or it would be read twice.
"""

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from proofkeep.errors import (
    DigestRefusedError,
    ObjectExistsError,
    ObjectMissingError,
    PolicyError,
    StoreUnavailableError,
    TransferFailedError,
    TruncatedError,
)
from proofkeep.model import Clock, Location, ObjectStat, Placed
from proofkeep.ports import Body, Watch, unwatched
from proofkeep.stores.bodies import PIECE, opened, pieces, readable, refuse_huge
from proofkeep.stores.local_errors import MISSING, translated, translating
from proofkeep.stores.local_files import (
    PRIVATE_FOLDER,
    make_folders,
    remove_empty_folders,
    sweep,
    sync_folder,
    temporary,
    write_all,
)
from proofkeep.stores.local_walk import walk
from proofkeep.stores.names import require_name, require_prefix

TEMPORARY = ".tmp"  # no object's name begins with a dot
PUBLISH_ATTEMPTS = 10
SHARED = 0o077
_Mark = tuple[int, int, int]
"""Inode, size and time of the last change of a file."""

UNLINKABLE = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP})


class LocalStore:
    """Objects below `root`, whose parent exists.

    A root that is missing holds nothing, and is made (0700) by the first put: whoever only looks at a mistyped path
    leaves no directory there.

    Args:
        holds: which of a repository's stores it is, for messages: of packs, or of the ledger.

    Raises:
        StoreUnavailableError, StoreDeniedError: the directory cannot be had.
    """

    def __init__(self, root: Path, holds: str = "packs") -> None:
        self._place = f"the {holds} directory {root}"
        with translating("store", self._place):
            self._root = root.resolve()
            self._within = _lineage(self._root)
            self._identity = self._within[0]
            self._root.parent.stat()
        self._temporary = self._root / TEMPORARY
        self._lasting: set[Path] = set()
        self._compared: dict[str, tuple[_Mark, bytes]] = {}

    @property
    def location(self) -> Location:
        """Place is the directory's real path, neighbourhood the number of the filesystem's device."""
        device, _ = next(filter(None, self._within))
        return Location("directory", str(self._root), f"disk:{device}", self._within)

    @property
    def clock(self) -> Clock | None:
        """None: a local directory has no clock but this host's."""
        return None

    @property
    def tls(self) -> None:
        """None: nothing travels."""
        return None

    def put(
        self,
        name: str,
        body: Body,
        *,
        sha256: bytes,
        retain_until_ns: int | None = None,
        replace: bool = False,
        watch: Watch = unwatched,
    ) -> Placed:
        """See the port; the bytes are written aside, compared, fsynced and then linked to their name.

        A file of the same filesystem is not copied but linked itself: its owner may remove it, and must not change it.

        Raises:
            PolicyError: a date was given, and a directory cannot hold objects until one.
        """
        path = self._root / require_name(name)
        if retain_until_ns is not None:
            raise PolicyError(f"object {name} cannot be locked: a directory holds nothing to a date")
        with translating(f"object {name}", self._place):
            self._require_root(make=True)
            if not replace and os.path.lexists(path):
                raise ObjectExistsError(f"object {name} exists")
            if replace or not isinstance(body, Path) or not self._adopt(body, path, name, sha256):
                self._prepare_temporary()
                with temporary(self._temporary) as (aside, descriptor):
                    _write(descriptor, name, body, sha256, watch)
                    self._publish(aside, path, name, replace=replace)
        return Placed(version_id=None, tls=None, checked=True)

    def get(self, name: str, *, offset: int = 0, length: int | None = None, version_id: str | None = None) -> bytes:
        """See the port."""
        with self._opened(name, version_id) as (descriptor, size):
            end = size if length is None else offset + length
            if offset > size or end > size:
                raise TruncatedError(f"object {name} ends at byte {size}, byte {max(offset, end)} was asked for")
            if length is None:
                refuse_huge(name, end - offset)
            parts = []
            while offset < end:
                part = os.pread(descriptor, end - offset, offset)
                if not part:
                    raise TruncatedError(f"object {name} became shorter while it was read")
                parts.append(part)
                offset += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read(self, name: str, *, version_id: str | None = None) -> Iterator[bytes]:
        """See the port."""
        with self._opened(name, version_id) as (descriptor, size):
            seen = 0
            while piece := os.read(descriptor, PIECE):
                seen += len(piece)
                yield piece
        if seen != size:
            raise TransferFailedError(f"object {name} changed its length while it was read")

    def stat(self, name: str, *, version_id: str | None = None) -> ObjectStat:
        """See the port; `sha256` is that of a file linked just before, and else None."""
        with self._opened(name, version_id) as (descriptor, _):
            facts = os.fstat(descriptor)
        mark, digest = self._compared.pop(name, (None, None))
        return _stated(name, facts, digest if mark == _mark(facts) else None)

    def list(self, prefix: str, *, after: str = "") -> Iterator[ObjectStat]:
        """See the port; the names of one folder are in memory at a time."""
        with translating(f"listing of {require_prefix(prefix) or 'the store'}", self._place):
            self._require_root()
            for name, facts in walk(self._root, prefix, after):
                yield _stated(name, facts)

    def delete(self, name: str) -> None:
        """See the port; folders left empty go too. An object that is gone already is no error."""
        path = self._root / require_name(name)
        with translating(f"object {name}", self._place):
            self._require_root()
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError):
                return
            with contextlib.suppress(FileNotFoundError):  # somebody else removed the folder when it fell empty
                sync_folder(path.parent)
            self._lasting.discard(path.parent)
            remove_empty_folders(self._root, path.parent)

    def _require_root(self, *, make: bool = False) -> None:
        """An unmounted disk must neither look like an empty store nor be written beside."""
        if self._identity is None:
            if make:
                self._root.mkdir(PRIVATE_FOLDER, exist_ok=True)
            self._identity = _identity(self._root)
        elif (found := _identity(self._root)) != self._identity:
            lies = "another directory lies" if found else "nothing lies"
            raise StoreUnavailableError(f"store: {lies} where {self._place} was; is the disk mounted")

    def _prepare_temporary(self) -> None:
        if self._temporary not in self._lasting:
            make_folders(self._root, self._temporary)
            sweep(self._temporary)
            self._lasting.add(self._temporary)

    def _adopt(self, file: Path, path: Path, name: str, sha256: bytes) -> bool:
        """Compare a file and link it to its name; False where it has to be copied."""
        with readable(name):
            facts = file.lstat()
        if facts.st_dev != self._root.stat().st_dev or not stat.S_ISREG(facts.st_mode) or facts.st_mode & SHARED:
            return False
        with opened(file, name) as stream:
            if hashlib.file_digest(stream, "sha256").digest() != sha256:
                raise DigestRefusedError(f"object {name} is to have SHA-256 {sha256.hex()}, its file has another")
            os.fsync(stream.fileno())
            mark = _mark(os.fstat(stream.fileno()))
        try:
            self._publish(file, path, name, replace=False)
        except OSError as error:
            if error.errno in UNLINKABLE:
                return False
            raise
        self._compared[name] = mark, sha256
        return True

    def _publish(self, aside: Path, path: Path, name: str, *, replace: bool) -> None:
        for _ in range(PUBLISH_ATTEMPTS):
            try:
                if path.parent not in self._lasting:
                    make_folders(self._root, path.parent)
                    self._lasting.add(path.parent)
                if replace:
                    aside.replace(path)
                else:
                    os.link(aside, path)
                sync_folder(path.parent)
            except FileNotFoundError:
                self._lasting.discard(path.parent)  # somebody removed the folder when it fell empty
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                raise ObjectExistsError(f"object {name} exists") from None
            else:
                return
        raise StoreUnavailableError(f"object {name}: its folder is removed again and again")

    @contextlib.contextmanager
    def _opened(self, name: str, version_id: str | None) -> Iterator[tuple[int, int]]:
        """Descriptor and size of an object."""
        path = self._root / require_name(name)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno not in MISSING:
                raise translated(error, f"object {name}", self._place) from None
            with translating("store", self._place):
                self._require_root()
            raise ObjectMissingError(f"object {name} does not exist") from None
        try:
            with translating(f"object {name}", self._place):
                facts = os.fstat(descriptor)
                if not stat.S_ISREG(facts.st_mode) or version_id is not None:
                    raise ObjectMissingError(f"object {name} does not exist in version {version_id}")
                yield descriptor, facts.st_size
        finally:
            os.close(descriptor)


def _write(descriptor: int, name: str, body: Body, sha256: bytes, watch: Watch) -> None:
    digest = hashlib.sha256()
    written = 0
    for piece in pieces(body, name):
        watch(written)
        digest.update(piece)
        write_all(descriptor, piece)
        written += len(piece)
    if digest.digest() != sha256:
        raise DigestRefusedError(f"object {name} has SHA-256 {digest.hexdigest()}, {sha256.hex()} was sent")
    os.fsync(descriptor)


def _identity(folder: Path) -> tuple[int, int] | None:
    """Device and inode; None when there is nothing of that name."""
    try:
        facts = folder.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(facts.st_mode):
        raise NotADirectoryError(20, "not a directory")
    return facts.st_dev, facts.st_ino


def _lineage(folder: Path) -> tuple[tuple[int, int] | None, ...]:
    """Identities of the folder and of all that hold it; the outermost always exists."""
    return tuple(_identity(each) for each in (folder, *folder.parents))


def _mark(facts: os.stat_result) -> _Mark:
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _stated(name: str, facts: os.stat_result, sha256: bytes | None = None) -> ObjectStat:
    return ObjectStat(name=name, size=facts.st_size, sha256=sha256, modified_ns=facts.st_mtime_ns)
