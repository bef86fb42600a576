import io

import pytest
from PIL import Image as pillow

from imgbuild.errors import BadImage
from imgbuild.sheets.drawing import Piece, draw_sheet
from imgbuild.sheets.layout import LABEL
from imgbuild.types import Sheet


def saved(picture, format="PNG", **options):
    out = io.BytesIO()
    picture.save(out, format=format, **options)
    return out.getvalue()


def pieces(*pictures):
    return [Piece(f"picture {at}", lambda data=data: data) for at, data in enumerate(pictures)]


def plain(color, size=(8, 8), mode="RGB"):
    return saved(pillow.new(mode, size, color))


def test_pictures_keep_their_pixels_and_the_ground_is_clear():
    noise = pillow.effect_noise((16, 8), 80).convert("RGB")
    sheet, layout = draw_sheet(
        Sheet(asset="icons", columns=2, gap=3), pieces(saved(noise), plain("#f008", mode="RGBA"))
    )
    assert (sheet.mode, sheet.size) == ("RGBA", (35, 8))
    assert layout.boxes == ((0, 0, 16, 8), (23, 0, 8, 8))
    assert sheet.crop((0, 0, 16, 8)).convert("RGB").tobytes() == noise.tobytes()
    assert sheet.getpixel((24, 1)) == (255, 0, 0, 136)
    assert sheet.getpixel((17, 1)) == (0, 0, 0, 0)


def test_on_a_ground_of_its_own_a_sheet_has_no_alpha():
    sheet, _ = draw_sheet(Sheet(asset="icons", background="navy"), pieces(plain("#0000", mode="RGBA")))
    assert (sheet.mode, sheet.getpixel((3, 3))) == ("RGB", (0, 0, 128))


def test_what_is_scaled_down_takes_no_colour_from_what_is_transparent():
    picture = pillow.new("RGBA", (32, 32), (0, 255, 0, 0))
    picture.paste((255, 0, 0, 255), (0, 0, 16, 32))
    sheet, _ = draw_sheet(Sheet(asset="icons", cell="8x8"), pieces(saved(picture)))
    assert sheet.size == (8, 8)
    seen = [pixel for pixel in sheet.get_flattened_data() if pixel[3] > 16]
    assert len(seen) >= 32
    assert all(green <= 8 for _, green, _, _ in seen)


def test_a_photograph_that_is_shown_turned_stands_upright():
    exif = pillow.Exif()
    exif[0x0112] = 6
    turned = saved(pillow.new("RGB", (16, 8), "red"), "JPEG", exif=exif.tobytes())
    sheet, layout = draw_sheet(Sheet(asset="icons"), pieces(turned, plain("blue")))
    assert layout.boxes == ((0, 0, 8, 16), (8, 4, 8, 8))
    assert sheet.getpixel((4, 14))[:3] == (254, 0, 0)


def test_labels_are_written_below_and_cut_where_the_cell_ends():
    wide, _ = draw_sheet(Sheet(asset="icons", labels=True), pieces(plain("red", (100, 10))))
    small, _ = draw_sheet(Sheet(asset="icons", labels=True), pieces(plain("red", (20, 10))))
    for sheet in (wide, small):
        band = sheet.crop((0, 10, sheet.width, 10 + LABEL))
        left, _, right, _ = band.getbbox()
        assert 0 <= left < right <= sheet.width
        assert {pixel[:3] for pixel in band.get_flattened_data() if pixel[3]} == {(0, 0, 0)}
    assert wide.size == (100, 10 + LABEL)


@pytest.mark.parametrize(("ground", "ink"), [("black", 255), ("white", 0), ("#333", 255), ("gold", 0)])
def test_labels_can_be_read_on_any_ground(ground, ink):
    sheet, _ = draw_sheet(
        Sheet(asset="icons", labels=True, background=ground), pieces(plain(ground, (100, 10)))
    )
    assert (ink, ink, ink) in set(sheet.get_flattened_data())


def test_a_damaged_picture_is_named():
    with pytest.raises(BadImage) as raised:
        draw_sheet(Sheet(asset="icons"), pieces(plain("red"), b"no picture"))
    assert raised.value.message == "picture 1 is not an image that can be read"
