"""Strata: which files resemble each other, and what a draw from each can claim. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from math import exp, log1p

DAY_NS = 86_400 * 10**9
MAX_DATA_KEYS = 32
CONFIDENCE = 0.95
_ROUNDING = 1e-9

_SIZES = ((1, "empty"), (64 << 10, "small"), (16 << 20, "medium"), (1 << 30, "large"))
_AGES = ((8, "week"), (35, "month"), (100, "quarter"), (400, "year"))


def size_class(size: int) -> str:
    """`empty`, `small` below 64 KiB, `medium` below 16 MiB, `large` below 1 GiB, `huge`."""
    return next((name for limit, name in _SIZES if size < limit), "huge")


def age_class(age_ns: int) -> str:
    """`week` below 8 days, `month` below 35, `quarter` below 100, `year` below 400, `older`."""
    return next((name for limit, name in _AGES if age_ns < limit * DAY_NS), "older")


@dataclass(frozen=True, slots=True, order=True)
class Stratum:
    """Files of one inventory entry, key, size class and age class.

    Attributes:
        key: id of the data key that sealed a file's first chunk, `none` for files without content; `epoch-<n>` in
            place of ids where more than 32 data keys are in use.
    """

    entry: str
    key: str
    size: str
    age: str

    def of_epoch(self, epoch: int) -> "Stratum":
        """The coarser stratum, with the data key's epoch in place of the data key."""
        return Stratum(self.entry, f"epoch-{epoch}", self.size, self.age)


def too_many(keys: Collection[str]) -> bool:
    """Whether so many different data keys are in use that strata go by their epochs."""
    return len(keys) > MAX_DATA_KEYS


def least_seen(files: int, drawn: int) -> int | None:
    """The smallest number of damaged files among `files` of which `drawn` random ones meet one with 95 % probability.

    Hypergeometric: 1 - C(files - damaged, drawn) / C(files, drawn). None when nothing was drawn.
    """
    if not drawn:
        return None
    low, high = 1, files
    while low < high:
        damaged = (low + high) // 2
        if _chance_missed(files, drawn, damaged) <= 1 - CONFIDENCE + _ROUNDING:
            high = damaged
        else:
            low = damaged + 1
    return low


def _chance_missed(files: int, drawn: int, damaged: int) -> float:
    if drawn > files - damaged:
        return 0.0
    return exp(sum(log1p(-damaged / (files - number)) for number in range(drawn)))


def confidence(population: int, drawn: int, strata: int) -> str:
    """What the draw can claim, in words that do not claim more."""
    if not drawn:
        return "nothing was drawn; no claim"
    if drawn == population:
        return f"{drawn} of {population} files: the whole population was drawn, there is nothing to infer"
    return (
        f"{drawn} of {population} files from {strata} strata; per stratum `least_seen_95` is the smallest number of "
        "damaged files that such a draw meets with 95 % probability (hypergeometric); strata are drawn at different "
        "rates, so this is not a statistical claim about all files together"
    )
