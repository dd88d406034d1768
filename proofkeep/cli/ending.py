"""The process's end, once it has said how its command ended.

Taking hundreds of modules down object by object was a sixth of the processor time of a small restore.
"""

import atexit
import os
import sys


class Ending:
    """Spares the interpreter its own taking down; threads are joined and exit functions run before as always.

    Made before anything else asks to be called at exit, it is called last.
    """

    def __init__(self) -> None:
        self.code: int | None = None  # stays so where the interpreter has a defect of ours to tell
        atexit.register(self._end)

    def _end(self) -> None:
        if self.code is None:
            return
        try:
            sys.stdout.flush()
        except (OSError, ValueError):
            return  # the interpreter tries again, and has its own status for it
        os._exit(self.code)
