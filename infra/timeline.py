"""Prefect's timeline of a flow run, read from a picture: it is drawn on a canvas, where a page has no words.

How wide a bar is depends on how long its task took and how long the run waited to begin; its height does not.
"""

from PIL.Image import Image

COMPLETED_GREEN = (34, 157, 75)  # of a completed task run, give or take a rounding
ROUNDING = 2
BAR_PIXELS_HIGH = range(16, 41)  # 32 where nothing has to be made to fit
STRIP_PIXELS_HIGH = 8  # of the run's own states, along the lower edge
CORNER_PIXELS = 16  # rounded off

Place = tuple[int, int]


def completed_bars(drawn: Image) -> int:
    """How many task runs are drawn as completed."""
    left = _green(drawn)
    bars = 0
    while left:
        rows = {row for _, row in _taken_together(left)}
        bars += max(rows) - min(rows) + 1 in BAR_PIXELS_HIGH
    return bars


def ends_completed(drawn: Image) -> bool:
    """Whether the run's own state is drawn as completed at the end, on the right."""
    right, low = drawn.width - CORNER_PIXELS, drawn.height
    end = drawn.crop((right - STRIP_PIXELS_HIGH, low - STRIP_PIXELS_HIGH, right, low))
    return len(_green(end)) > end.width * end.height // 2


def _green(drawn: Image) -> set[Place]:
    pixels = drawn.convert("RGB").tobytes()
    width = drawn.width
    return {
        (place % width, place // width)
        for place, colour in enumerate(zip(pixels[::3], pixels[1::3], pixels[2::3], strict=True))
        if all(abs(seen - wanted) <= ROUNDING for seen, wanted in zip(colour, COMPLETED_GREEN, strict=True))
    }


def _taken_together(left: set[Place]) -> set[Place]:
    """Take one place and all that touch it, at a side, out of `left`."""
    found = {left.pop()}
    edge = list(found)
    while edge:
        column, row = edge.pop()
        beside = {(column - 1, row), (column + 1, row), (column, row - 1), (column, row + 1)} & left
        left -= beside
        found |= beside
        edge += beside
    return found
