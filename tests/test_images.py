"""Decoding hostile and odd files, encoding the same bytes again, digests and hashes of pixels."""

import io
import struct
import zlib
from fractions import Fraction

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as pillow

from imgbuild import images
from imgbuild.errors import BadImage, TargetError
from imgbuild.images import Picture, decode, encode, normal
from imgbuild.types import Format

KINDS = ("png", "jpeg", "webp", "avif", "tiff")
KNOWN = "hint: known types: PNG, JPEG, WEBP, AVIF, TIFF, GIF, BMP, ICO"


def levels(picture):
    """The pixels as nested lists, row by row."""
    return np.asarray(picture).tolist()


def noise(mode, width=9, height=7, seed=1):
    depth = len(pillow.new(mode, (1, 1)).getbands())
    pixels = np.random.default_rng(seed).integers(0, 256, width * height * depth, dtype=np.uint8)
    return pillow.frombytes(mode, (width, height), pixels.tobytes())


def saved(picture, kind, **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


SAMPLES = {
    **{kind: encode(noise("RGB", 40, 30), Format(type=kind)) for kind in KINDS},
    "gif": saved(noise("L", 40, 30), "GIF"),
    "bmp": saved(noise("RGB", 40, 30), "BMP"),
    "exif": saved(
        noise("RGB", 40, 30), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
    ),
}


# --- bytes that are no picture ------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"just text in a file named a.png", b"\0" * 64])
def test_bytes_that_are_no_image(data):
    with pytest.raises(BadImage) as caught:
        decode(data, "photos/a.png")
    assert str(caught.value) == f"error: photos/a.png is not an image that can be read\n{KNOWN}"


def test_a_damaged_image_says_so():
    with pytest.raises(BadImage) as caught:
        decode(SAMPLES["bmp"][:-50], "a.bmp")
    assert str(caught.value) == (
        "error: a.bmp is damaged: image file is truncated (70 bytes not processed)\n"
        "hint: replace the file; its pixels can't be read"
    )


def test_types_that_run_code_or_tools_are_not_read():
    with pytest.raises(BadImage):
        decode(saved(noise("RGB"), "EPS"))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.floats(0, 1, exclude_max=True))
def test_cut_at_any_byte_is_a_bad_image_or_whole(kind, at):
    data = SAMPLES[kind]
    try:
        picture = decode(data[: int(at * len(data))])
    except BadImage:
        return
    assert picture.tobytes() == decode(data).tobytes()


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(SAMPLES)),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_altered_anywhere_is_a_bad_image_or_a_picture(kind, changes):
    data = bytearray(SAMPLES[kind])
    for at, byte in changes:
        data[at % len(data)] = byte
    try:
        picture = normal(decode(bytes(data)))
    except BadImage:
        return
    assert picture.mode in images.NORMAL


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_header(width, height):
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def bmp_header(width, height):
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info


def gif_header(width, height):
    frame = b",\0\0\0\0" + struct.pack("<HH", width, height) + b"\0\2\2\x4c\1\0;"
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff" + frame


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (png_header(100_000, 100_000), "100000×100000"),
        (png_header(1, 200_000_000), "1×200000000"),
        (png_header(16385, 16385), "16385×16385"),
        (bmp_header(60_000, 60_000), "60000×60000"),
        (gif_header(65_535, 65_535), "65535×65535"),
    ],
)
def test_a_decompression_bomb_is_refused_from_its_header(data, size):
    allocated = pillow.core.get_stats()["new_count"]
    with pytest.raises(BadImage) as caught:
        decode(data, "bomb")
    assert str(caught.value) == (
        f"error: bomb is {size}, too large to open safely\n"
        "hint: scale it down to at most 268435456 pixels, and 65535 a side"
    )
    assert pillow.core.get_stats()["new_count"] == allocated


def test_a_bomb_in_a_text_chunk_is_refused():
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 100_000_000, 9))
    with pytest.raises(BadImage):
        decode(png_header(1, 1)[:33] + text + png_header(1, 1)[33:])


def test_sizes_at_the_limit_are_openable():
    assert images.is_openable(16384, 16384)
    assert images.is_openable(65535, 4096)
    assert not images.is_openable(65536, 1)
    assert not images.is_openable(16385, 16384)


# --- odd but good files -------------------------------------------------------------------------------

TURNED = {  # what a viewer shows of the rows [a b], [c d], [e f]; EXIF 2.32, tag 274
    1: ["ab", "cd", "ef"],
    2: ["ba", "dc", "fe"],
    3: ["fe", "dc", "ba"],
    4: ["ef", "cd", "ab"],
    5: ["ace", "bdf"],
    6: ["eca", "fdb"],
    7: ["fdb", "eca"],
    8: ["bdf", "ace"],
}


@pytest.mark.parametrize("orientation", TURNED)
def test_exif_orientation_is_applied(orientation):
    exif = pillow.Exif()
    exif[274] = orientation
    data = saved(pillow.frombytes("L", (2, 3), b"abcdef"), "PNG", exif=exif)
    picture = decode(data)
    rows = [bytes(row).decode() for row in levels(picture)]
    assert rows == TURNED[orientation]
    assert decode(encode(picture, Format())).tobytes() == picture.tobytes()  # not turned twice


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"garbage"])
def test_a_broken_exif_block_says_nothing(exif):
    assert decode(saved(noise("RGB"), "PNG", exif=exif)).tobytes() == noise("RGB").tobytes()


def test_16_bit_gray_is_scaled_to_8():
    values = np.array([[0, 128, 129, 257, 32767, 32768, 65407, 65535]], dtype=np.uint16)
    expected = [[0, 0, 1, 1, 127, 128, 255, 255]]  # v / 257: 127.498, 127.502, 254.502
    for kind in ("PNG", "TIFF"):
        picture = normal(decode(saved(pillow.fromarray(values), kind)))
        assert (picture.mode, levels(picture)) == ("L", expected)


def test_16_bit_gray_with_a_transparent_level():
    body = zlib.compress(b"\0" + struct.pack(">HH", 500, 65535))
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 0, 0, 0, 0))
    data = head + chunk(b"tRNS", struct.pack(">H", 500)) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    picture = normal(decode(data))
    assert (picture.mode, levels(picture)) == ("LA", [[[2, 0], [255, 255]]])


@pytest.mark.parametrize("mode", ["I", "F"])
def test_32_bit_pixels_are_refused(mode):
    with pytest.raises(BadImage) as caught:
        normal(decode(saved(pillow.new(mode, (2, 2)), "TIFF"), "scan.tif"), "scan.tif")
    assert str(caught.value) == (
        "error: scan.tif has 32-bit pixels, whose range is unknown\nhint: save it with 8 or 16 bits a channel"
    )


def test_palette_with_transparency():
    picture = pillow.new("P", (3, 1))
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture.putdata([0, 1, 2])
    opaque = normal(decode(saved(picture, "PNG")))
    assert (opaque.mode, levels(opaque)) == ("RGB", [[[255, 0, 0], [0, 255, 0], [0, 0, 255]]])
    clear = normal(decode(saved(picture, "PNG", transparency=bytes([255, 128, 0]))))
    assert (clear.mode, levels(clear)) == ("RGBA", [[[255, 0, 0, 255], [0, 255, 0, 128], [0, 0, 255, 0]]])


def test_a_transparent_colour_becomes_alpha():
    gray = normal(decode(saved(pillow.frombytes("L", (2, 1), b"\x07\x08"), "PNG", transparency=7)))
    assert (gray.mode, levels(gray)) == ("LA", [[[7, 0], [8, 255]]])
    rgb = pillow.frombytes("RGB", (2, 1), b"\1\2\3\4\5\6")
    colour = normal(decode(saved(rgb, "PNG", transparency=(1, 2, 3))))
    assert (colour.mode, levels(colour)) == ("RGBA", [[[1, 2, 3, 0], [4, 5, 6, 255]]])


def test_one_bit_becomes_gray():
    picture = normal(decode(saved(pillow.new("1", (1, 1), 1), "PNG")))
    assert (picture.mode, levels(picture)) == ("L", [[255]])


def test_cmyk_jpeg():
    red = pillow.new("CMYK", (8, 8), (0, 255, 255, 0))
    picture = normal(decode(saved(red, "JPEG", quality=100)))
    assert picture.mode == "RGB"
    assert np.abs(np.asarray(picture, dtype=int) - [255, 0, 0]).max() <= 2


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame(kind):
    frames = [pillow.new("RGB", (4, 4), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    picture = normal(decode(data))
    assert levels(picture.convert("RGB"))[0][0] == [255, 0, 0]
    assert levels(decode(encode(picture, Format())).convert("RGB"))[3][3] == [255, 0, 0]


def profile_of_swapped_primaries():
    """An ICC 2.1 matrix profile of sRGB's primaries with red and green swapped, at gamma 1."""
    xyz = {
        b"rXYZ": (0.3851, 0.7169, 0.0971),
        b"gXYZ": (0.4361, 0.2225, 0.0139),
        b"bXYZ": (0.1431, 0.0606, 0.7141),
    }
    xyz[b"wtpt"] = (0.9642, 1.0, 0.8249)
    tags = {
        name: b"XYZ \0\0\0\0" + struct.pack(">iii", *(round(v * 65536) for v in values))
        for name, values in xyz.items()
    }
    curve = b"curv\0\0\0\0" + struct.pack(">I", 1) + struct.pack(">H", 0x0100) + b"\0\0"
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"swap\0" + b"\0" * 79
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data
    total = offset + len(body)
    head = struct.pack(">I4sI4s4s4s", total, b"test", 0x02100000, b"mntr", b"RGB ", b"XYZ ") + b"\0" * 12
    head += b"acsp" + b"\0" * 28 + struct.pack(">iii", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_of_an_embedded_profile_become_srgb(mode):
    data = saved(pillow.new(mode, (1, 1), "red"), "PNG", icc_profile=profile_of_swapped_primaries())
    pixel = levels(normal(decode(data)))[0][0]
    assert np.abs(np.array(pixel) - [0, 255, 0, 255][: len(mode)]).max() <= 3


@pytest.mark.parametrize("profile", [b"no profile at all", b"\0" * 200])
def test_a_profile_that_cant_be_used_is_passed_over(profile):
    assert levels(normal(decode(saved(noise("RGB"), "PNG", icc_profile=profile)))) == levels(noise("RGB"))


@pytest.mark.parametrize("mode", images.NORMAL)
def test_normal_pictures_come_back_as_they_are(mode):
    picture = noise(mode)
    assert normal(picture) is picture


# --- encoding -----------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(images.NORMAL),
    st.sampled_from(["png", "tiff"]),
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(0, 99),
)
def test_lossless_formats_give_mode_and_pixels_back(mode, kind, width, height, seed):
    picture = noise(mode, width, height, seed)
    assert images.is_lossless(Format(type=kind))
    back = decode(encode(picture, Format(type=kind)))
    assert (back.mode, back.tobytes()) == (mode, picture.tobytes())


@pytest.mark.parametrize("kind", ["jpeg", "webp", "avif"])
def test_formats_that_may_change_mode_or_pixels_are_not_lossless(kind):
    assert not images.is_lossless(Format(type=kind, lossless=True))


def test_lossless_webp_keeps_colours_under_full_transparency():
    picture = noise("RGBA")
    assert levels(decode(encode(picture, Format(type="webp", lossless=True)))) == levels(picture)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", images.NORMAL)
def test_every_format_takes_every_normal_mode(kind, mode):
    data = encode(noise(mode), Format(type=kind))
    assert Picture(data).format == kind
    assert decode(data).size == (9, 7)


@pytest.mark.parametrize("kind", KINDS)
def test_equal_pixels_give_equal_bytes_whatever_the_file_said(kind):
    picture = noise("RGB")
    exif = pillow.Exif()
    exif[271] = "a camera"
    profile = b"no profile, but copied by encoders"
    told = decode(saved(picture, "PNG", exif=exif, icc_profile=profile, dpi=(300, 300)))
    assert told.info
    assert encode(told, Format(type=kind)) == encode(picture, Format(type=kind))
    assert told.info  # the caller's picture is left alone


def test_jpeg_lays_transparency_on_white():
    picture = decode(encode(pillow.new("RGBA", (8, 8), (0, 0, 0, 0)), Format(type="jpeg")))
    assert (picture.mode, levels(picture)[0][0]) == ("RGB", [255, 255, 255])


def test_what_a_format_cant_hold():
    with pytest.raises(TargetError) as caught:
        encode(pillow.new("L", (16384, 1)), Format(type="webp"))
    assert str(caught.value) == (
        "error: a picture of 16384×1 can't be written as webp: encoding error 5: "
        "Image size exceeds WebP limit of 16383 pixels\n"
        "hint: resize it in `process`, or choose another `format`"
    )


# --- digests, hashes, ratios --------------------------------------------------------------------------


def test_pixel_digest_is_golden():
    assert images.pixel_digest(pillow.frombytes("RGB", (2, 1), b"abcdef")) == (
        "fC5XgNhoWQT5BKHx34v9qnw6fO-DQU4Kozo83dZukrM"
    )


def test_pixel_digest_tells_mode_and_shape():
    shapes = [("RGB", (2, 1)), ("RGB", (1, 2)), ("L", (6, 1)), ("L", (1, 6)), ("LA", (3, 1))]
    digests = {images.pixel_digest(pillow.frombytes(mode, size, b"abcdef")) for mode, size in shapes}
    assert len(digests) == len(shapes)


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (100, 37)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_perceptual_hash_is_that_of_imagehash(mode, size):
    picture = noise(mode, *size)
    assert images.perceptual_hash(picture) == str(imagehash.phash(picture))


def test_perceptual_hash_sees_transparent_pictures_on_white():
    def icon(box, ground):
        picture = pillow.new("RGBA", (32, 32), ground)
        picture.paste((0, 0, 0, 255), box)
        return images.perceptual_hash(picture)

    assert images.hamming(icon((0, 0, 9, 9), (0, 0, 0, 0)), icon((9, 9, 32, 20), (0, 0, 0, 0))) > 10
    assert icon((0, 0, 9, 9), (0, 0, 0, 0)) == icon((0, 0, 9, 9), (250, 9, 90, 0))


def test_hamming_counts_differing_bits():
    assert images.hamming("0000000000000000", "ffffffffffffffff") == 64
    assert images.hamming("00000000000000f1", "00000000000000e0") == 2
    assert images.hamming("8a0a228888a020a2", "8a0a228888a020a2") == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("16:9", Fraction(16, 9)),
        ("2.39:1", Fraction(239, 100)),
        ("1.5", Fraction(3, 2)),
        (1, Fraction(1)),
        (0.1, Fraction(1, 10)),
        (16 / 9, Fraction("1.7777777777777777")),
        ("1:1000", Fraction(1, 1000)),
        (1000, Fraction(1000)),
    ],
)
def test_ratios(text, value):
    assert images.ratio_of(text) == value


@pytest.mark.parametrize(
    "text", ["", "16:", ":9", "16:0", "0", 0, -1, "a:b", "1e999999999", "1:1001", "16/9", 1e300, float("nan")]
)
def test_what_is_no_ratio(text):
    with pytest.raises(ValueError) as caught:
        images.ratio_of(text)
    assert str(caught.value) == (
        f"'{text}' is no ratio: write 'width:height' or a number, between 1:1000 and 1000:1"
    )


# --- the picture that rules see -----------------------------------------------------------------------


def test_a_picture_in_luma_and_colour():
    pixels = pillow.frombytes("RGBA", (3, 1), bytes([255, 0, 0, 255, 10, 20, 30, 255, 0, 0, 0, 0]))
    picture = Picture(encode(pixels, Format()))
    assert picture.pixels.mode == "RGBA"
    assert picture.rgb.tolist() == [[[255, 0, 0], [10, 20, 30], [255, 255, 255]]]
    # 0.299 × 255 = 76.2; 0.299 × 10 + 0.587 × 20 + 0.114 × 30 = 18.15; transparent is white
    assert picture.gray.tolist() == [[76, 18, 255]]
    assert picture.gray.dtype == np.uint8


def test_given_pixels_are_not_decoded_again():
    pixels = noise("RGB")
    picture = Picture(b"never read", pixels)
    assert picture.pixels is pixels
    assert picture.rgb.tolist() == levels(pixels)


def test_the_type_is_told_by_the_bytes():
    assert {kind: Picture(SAMPLES[kind], name="a.png").format for kind in (*KINDS, "gif", "bmp")} == {
        kind: kind for kind in (*KINDS, "gif", "bmp")
    }


def test_a_cameras_jpeg_with_a_preview_is_a_jpeg():
    data = saved(noise("RGB"), "MPO", save_all=True, append_images=[noise("RGB", seed=2)])
    assert decode(data).size == (9, 7)
    assert Picture(data).format == "jpeg"
