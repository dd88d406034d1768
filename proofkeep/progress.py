"""Progress for those who do not watch, sizes and counts for those who do."""

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024


def silent(step: str, **counts: int) -> None:
    """Shows nothing; the default `Progress` of every verb."""


def in_units(size: int) -> str:
    """Bytes for a person: `1.5 MiB`."""
    value, unit = float(size), _UNITS[0]
    for unit in _UNITS:
        if value < _STEP or unit == _UNITS[-1]:
            break
        value /= _STEP
    return f"{size} B" if unit == _UNITS[0] else f"{value:.1f} {unit}"


def counted(count: int, what: str, many: str = "") -> str:
    """Count and word, as English has it: `1 pack`, `1,200 packs`.

    Args:
        many: the word of other counts than 1, where it is not `what` with an s.
    """
    return f"{count:,} {what if count == 1 else many or f'{what}s'}"
