"""Bars of the timeline, counted in a picture."""

from PIL import Image, ImageDraw

from infra.timeline import COMPLETED_GREEN, completed_bars, ends_completed


def test_bars_are_counted_whatever_their_width_and_nothing_else_is() -> None:
    drawn = Image.new("RGB", (600, 200), "white")
    pen = ImageDraw.Draw(drawn)
    for bar in ((10, 10, 14, 33), (40, 10, 300, 33), (40, 50, 60, 73)):
        pen.rounded_rectangle(bar, radius=2, fill=COMPLETED_GREEN)
    pen.rectangle((80, 50, 120, 73), fill=(251, 78, 78))  # a task run that failed
    pen.rectangle((0, 192, 599, 199), fill=COMPLETED_GREEN)  # the run's own state

    assert completed_bars(drawn) == 3


def test_run_is_drawn_as_completed_where_its_last_state_is() -> None:
    drawn = Image.new("RGB", (600, 200), "white")
    pen = ImageDraw.Draw(drawn)
    pen.rectangle((40, 150, 599, 182), fill=COMPLETED_GREEN)  # a task run
    pen.rectangle((0, 192, 599, 199), fill=(223, 3, 36))
    assert not ends_completed(drawn)

    pen.rectangle((300, 192, 599, 199), fill=COMPLETED_GREEN)
    assert ends_completed(drawn)

    pen.rectangle((500, 192, 599, 199), fill="white")  # the timeline goes on behind the run's end
    pen.line((550, 0, 550, 199), fill=(204, 206, 214))
    assert ends_completed(drawn)

    pen.rectangle((480, 192, 499, 199), fill=(223, 3, 36))
    assert not ends_completed(drawn)
    assert not ends_completed(Image.new("RGB", (600, 200), "white"))
