"""The process beside a restore: `python -m proofkeep.restore_worker SOCKET MEMORY DIRECTORY`, all inherited.

It opens frames that it is handed and fills files below the directory; it ends when the other end of the socket is gone.
"""

import sys

from proofkeep.allocator import expect_churn
from proofkeep.beside import joined
from proofkeep.errors import ProofkeepError, TargetError
from proofkeep.filling import Batch, Filled, Filler, decode_batch
from proofkeep.targets.joined import JoinedTarget


def main(socket: int, memory: int, directory: int) -> None:
    """Serve until the end."""
    connection, sealed = joined(socket, memory)
    expect_churn()
    try:
        chunk_keys, restore_owner = connection.recv()
        target = JoinedTarget(directory, restore_owner=restore_owner)
        filler = Filler(chunk_keys, target)
        while True:
            batch = decode_batch(connection.recv_bytes())
            connection.send((_fill(filler, batch, sealed), target.unset()))
    except (EOFError, OSError):
        return


def _fill(filler: Filler, batch: Batch, sealed: memoryview) -> Filled | ProofkeepError:
    try:
        return filler.fill(batch, sealed)
    except ProofkeepError as error:
        return error
    except Exception as error:  # noqa: BLE001 - the other end must hear of it; its words may name a file
        return TargetError(f"a process that fills the restore's files failed: {type(error).__name__}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
