import pytest

from proofkeep.configuration.rate import parse_rate
from proofkeep.errors import UsageError


@pytest.mark.parametrize(
    "spelled, rate",
    [
        ("64 KiB/s", 65_536),
        ("20 MiB/s", 20 << 20),
        ("20MiB/s", 20 << 20),
        ("1.5 MiB/s", 3 << 19),
        ("1 GiB/s", 1 << 30),
    ],
)
def test_rate_is_read_in_binary_units(spelled: str, rate: int) -> None:
    assert parse_rate(spelled) == rate


@pytest.mark.parametrize(
    "spelled",
    [
        "",
        "20",
        "20 MB/s",
        "20 Mbit/s",
        "20 MiB",
        "0 MiB/s",
        "-1 MiB/s",
        "63 KiB/s",
        "1e3 MiB/s",
        " 1 MiB/s",
        "1 MiB/s\n",
    ],
)
def test_anything_else_is_refused(spelled: str) -> None:
    with pytest.raises(UsageError, match="rate "):
        parse_rate(spelled)
