"""One moment of the live display."""

import pytest

from imgbuild.report.events import Draw, Fetch, Load
from imgbuild.report.frame import Look, frame_lines

LOOK = Look(
    total=250,
    finished=125,
    failed=4,
    review=1,
    rate=12.5,
    cost=0.04,
    estimate=1.2,
    running=(("catalog/thumbnails[sku=A1,color=red]@sdxl#0", 63.0), ("a/猫#0", 0.25)),
    others=12,
)
BUSY = Look(
    total=20,
    finished=0,
    running=(("a/b#0", 1.0),),
    underway=(
        (Draw(model="sdxl", batch=3, images=4, step=7, steps=30, rate=2.4), 0.1),
        (Fetch(model="flux", source="black-forest-labs/FLUX.1-dev", done=1, total=4, seconds=20), 0.1),
        (Load(model="a model of which the name is long"), 3.0),
    ),
)


def lines(look: Look, width: int, height: int = 24) -> list[str]:
    return [line.plain for line in frame_lines(look, width, height)]


def test_wide() -> None:
    assert lines(LOOK, 120) == [
        "━" * 30 + "─" * 30 + " 125/250",
        "4 failed  1 to review  10 s left  $0.04 of about $1.20  12.5 images/s",
        "  catalog/thumbnails[sku=A1,color=red]@sdxl#0  1 m 03 s",
        f"  a/猫#0{'':42}0.2 s",
        "  and 12 more running",
    ]


def test_narrow() -> None:
    assert lines(LOOK, 40) == [
        "━" * 16 + "─" * 16 + " 125/250",
        "4 failed  1 to review  10 s left  $0.04",
        "  catalog/thumbn…r=red]@sdxl#0  1 m 03 s",
        f"  a/猫#0{'':27}0.2 s",
        "  and 12 more running",
    ]


@pytest.mark.parametrize("width", range(1, 130))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert all(line.cell_len <= width for look in (LOOK, BUSY) for line in frame_lines(look, width, 24))


@pytest.mark.parametrize("height", range(3, 30))
def test_a_low_terminal_names_fewer(height: int) -> None:
    running = tuple((f"a/b#{number}", 1.0) for number in range(16))
    for underway in ((), BUSY.underway):
        look = Look(total=20, finished=0, running=running, underway=underway)
        assert len(lines(look, 80, height)) < max(height, 3)


def test_a_start_says_only_how_far() -> None:
    assert lines(Look(total=3, finished=0), 20) == ["─" * 16 + " 0/3"]


def test_what_it_will_cost_is_told_before_anything_is_spent() -> None:
    look = Look(total=3, finished=0, estimate=1.2)
    assert lines(look, 80)[1] == lines(look, 40)[1] == "about $1.20"


def test_a_slow_pace_is_told_by_the_minute() -> None:
    look = Look(total=3, finished=1, rate=0.05)
    assert lines(look, 80)[1] == "40 s left  3.0 images/min"
    assert lines(look, 40)[1] == "40 s left  3.0/min"


def test_what_models_are_at_comes_before_the_targets() -> None:
    assert lines(BUSY, 80)[1:] == [
        "  sdxl  step 7/30  2.4 it/s  batch 3, 4 images",
        "  fetching black-forest-labs/FLUX.1-dev  1 B of 4 B  1 m 00 s left",
        "  loading a model of which the name is long  3.0 s",
        "  a/b#0  1.0 s",
    ]
    assert lines(BUSY, 30)[1:] == [
        "  sdxl  step 7/30  2.4 it/s",
        "  fetching black…bs/FLUX.1-dev",
        "  loading a mode… name is long",
        "  a/b#0  1.0 s",
    ]
