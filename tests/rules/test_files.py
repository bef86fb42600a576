"""The rules on what the file is: dimensions, aspect ratio, type, size, mode."""

import msgspec
import pytest
from PIL import Image as pillow

from imgbuild.images import Picture, encode
from imgbuild.rules.aspect_ratio import AspectRatio
from imgbuild.rules.dimensions import Dimensions
from imgbuild.rules.file_size import FileSize, in_bytes
from imgbuild.rules.format import FileFormat
from imgbuild.rules.mode import Mode
from imgbuild.types import Finding, Format


def check(rule, picture):
    return rule.judge(rule.measure(picture, {}))


def of_size(width, height):
    return Picture(b"", pillow.new("L", (width, height)))


# --- dimensions ---------------------------------------------------------------------------------------


def test_exact_dimensions():
    rule = Dimensions(width=512, height=384)
    assert check(rule, of_size(512, 384)) == Finding(
        ok=True, figure="512×384", unit="px", limit="width 512, height 384"
    )
    assert not check(rule, of_size(384, 512)).ok


@pytest.mark.parametrize(("width", "ok"), [(99, False), (100, True), (200, True), (201, False)])
def test_dimensions_in_a_range(width, ok):
    finding = check(Dimensions(min_width=100, max_width=200, max_height=9), of_size(width, 5))
    assert (finding.ok, finding.limit) == (ok, "width 100 to 200, height at most 9")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "dimensions has nothing to check: give width, height, or a min_ or max_ of them"),
        ({"width": 0}, "width must be at least 1, not 0"),
        ({"min_height": -5}, "min_height must be at least 1, not -5"),
        ({"min_height": 5, "max_height": 4}, "min_height 5 is above max_height 4: nothing would pass"),
        ({"width": 5, "min_width": 4}, "width is exact: leave out min_width and max_width"),
    ],
)
def test_dimensions_that_cant_be_meant(given, text):
    with pytest.raises(ValueError) as caught:
        Dimensions(**given)
    assert str(caught.value) == text


# --- aspect ratio -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height", "ok"),
    [(1920, 1080, True), (1366, 768, True), (1080, 1920, False), (160, 100, False), (1, 1, False)],
)
def test_aspect_ratio(width, height, ok):
    assert check(AspectRatio(ratio="16:9"), of_size(width, height)).ok is ok


def test_aspect_ratio_tells_what_it_measured():
    assert check(AspectRatio(ratio="4:3"), of_size(1000, 751)) == Finding(
        ok=True, figure=1.33156, limit="4:3 within 1 %"
    )


@pytest.mark.parametrize(
    ("width", "ok"), [(1009, True), (1010, True), (1011, False), (990, True), (989, False)]
)
def test_the_tolerance_is_relative_and_exact(width, ok):
    assert check(AspectRatio(ratio=1), of_size(width, 1000)).ok is ok


def test_no_tolerance():
    assert check(AspectRatio(ratio=1.6, tolerance=0), of_size(16, 10)).ok
    assert not check(AspectRatio(ratio=1.6, tolerance=0), of_size(1601, 1000)).ok


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            {"ratio": "wide"},
            "'wide' is no ratio: write 'width:height' or a number, between 1:1000 and 1000:1",
        ),
        ({"ratio": 1, "tolerance": -0.1}, "tolerance must be between 0 and 1, not -0.1"),
        ({"ratio": 1, "tolerance": 5.0}, "tolerance must be between 0 and 1, not 5.0"),
    ],
)
def test_ratios_that_cant_be_meant(given, text):
    with pytest.raises(ValueError) as caught:
        AspectRatio(**given)
    assert str(caught.value) == text


# --- type and size ------------------------------------------------------------------------------------


def test_format_is_told_by_the_bytes():
    picture = Picture(encode(pillow.new("L", (4, 4)), Format(type="webp")), name="a.png")
    assert check(FileFormat(type="webp"), picture) == Finding(ok=True, figure="webp", limit="webp")
    assert check(FileFormat(type="png"), picture) == Finding(ok=False, figure="webp", limit="png")


def test_an_unknown_format_is_a_fault_of_the_spec():
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": "jpg"}, FileFormat)


def test_file_size():
    rule = FileSize(min=3, max="1 kB")
    assert check(rule, Picture(b"x" * 1000)) == Finding(ok=True, figure=1000, unit="bytes", limit="3 to 1000")
    assert not check(rule, Picture(b"x" * 1001)).ok
    assert not check(rule, Picture(b"xx")).ok


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (17, 17),
        ("17", 17),
        ("17 B", 17),
        ("200 kB", 200_000),
        ("200KB", 200_000),
        ("1.5 MiB", 1_572_864),
        ("0.1 MB", 100_000),
        ("2 GB", 2_000_000_000),
        ("1 KiB", 1024),
        ("0.0001 kB", 0),
    ],
)
def test_sizes_in_words(text, size):
    assert in_bytes(text) == size


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "file_size has nothing to check: give min, max or both"),
        ({"min": "1 MB", "max": "1 kB"}, "min 1000000 is above max 1000: nothing would pass"),
        ({"min": -1}, "min must be at least 0, not -1"),
        ({"max": "1 parsec"}, "'1 parsec' is no file size: write bytes, or a number with kB, MB, KiB or MiB"),
        ({"max": "-1 kB"}, "'-1 kB' is no file size: write bytes, or a number with kB, MB, KiB or MiB"),
        ({"max": ""}, "'' is no file size: write bytes, or a number with kB, MB, KiB or MiB"),
    ],
)
def test_sizes_that_cant_be_meant(given, text):
    with pytest.raises(ValueError) as caught:
        FileSize(**given)
    assert str(caught.value) == text


# --- mode ---------------------------------------------------------------------------------------------


def test_mode():
    opaque = Picture(b"", pillow.new("RGBA", (2, 2), (1, 2, 3, 255)))
    assert check(Mode(mode="RGBA"), opaque) == Finding(ok=True, figure="RGBA, opaque", limit="RGBA")
    assert check(Mode(mode="RGB"), opaque) == Finding(ok=False, figure="RGBA, opaque", limit="RGB")


def test_alpha_counts_where_it_shows():
    pixels = pillow.new("RGBA", (2, 2), (1, 2, 3, 255))
    assert check(Mode(alpha=False), Picture(b"", pixels)).ok
    pixels.putpixel((1, 1), (1, 2, 3, 254))
    assert check(Mode(alpha=True, mode="RGBA"), Picture(b"", pixels)) == Finding(
        ok=True, figure="RGBA, transparent", limit="RGBA, transparent"
    )
    assert not check(Mode(alpha=False), Picture(b"", pixels)).ok
    assert not check(Mode(alpha=True), Picture(b"", pillow.new("RGB", (1, 1)))).ok


def test_transparency_of_a_palette():
    pixels = pillow.new("P", (1, 1))
    pixels.putpalette([1, 2, 3])
    assert check(Mode(mode="P", alpha=False), Picture(b"", pixels)).ok
    pixels.info["transparency"] = 0
    assert check(Mode(mode="P", alpha=True), Picture(b"", pixels)).ok


def test_a_mode_rule_that_checks_nothing():
    with pytest.raises(ValueError) as caught:
        Mode()
    assert str(caught.value) == "mode has nothing to check: give mode, alpha or both"


# --- as the spec writes them --------------------------------------------------------------------------


def test_rules_are_made_from_plain_data():
    rule = msgspec.convert({"min": "200 kB", "on_fail": "reroll"}, FileSize)
    assert (rule.min, rule.on_fail) == ("200 kB", "reroll")


def test_sanity_is_checked_from_plain_data_too():
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"min": 5, "max": 4}, FileSize)
    assert str(caught.value) == "min 5 is above max 4: nothing would pass"
