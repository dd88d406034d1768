from pathlib import Path

from benchmarks import curves
from benchmarks.curves import Point
from benchmarks.growth_report import table

MIB = 1 << 20


def line(*walls: float, curve: str = "size", work: str = "first") -> list[Point]:
    return [Point(curve, 2.0**number, work, wall, wall, 100 * MIB) for number, wall in enumerate(walls)]


def test_cost_of_one_more_leaves_the_start_up_out() -> None:
    points = line(10 + 1, 10 + 2, 10 + 4)

    assert curves.cost_of_one_more(points) == [(2, 1), (4, 1)]


def test_straight_line_with_a_start_up_is_left_nowhere() -> None:
    assert curves.leaves_line_at(line(11, 12, 14, 18, 26)) is None


def test_curve_leaves_its_line_where_one_more_costs_more() -> None:
    assert curves.leaves_line_at(line(11, 12, 14, 20, 40)) == 8


def test_noise_makes_no_line() -> None:
    assert curves.leaves_line_at(line(1.0, 1.01, 1.2, 1.3, 1.24)) is None


def test_points_are_read_as_written(tmp_path: Path) -> None:
    points = line(1, 2) + line(3, 4, work="restore")

    curves.write(tmp_path / "growth.json", points)

    assert curves.read(tmp_path / "growth.json") == points


def test_curve_measured_anew_replaces_the_known_one() -> None:
    known = line(1, 2) + line(5, 6, curve="files")

    assert curves.merged(known, line(3)) == line(5, 6, curve="files") + line(3)


def test_table_tells_both_ends_and_where_the_line_is_left() -> None:
    told = table(line(11, 12, 14, 20, 40), "size")

    assert "| first | 1: 11.00 s, 100 MiB | 16: 40.00 s, 100 MiB | 2,500 ms | 8 |" in told
