"""What came of an abandoned run that another one took up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Adopted:
    """What came of one abandoned run.

    Attributes:
        run: its id, hex.
        packs, bytes: all of its packs, in the store and known to every later run.
        sent: of these, what was sent just now; the others had arrived before.
        lost: packs that it had sealed and that are gone from store or spool; their chunks are sealed anew.
    """

    run: str
    packs: int
    bytes: int
    sent: int
    lost: int
