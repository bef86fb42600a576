"""How large the pictures are that go into a model, before they are made or opened."""

import io

from PIL import Image as pillow

from imgbuild.given import Given
from imgbuild.types import Input, Sheet


def picture(width, height):
    data = io.BytesIO()
    pillow.new("RGB", (width, height)).save(data, "PNG")
    return data.getvalue()


def test_those_of_files_by_their_headers(tmp_path, target):
    (tmp_path / "photo.png").write_bytes(picture(300, 200)[:60])  # its header, and nothing more
    (tmp_path / "broken.png").write_bytes(b"no picture")
    names = ("photo.png", "photo.png", "broken.png", "absent.png", ".")
    inputs = tuple(Input(role="reference", file=name) for name in names)
    given = Given(tmp_path, {})
    edit = target(inputs=inputs, width=64, height=32)
    assert given.sizes(edit, 0) == {"reference": [(300, 200), (300, 200), (64, 32), (64, 32), (64, 32)]}
    (tmp_path / "photo.png").unlink()
    assert given.sizes(edit, 0)["reference"][0] == (300, 200)  # looked at once


def test_those_of_other_targets_as_they_were_asked_for(tmp_path, target):
    (tmp_path / "photo.png").write_bytes(picture(300, 200))
    drawn = target("shop/drawn@paint#0", width=512, height=256)
    taken = target("shop/taken#0", inputs=(Input(role="image", file="photo.png"),))
    sheet = target("shop/sheet#0", inputs=(Input(role="sheet", target=drawn.id),), sheet=Sheet(asset="drawn"))
    targets = {each.id: each for each in (drawn, taken, sheet)}
    edit = target(needs=(drawn.id, taken.id, sheet.id, "shop/gone#0"), width=64, height=32)
    assert Given(tmp_path, targets).sizes(edit, 0) == {"image": [(512, 256), (300, 200), (64, 32), (64, 32)]}


def test_only_what_the_model_at_that_place_takes(tmp_path, target, model):
    chain = [model("first", takes=("image",)), model("second", takes=())]
    edit = target(models=chain, inputs=(Input(role="image", file="a.png"), Input(role="mask", file="b.png")))
    given = Given(tmp_path, {})
    assert (given.sizes(edit, 0), given.sizes(edit, 1)) == ({"image": [(16, 16)]}, {})
