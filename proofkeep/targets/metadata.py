"""Owner, attributes, mode and time of a restored node, in the order in which none undoes another."""

import grp
import os
import pwd
import stat
import threading
from functools import lru_cache

from proofkeep.targets.entry import MAX_ID, Metadata

ALL_BITS = 0o7777
PRIVILEGED_BITS = stat.S_ISUID | stat.S_ISGID
CAPABILITY = b"security.capability"


class MetadataWriter:
    """Sets what an entry says as far as this process may, and counts what it may not. Safe from several threads."""

    def __init__(self, *, restore_owner: bool) -> None:
        """Owners stay this process's own unless `restore_owner`."""
        self.owners_unset = 0
        self.xattrs_unset = 0
        self._restore_owner = restore_owner
        self._lock = threading.Lock()

    def apply(self, place: int | bytes, entry: Metadata, *, link: bool = False) -> None:
        """Set everything on `place`: a descriptor, or the /proc path of one (then also of a symbolic link).

        Set-uid, set-gid and file capabilities are kept only where the owner is restored too.

        Raises:
            OSError: mode or time cannot be set.
        """
        owned = self._restore_owner and self._own(place, entry)
        self._set_attributes(place, entry, owned=owned)
        if not link:
            mode = entry.mode & ALL_BITS
            os.chmod(place, mode if owned else mode & ~PRIVILEGED_BITS)  # noqa: PTH101 - a descriptor
        os.utime(place, ns=(entry.mtime_ns, entry.mtime_ns))

    def _own(self, place: int | bytes, entry: Metadata) -> bool:
        owner = local_owner(entry.owner, entry.uid, entry.group, entry.gid)
        try:
            if _owner(place) != owner:  # to say it again costs the filesystem a transaction
                os.chown(place, *owner)
        except OSError:
            with self._lock:
                self.owners_unset += 1
            return False
        return True

    def _set_attributes(self, place: int | bytes, entry: Metadata, *, owned: bool) -> None:
        unset = 0
        for name, value in entry.xattrs:
            if name == CAPABILITY and not owned:
                unset += 1
                continue
            try:
                os.setxattr(place, name, value)
            except (OSError, ValueError):
                # The filesystem has none of this kind, this user may not, or no system could (ValueError: a NUL).
                unset += 1
        if unset:
            with self._lock:
                self.xattrs_unset += unset


def _owner(place: int | bytes) -> tuple[int, int]:
    status = os.stat(place)  # noqa: PTH116 - a descriptor
    return status.st_uid, status.st_gid


@lru_cache(maxsize=1024)
def local_owner(owner: bytes, uid: int, group: bytes, gid: int) -> tuple[int, int]:
    """User and group id on this host of a source's owner and group."""
    return local_user(owner, uid), local_group(group, gid)


@lru_cache(maxsize=1024)
def local_user(name: bytes, number: int) -> int:
    """The user id that `name` has on this host, or `number` where it is unknown."""
    try:
        found = pwd.getpwnam(os.fsdecode(name)).pw_uid if name else number
    except (KeyError, ValueError):
        return number
    return found if found <= MAX_ID else number


@lru_cache(maxsize=1024)
def local_group(name: bytes, number: int) -> int:
    """The group id that `name` has on this host, or `number` where it is unknown."""
    try:
        found = grp.getgrnam(os.fsdecode(name)).gr_gid if name else number
    except (KeyError, ValueError):
        return number
    return found if found <= MAX_ID else number
