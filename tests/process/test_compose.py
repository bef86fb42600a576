"""Layers over each other, the picture among them."""

import msgspec
import pytest
from PIL import Image as pillow
from skimage import data

from imgbuild.errors import TargetError
from imgbuild.images import encode, pixel_digest
from imgbuild.process.compose import Compose, Layer
from imgbuild.process.remove_background import RemoveBackground
from imgbuild.types import Format

FILES = {
    "wide.png": encode(pillow.linear_gradient("L").resize((80, 40)).convert("RGB"), Format()),
    "badge.png": encode(pillow.new("RGBA", (10, 10), (0, 0, 255, 255)), Format()),
}


def compose(picture, *layers, **parameters):
    operation = msgspec.convert({"layers": layers, **parameters}, Compose)
    return operation.apply_with(picture, {path: FILES[path] for path in operation.files()})


def cut_out(size=(20, 10)):
    picture = pillow.new("RGBA", size, (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (2, 2, size[0] - 2, size[1] - 2))
    return picture


PICTURE = {"picture": True}


def test_a_cut_out_on_a_background_with_a_badge():
    made = compose(
        cut_out(),
        {"image": "wide.png"},
        {**PICTURE, "scale": 0.5},
        {"image": "badge.png", "anchor": "top-right", "margin": 2},
    )
    ground = pillow.linear_gradient("L").resize((80, 40)).convert("RGB")
    assert (made.mode, made.size) == ("RGB", (80, 40))
    assert made.getpixel((40, 20)) == (255, 0, 0)
    assert made.getpixel((70, 5)) == (0, 0, 255)
    assert made.getpixel((5, 30)) == ground.getpixel((5, 30))


def test_a_colour_below_takes_the_picture_s_size():
    made = compose(cut_out(), {"color": "white"}, PICTURE)
    assert (made.mode, made.size) == ("RGB", (20, 10))
    assert (made.getpixel((0, 0)), made.getpixel((10, 5))) == ((255, 255, 255), (255, 0, 0))
    tinted = compose(pillow.new("RGB", (4, 4), "white"), PICTURE, {"color": "black", "opacity": 0.5})
    assert tinted.getpixel((0, 0)) == (127, 127, 127)


def test_the_picture_alone_is_what_it_was():
    assert compose(cut_out(), PICTURE).tobytes() == cut_out().tobytes()


def test_a_declared_size():
    made = compose(
        cut_out(),
        {"image": "wide.png", "anchor": "left"},
        {**PICTURE, "anchor": "bottom"},
        width=40,
        height=40,
    )
    assert made.size == (40, 40)
    assert made.getpixel((20, 35)) == (255, 0, 0)
    lone = compose(cut_out(), PICTURE, width=40, height=30)
    assert (lone.mode, lone.size) == ("RGBA", (40, 30))
    assert (lone.getpixel((0, 0))[3], lone.getpixel((20, 15))) == (0, (255, 0, 0, 255))


def test_what_does_not_fit_fails():
    with pytest.raises(TargetError) as caught:
        compose(cut_out((100, 100)), {"image": "wide.png"}, PICTURE)
    assert str(caught.value) == (
        "error: the picture is 100×100, and does not fit into 80×40\n"
        "hint: give it a smaller 'scale' or 'size', or less 'margin'"
    )


def test_a_photograph_is_cut_out_and_laid_on_another():
    """Packshot, cut out of its ground, on a background."""
    shot = pillow.new("RGB", (120, 120), "#f2f2f2")
    shot.paste(pillow.fromarray(data.coffee()).resize((80, 60)), (20, 30))
    FILES["table.png"] = encode(pillow.fromarray(data.brick()).convert("RGB"), Format())
    made = compose(RemoveBackground(feather=0).apply(shot), {"image": "table.png"}, {**PICTURE, "scale": 0.5})
    assert made.size == (512, 512)
    assert made.getpixel((10, 10)) == pillow.fromarray(data.brick()).convert("RGB").getpixel((10, 10))
    assert pixel_digest(made) == "joRFryiLlDH3Nv9M3MyIhmHtqjf_1c08DKOuP18TQX8"


def test_its_files_are_named_once_and_placed():
    operation = Compose(layers=[Layer(image="a.png"), Layer(picture=True), Layer(image="a.png", margin=3)])
    assert operation.files() == ("a.png",)
    assert operation.placed(lambda path: f"specs/{path}").files() == ("specs/a.png",)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Compose(layers=[]), "compose needs the picture as one of its layers: {picture: true}"),
        (
            lambda: Compose(layers=[Layer(picture=True)] * 2),
            "compose needs the picture as one of its layers: {picture: true}",
        ),
        (lambda: Compose(layers=[Layer(picture=True)], width=3), "width and height go together"),
        (
            lambda: Layer(),
            "a layer is an image, an asset, a pick, a color or the picture: give one of the five",
        ),
        (
            lambda: Layer(image="a", picture=True),
            "a layer is an image, an asset, a pick, a color or the picture: give one of the five",
        ),
        (
            lambda: Layer(color="red", scale=0.5),
            "a layer of a color fills the whole: leave scale and margin out",
        ),
        (lambda: Layer(picture=True, scale=2), "scale must be above 0 and at most 1, not 2"),
    ],
)
def test_what_can_not_be_meant(make, text):
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value) == text
