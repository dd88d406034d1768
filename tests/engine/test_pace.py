import pytest

from proofkeep.pace import Pace, share_of

MIB = 1 << 20


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_steady_step_tells_rate_and_time_left(clock: Clock) -> None:
    pace = Pace(clock)
    for second in range(11):
        clock.now = 100.0 + second
        pace.note({"bytes": second * 2 * MIB, "total_bytes": 200 * MIB})

    assert pace.words() == "2.0 MiB/s, 1m30s left"


def test_rate_is_that_of_the_last_half_minute(clock: Clock) -> None:
    pace = Pace(clock)
    for second in range(200):
        clock.now = 100.0 + second
        pace.note({"bytes": min(second, 100) * MIB, "total_bytes": 200 * MIB})

    assert pace.words() == ""


def test_time_left_follows_files_where_the_bytes_to_come_are_not_known(clock: Clock) -> None:
    pace = Pace(clock)
    pace.note({"files": 0, "bytes": 0, "total_files": 100})
    clock.now += 10
    pace.note({"files": 10, "bytes": MIB, "total_files": 100})

    assert pace.words() == "102.4 KiB/s, 1m30s left"


def test_file_counts_as_some_bytes_where_both_ends_are_known() -> None:
    few_large = {"total_files": 2, "total_bytes": 1 << 30}
    many_small = {"total_files": 1000, "total_bytes": 1000}

    assert share_of({"files": 0, "bytes": 1 << 29} | few_large) == pytest.approx(0.5, abs=0.01)
    assert share_of({"files": 1, "bytes": 1 << 10} | few_large) == pytest.approx(0.0, abs=0.01)
    assert share_of({"files": 500, "bytes": 0} | many_small) == pytest.approx(0.5, abs=0.01)
    assert share_of({"files": 1000, "bytes": 1000} | many_small) == 1.0


def test_end_that_becomes_known_on_the_way_tells_the_time_left_at_once(clock: Clock) -> None:
    pace = Pace(clock)
    for second in range(20):
        clock.now = 100.0 + second
        pace.note({"bytes": second * MIB})
    for second in (20, 22):
        clock.now = 100.0 + second
        pace.note({"bytes": second * MIB, "total_bytes": 112 * MIB})

    assert pace.words() == "1.0 MiB/s, 1m30s left"


@pytest.mark.parametrize("counts", [{}, {"files": 3}, {"bytes": 5, "total_bytes": 0}])
def test_unknown_end_tells_no_time_left(clock: Clock, counts: dict[str, int]) -> None:
    pace = Pace(clock)
    pace.note(counts)
    clock.now += 5
    pace.note(counts)

    assert share_of(counts) is None
    assert pace.seconds_left is None
    assert pace.words() == ""


def test_more_than_was_expected_is_all_of_it() -> None:
    assert share_of({"files": 12, "total_files": 10}) == 1.0
