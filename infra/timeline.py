"""Prefect's timeline of a flow run, read from a picture: it is drawn on a canvas, where a page has no words.

How wide a bar is depends on how long its task took and how long the run waited to begin; its height does not.
"""

from PIL.Image import Image

COMPLETED_GREEN = (34, 157, 75)  # of a completed task run, give or take a rounding
ROUNDING = 2
BAR_PIXELS_HIGH = range(16, 41)  # 32 where nothing has to be made to fit
STRIP_PIXELS_HIGH = 8  # of the run's own states, along the lower edge
CORNER_PIXELS = 16  # rounded off
LIGHT = 170  # and above, in each of red, green and blue

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
    """Whether the last of the run's own states is drawn as completed; what is drawn may go on behind it, empty."""
    low = drawn.height
    strip = drawn.crop((CORNER_PIXELS, low - STRIP_PIXELS_HIGH, drawn.width - CORNER_PIXELS, low)).convert("RGB")
    middle = STRIP_PIXELS_HIGH // 2
    ends = [column for column in range(strip.width) if _is_coloured(strip.getpixel((column, middle)))]
    if not ends:
        return False
    end = strip.crop((max(ends[-1] - STRIP_PIXELS_HIGH, 0), 0, ends[-1], STRIP_PIXELS_HIGH))
    return len(_green(end)) > end.width * end.height // 2


def _is_coloured(pixel: object) -> bool:
    """Unlike the background and its lines, which are light."""
    return isinstance(pixel, tuple) and min(pixel) < LIGHT


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
