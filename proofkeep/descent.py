"""Step through a tree by directory descriptors, one component at a time, following no symbolic link.

Sources and targets stand on it. Every step opens one name below a directory already held, so a directory swapped for a
link leads nowhere, and neither PATH_MAX nor the process's limit of descriptors bounds the depth.
"""

import os
from collections import deque

HELD = 64
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Descent:
    """A place in a tree: the directories from a root down to a current one. For one thread at a time.

    Only the deepest `held` descriptors stay open besides the root's; further up they are opened again from the root
    when needed. Every method that opens raises OSError; the place stays as it was.
    """

    def __init__(self, root: int, *, held: int = HELD) -> None:
        """Take over the descriptor `root`; `close` closes it."""
        self._root = root
        self._held = held
        self._names: list[bytes] = []
        self._open: deque[int] = deque()
        self._path = b""

    def current(self) -> int:
        """The descriptor of the current directory, valid until the next step."""
        if self._open:
            return self._open[-1]
        if not self._names:
            return self._root
        return self._reopen()

    def down(self, name: bytes) -> int:
        """Open the directory `name` (one component) below the current one and make it current."""
        descriptor = os.open(name, DIRECTORY, dir_fd=self.current())
        self._names.append(name)
        self._path = b""
        self._hold(descriptor)
        return descriptor

    def up(self) -> None:
        """Make the parent of the current directory current."""
        self._names.pop()
        self._path = b""
        if self._open:
            os.close(self._open.pop())

    def enter(self, path: bytes) -> int:
        """Make the directory at `path` current: components joined by `/`, b"" for the root.

        Where a step fails, the place is the deepest directory that could be reached.
        """
        if path and path == self._path:
            return self.current()
        for name in self.approach(path):
            self.down(name)
        self._path = path
        return self.current()

    def approach(self, path: bytes) -> list[bytes]:
        """Go up to the deepest directory shared with `path`; the components still to go down are returned."""
        names = path.split(b"/") if path else []
        shared = 0
        for ours, theirs in zip(self._names, names, strict=False):
            if ours != theirs:
                break
            shared += 1
        while len(self._names) > shared:
            self.up()
        return names[shared:]

    def close(self) -> None:
        """Close every descriptor, the root's too."""
        while self._open:
            os.close(self._open.pop())
        self._names.clear()
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def _hold(self, descriptor: int) -> None:
        self._open.append(descriptor)
        if len(self._open) > self._held:
            os.close(self._open.popleft())

    def _reopen(self) -> int:
        directory = self._root
        try:
            for name in self._names:
                directory = os.open(name, DIRECTORY, dir_fd=directory)
                self._hold(directory)
        except OSError:
            while self._open:
                os.close(self._open.pop())
            raise
        return directory
