"""XMP in several segments of a JPEG: written as Adobe says, put together only if whole."""

import io
from hashlib import md5

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as pillow

from imgbuild.provenance.segments import (
    LARGEST_PACKET,
    SEGMENT,
    name_extension,
    read_segments,
    write_segments,
)

EXTENSION = bytes(range(256)) * 600


def segments(packet, extension):
    out = io.BytesIO()
    pillow.new("RGB", (8, 4)).save(out, format="JPEG", extra=write_segments(packet, extension))
    picture = pillow.open(io.BytesIO(out.getvalue()))
    return [data for name, data in picture.applist if name == "APP1"], picture


def test_the_segments_are_as_the_specification_has_them():
    found, picture = segments(b"p" * LARGEST_PACKET, EXTENSION)
    assert picture.info["xmp"] == b"p" * LARGEST_PACKET
    digest = md5(EXTENSION).hexdigest().upper().encode()
    size = SEGMENT - 35 - 32 - 4 - 4
    assert [len(data) for data in found[1:]] == [SEGMENT, SEGMENT, len(EXTENSION) - 2 * size + 75]
    for at, data in zip((0, size, 2 * size), found[1:], strict=True):
        head = b"http://ns.adobe.com/xmp/extension/\0" + digest
        assert data[:75] == head + len(EXTENSION).to_bytes(4, "big") + at.to_bytes(4, "big")


@given(st.permutations(range(4)), st.booleans())
def test_an_extension_is_put_together_in_any_order(order, twice):
    found, _ = segments(b"p", EXTENSION)
    shuffled = [found[at] for at in order] * (1 + twice)
    assert read_segments(shuffled) == {name_extension(EXTENSION): EXTENSION}


@given(st.integers(1, 3), st.integers(0, 200), st.binary(max_size=3))
def test_one_that_is_not_whole_is_none(number, at, other):
    found, _ = segments(b"p", EXTENSION)
    assert read_segments([*found[:number], *found[number + 1 :]]) == {}
    broken = [*found]
    broken[number] = found[number][:at] + other + found[number][at + len(other) + 1 :]
    assert read_segments(broken) == {}


@given(st.lists(st.binary() | st.binary().map(lambda data: b"http://ns.adobe.com/xmp/extension/\0" + data)))
def test_any_segments_are_no_worse_than_none(found):
    read_segments(found)
