"""A directory tree as the place of a restore. Believes no manifest; knows nothing of packs, chunks or keys."""

import os
import stat
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from proofkeep.descent import Descent
from proofkeep.errors import MalformedError, RestoreError, TargetError, UnsafePathError
from proofkeep.model import Kind
from proofkeep.targets.contents import Contents
from proofkeep.targets.deferred import DeferredDirectories
from proofkeep.targets.entry import Skipped, TreeEntry, check_numbers, data_places, device_numbers, link_text, split
from proofkeep.targets.failures import for_entry, for_target
from proofkeep.targets.files import RestoredFile
from proofkeep.targets.metadata import MetadataWriter
from proofkeep.targets.shared import SharedTree
from proofkeep.targets.staging import Staging
from proofkeep.targets.writeback import Writeback

MAX_IMPLIED = 65_536
DEVICES = {Kind.CHARACTER_DEVICE: stat.S_IFCHR, Kind.BLOCK_DEVICE: stat.S_IFBLK}


class DirectoryTarget:
    """Grows a tree in a private directory beside `final` and names it in one step, or leaves nothing.

    Every name is reached component by component from the private directory without following a link, so no manifest
    leads outside. Methods may be called from several threads, `complete` and `abandon` once all others are done.

    Each method that takes an entry raises, and leaves the target fit for the next entry:
        UnsafePathError: the entry is hostile or damaged.
        TargetError: this filesystem or user cannot store it; the message says no name.
        MalformedError: it is of no known kind.
    `TargetFullError` ends the restore.
    """

    _descent: Descent
    _directories: DeferredDirectories
    _writeback: Writeback

    def __init__(
        self, final: Path, *, allow_devices: bool = False, restore_owner: bool | None = None, sync: bool = True
    ) -> None:
        """Nothing is touched before `begin`; owners are restored by default when this process is root's.

        Without `sync`, `complete` does not wait for the disk: a power cut soon afterwards may leave a named tree whose
        files are short or empty.
        """
        self.restores_owner = os.geteuid() == 0 if restore_owner is None else restore_owner
        self._final = final
        self._sync = sync
        self._allow_devices = allow_devices
        self._lock = threading.Lock()
        self._staging: Staging | None = None
        self._forget()

    def _forget(self) -> None:
        """Whatever an attempt that was abandoned has left to know: the next one begins with nothing."""
        self._metadata = MetadataWriter(restore_owner=self.restores_owner)
        self._implied: set[int] = set()
        self._unfinished = 0
        self._prepared = b""
        self._contents = Contents(self._enter, self._lock, self._metadata)

    @property
    def owners_unset(self) -> int:
        """How many entries kept this process's owner although theirs was to be restored."""
        return self._metadata.owners_unset

    @property
    def xattrs_unset(self) -> int:
        """How many extended attributes this filesystem or user could not set."""
        return self._metadata.xattrs_unset

    def begin(self) -> None:
        """Make the private directory; again, after an attempt that was abandoned.

        Raises:
            TargetError: `final` is neither absent nor an empty directory, or cannot be written beside.
            TargetFullError: there is no room.
        """
        self._forget()
        self._staging = Staging(self._final, sync=self._sync)
        self._writeback = self._staging.writeback
        self._descent = Descent(os.dup(self._staging.directory))
        self._directories = DeferredDirectories(f"/proc/self/fd/{self._staging.directory}")

    def make(self, entry: TreeEntry) -> Skipped | None:
        """Make anything that has no content, metadata included; a directory's is set by `complete`.

        Returns:
            Why the entry was left out on purpose, or None.
        """
        check_numbers(entry)
        kind = _kind(entry)
        if kind is Kind.SOCKET:
            return Skipped.SOCKET
        if kind in DEVICES and not self._allow_devices:
            return Skipped.DEVICE
        if kind is Kind.FILE:
            self._make_empty_file(entry)
            return None
        with self._lock, for_entry():
            if kind is Kind.DIRECTORY:
                self._make_directory(entry)
            else:
                self._make_node(entry, kind)
        return None

    def put_file(self, entry: TreeEntry, data: bytes | memoryview) -> None:
        """Make a regular file without holes, all content and metadata at once; nothing of it stays after an error."""
        self._contents.put_file(entry, data)
        self._writeback.wrote(len(data))

    def create(self, entry: TreeEntry) -> RestoredFile:
        """Make a regular file of the entry's length, to be filled by `write` and ended by `finish` or `discard`."""
        check_numbers(entry)
        places = data_places(entry)
        descriptor = self._contents.create(entry.path)
        file = RestoredFile(entry, places, descriptor)
        self._contents.files.add(file.layout, descriptor)
        with self._lock:
            self._unfinished += 1
        try:
            with for_entry(), self._contents.files.descriptor(file.layout) as descriptor:
                file.reserve(descriptor)
        except BaseException:
            self.discard(file)
            raise
        return file

    def write(self, file: RestoredFile, position: int, data: bytes | memoryview) -> None:
        """Write content; `position` counts the file's data in order, as its chunks hold it, holes left out."""
        self._contents.write(file.layout, position, data)
        self._wrote(file, len(data))

    def finish(self, file: RestoredFile) -> None:
        """Set the metadata of a file whose content is complete and close it.

        Raises:
            TargetError: content is missing or metadata cannot be set; the file stays to be written or discarded.
        """
        if file.written != file.layout.data_size:
            raise TargetError(f"an entry has {file.written} bytes of content, not {file.layout.data_size}")
        with for_entry(), self._contents.files.descriptor(file.layout) as descriptor:
            self._metadata.apply(descriptor, file.entry)
        self._close(file)

    def discard(self, file: RestoredFile) -> None:
        """Remove a file whose content cannot be completed."""
        self._close(file)
        self._contents.unlink(file.entry.path)

    def share(self) -> SharedTree:
        """What it takes to let further processes fill files, each with a `JoinedTarget`."""
        if self._staging is None:
            raise TargetError("the restore target was not begun")
        return SharedTree(self._staging.directory, self.restores_owner, self._prepare, self._wrote)

    def link(self, path: bytes, existing: bytes) -> None:
        """Give the regular file `existing` of this restore the further name `path`."""
        parent, name = split(path)
        there, its_name = split(existing)
        with self._lock, for_entry():
            directory = os.dup(self._descent.enter(there))
            try:
                status = os.stat(its_name, dir_fd=directory, follow_symlinks=False)
                if not stat.S_ISREG(status.st_mode):
                    raise UnsafePathError("an entry is a hardlink to something that is no file")
                os.link(its_name, name, src_dir_fd=directory, dst_dir_fd=self._enter(parent), follow_symlinks=False)
            finally:
                os.close(directory)

    def complete(self) -> None:
        """Set the directories' metadata, deepest first, bring all to disk, and give the tree its final name.

        Raises:
            TargetError: files are unfinished, or the final name was taken meanwhile; `abandon` is still due.
            TargetFullError: what was written found no room after all; `abandon` is still due.
        """
        if self._staging is None or self._unfinished:
            raise TargetError(f"the restore target has {self._unfinished} unfinished files, or was not begun")
        with for_target("a directory's metadata cannot be set"):
            for kept in self._directories.backwards():
                self._metadata.apply(self._descent.enter(kept.path), kept)
        self._staging.publish()
        staging, self._staging = self._staging, None
        self._release()
        staging.settle()

    def abandon(self) -> None:
        """Remove everything that was restored; nothing to do after `complete`.

        Raises:
            TargetError: something of it stays.
        """
        if self._staging is None:
            return
        staging, self._staging = self._staging, None
        self._release()
        staging.remove()

    def __enter__(self) -> Self:
        """Begin."""
        self.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Abandon what was not completed."""
        self.abandon()

    def _make_empty_file(self, entry: TreeEntry) -> None:
        file = self.create(entry)
        try:
            self.finish(file)
        except RestoreError:
            self.discard(file)
            raise

    def _make_directory(self, entry: TreeEntry) -> None:
        if entry.path:
            parent, name = split(entry.path)
            directory = self._enter(parent)
            try:
                os.mkdir(name, 0o700, dir_fd=directory)
            except FileExistsError:
                inode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_ino
                if inode not in self._implied:
                    raise
                self._implied.remove(inode)
        self._directories.add(entry)

    def _make_node(self, entry: TreeEntry, kind: Kind) -> None:
        parent, name = split(entry.path)
        directory = self._enter(parent)
        if kind is Kind.SYMLINK:
            os.symlink(link_text(entry), name, dir_fd=directory)
        elif kind is Kind.FIFO:
            os.mkfifo(name, 0o600, dir_fd=directory)
        else:
            os.mknod(name, 0o600 | DEVICES[kind], device_numbers(entry), dir_fd=directory)
        place = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            self._metadata.apply(b"/proc/self/fd/%d" % place, entry, link=kind is Kind.SYMLINK)
        except OSError:
            os.unlink(name, dir_fd=directory)
            raise
        finally:
            os.close(place)

    def _prepare(self, path: bytes) -> None:
        parent, _ = split(path)
        if parent != self._prepared:
            with self._lock, for_entry():
                self._enter(parent)
            self._prepared = parent

    def _wrote(self, file: RestoredFile | None, count: int) -> None:
        if file is not None:
            with self._lock:
                file.written += count
        self._writeback.wrote(count)

    def _close(self, file: RestoredFile) -> None:
        self._contents.files.remove(file.layout)
        with self._lock:
            self._unfinished -= 1

    def _enter(self, parent: bytes) -> int:
        """The open directory `parent`, made with what it lacks; the caller holds the lock while it uses it.

        A directory whose own entry is damaged or comes later is private until that entry says otherwise.
        """
        for name in self._descent.approach(parent):
            try:
                self._descent.down(name)
            except FileNotFoundError:
                if len(self._implied) >= MAX_IMPLIED:
                    raise TargetError(f"more than {MAX_IMPLIED} directories have no entry of their own") from None
                os.mkdir(name, 0o700, dir_fd=self._descent.current())
                self._implied.add(os.fstat(self._descent.down(name)).st_ino)
        return self._descent.current()

    def _release(self) -> None:
        self._contents.files.close()
        self._directories.close()
        self._descent.close()


def _kind(entry: TreeEntry) -> Kind:
    try:
        return Kind(entry.kind)
    except ValueError:
        raise MalformedError(f"an entry has the unknown kind {entry.kind}") from None
