"""The colours of another picture."""

import io

import pytest
from PIL import Image as pillow
from PIL import ImageStat
from skimage import data

from imgbuild.errors import TargetError
from imgbuild.keys import operation_fields
from imgbuild.process.color import Color


def photograph(name):
    return pillow.fromarray(getattr(data, name)()).convert("RGB")


def saved(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def matched(picture, reference, **given):
    return Color(match="ref.png", **given).apply_with(picture, {"ref.png": saved(reference)})


def test_means_and_spreads_are_those_of_the_reference():
    other = photograph("astronaut")
    made = ImageStat.Stat(matched(photograph("coffee"), other))
    wanted = ImageStat.Stat(other)
    assert made.mean == pytest.approx(wanted.mean, abs=2)
    assert made.stddev == pytest.approx(wanted.stddev, abs=2)


def test_a_picture_like_itself_stays():
    picture = photograph("coffee")
    assert matched(picture, picture).tobytes() == picture.tobytes()


def test_two_levels_by_hand():
    picture = pillow.frombytes("L", (4, 1), bytes([10, 10, 10, 90]))
    reference = pillow.frombytes("L", (4, 1), bytes([50, 50, 50, 200]))
    assert list(matched(picture, reference).tobytes()) == [50, 50, 50, 200]


def test_alpha_stays():
    picture = photograph("coffee")
    alpha = pillow.linear_gradient("L").resize(picture.size)
    picture.putalpha(alpha)
    assert matched(picture, photograph("astronaut")).getchannel("A").tobytes() == alpha.tobytes()


def test_the_file_is_in_the_key_and_nothing_where_there_is_none():
    assert set(operation_fields(Color(levels=(0, 0)))) == {"name", "version", "white_balance", "levels"}
    assert operation_fields(Color(match="ref.png"), {"ref.png": "d"}.get)["files"] == ["d"]


def test_a_reference_that_is_no_picture():
    with pytest.raises(TargetError) as caught:
        Color(match="ref.png").apply_with(photograph("coffee"), {"ref.png": b"no picture"})
    assert caught.value.message == "ref.png is not an image that can be read"


def test_nothing_to_do():
    with pytest.raises(ValueError) as caught:
        Color()
    assert str(caught.value) == "color has nothing to do: give white_balance, levels or match"
