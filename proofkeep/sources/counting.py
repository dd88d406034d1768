"""How many files a source holds, and how many bytes: counted beside its backup, for whoever wants to know its end."""

import os
from collections.abc import Generator, Iterator

import msgspec

from proofkeep.ports import UNKNOWN, Counts
from proofkeep.sources.patterns import Selection, Verdict

encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Counts).decode


class Order(msgspec.Struct, array_like=True, frozen=True):
    """What a process beside this one is to walk: the arguments of `DirectorySource`, its root as a descriptor."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    exclude_roots: tuple[bytes, ...]
    one_filesystem: bool
    xattrs: bool


def names_below(
    root: int, selection: Selection, leave_out: frozenset[tuple[int, int]], *, one_filesystem: bool
) -> Iterator[tuple[os.DirEntry[bytes], bool]]:
    """Every name below the open `root` that a walk would meet, in no order, and whether it would take it.

    Enters nothing that a walk would not enter; what cannot be looked at is passed over: whoever walks will say so.
    """
    top = b"/proc/self/fd/%d" % root
    device = os.fstat(root).st_dev
    everything = selection.takes_everything
    folders = [(top, False)]
    while folders:
        folder, inside = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    directory = entry.is_dir(follow_symlinks=False)
                    verdict = Verdict.TAKE
                    if not everything:
                        verdict = selection.judge(entry.path[len(top) + 1 :], directory=directory, inside=inside)
                    yield entry, verdict is Verdict.TAKE
                    if not directory or verdict is Verdict.LEAVE:
                        continue
                    status = entry.stat(follow_symlinks=False)
                    elsewhere = one_filesystem and status.st_dev != device
                    if not elsewhere and (status.st_dev, status.st_ino) not in leave_out:
                        folders.append((entry.path, verdict is Verdict.TAKE))
        except OSError:
            continue


def counted_beside(root: int, order: Order) -> Generator[Counts, None, None]:
    """What a process of the lowest priority counts below the open `root`, which is closed here.

    `UNKNOWN` until it has ended, and for ever where it cannot be had or fails. Closing this ends it.
    """
    from proofkeep.beside import Beside  # noqa: PLC0415 - most backups know from the last one

    beside, counts = None, UNKNOWN
    try:
        said = encode(order)
        beside = Beside("proofkeep.count_worker", 1, [root])
        beside.connection.send_bytes(said)
        while not beside.connection.poll():
            yield UNKNOWN
        counts = _decode(beside.connection.recv_bytes())
    except (OSError, EOFError, UnicodeError, msgspec.DecodeError):
        pass
    finally:
        os.close(root)
        if beside is not None:
            beside.process.kill()  # it has nothing to lose
            beside.end()
    while True:
        yield counts
