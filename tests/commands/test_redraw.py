"""`init --from`: a spec of what a picture says made it."""

import io
from unicodedata import normalize

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as pillow
from PIL import PngImagePlugin

from imgbuild.commands.redraw import redrawing
from imgbuild.provenance.read import Found

INFOTEXT = (
    "a lamp, (brass:1.2)\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, "
    "Size: 64x32, Model: sdxl, Clip skip: 2"
)


def picture(parameters=""):
    chunks, out = PngImagePlugin.PngInfo(), io.BytesIO()
    if parameters:
        chunks.add_text("parameters", parameters)
    pillow.new("RGB", (8, 4)).save(out, format="PNG", pnginfo=chunks)
    return out.getvalue()


def test_a_picture_of_another_tool(bench):
    project = bench({"old lamp.png": picture(INFOTEXT)})
    told = project.tell("init", "--from", "old lamp.png")
    assert (told.code, told.err) == (0, "")
    assert "wrote specs/old-lamp.yaml\n" in told.out
    assert told.out.endswith("next: imgbuild plan\n")
    assert project.text("specs/old-lamp.yaml") == (
        "# yaml-language-server: $schema=../schema/spec.schema.json\n"
        "#\n"
        "# What old lamp.png says of itself (AUTOMATIC1111).\n"
        "version: 1\n"
        "\n"
        "models:\n"
        "  model:\n"
        '    provider: "diffusers"\n'
        '    source: "sdxl" # a hub id, or a folder: the picture calls it "sdxl"\n'
        '    params: {"steps": 20, "guidance": 7, "scheduler": "EulerAncestralDiscreteScheduler"}\n'
        "    # clip_skip: 2\n"
        "\n"
        "assets:\n"
        "  old-lamp:\n"
        '    prompt: "a lamp, (brass:1.2)"\n'
        '    negative: "blurry"\n'
        "    models: [model]\n"
        "    seeds: [42]\n"
        "    size: 64x32\n"
    )
    assert project.tell("plan").code == 0


def test_our_own_comes_out_the_same(bench, painter):
    spec = """\
        version: 1
        models: {paint: {provider: painter, source: house/lamps}}
        assets:
          lamp: {prompt: "a lamp", models: [paint], params: {steps: 3}, seeds: [7], size: 16x24, metadata: full}
        """
    shop = bench({"specs/catalog.yaml": spec})
    shop.build()
    made = (shop.root / "out/lamp/0.png").read_bytes()
    copy = shop.root.parent / "copy"
    copy.mkdir()
    (copy / "lamp.png").write_bytes(made)
    assert shop.tell("-C", str(copy), "init", "--from", "lamp.png").code == 0
    again = type(shop)(copy)
    again.edit("specs/lamp.yaml", ("    size:", "    metadata: full\n    size:"))
    assert again.build().failures == ()
    assert (copy / "out/lamp/0.png").read_bytes() == made


def test_nothing_is_overwritten_and_other_specs_stay(bench):
    project = bench(
        {"a.png": picture(INFOTEXT), "specs/a.yaml": "version: 1\n", "specs/b.yaml": "version: 1\n"}
    )
    assert "kept specs/a.yaml, which was there already\n" in project.tell("init", "--from", "a.png").out
    assert project.text("specs/a.yaml") == "version: 1\n"


def test_a_picture_that_says_nothing_leaves_nothing(bench):
    project = bench({"a.png": picture()})
    assert project.tell("init", "--from", "a.png") == (
        2,
        "",
        "error: 'a.png' says nothing of how it was made\nhint: `imgbuild inspect` tells what an image says\n",
    )
    assert [path.name for path in project.root.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("generation", "line"),
    [
        ({"seed": 2**40}, "    # seed 1099511627776: seeds are below 2147483648\n"),
        (
            {"params": {"scheduler": "DPM++ 2M Karras"}},
            '    params: {"scheduler": {"class": "DPMSolverMultistepScheduler", "use_karras_sigmas": true}}\n',
        ),
        ({"params": {"scheduler": "euler_ancestral", "sigmas": "karras"}}, "    # sigmas: karras\n"),
        ({"params": {"scheduler": "Restart", "Hires\nfix": 2}}, "    # sampler: Restart\n"),
        ({"params": {"Hires\nfix": 2}}, "    # Hires fix: 2\n"),
        ({"model": {}}, '    source: "your/model" # a hub id, or a folder: the picture does not say which\n'),
    ],
)
def test_what_has_no_place_is_told(generation, line):
    found = Found(width=8, height=4, format="png", generation={"prompt": "a lamp", **generation})
    assert line in redrawing(found, "lamp", "a.png", "../")


texts = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\r"), min_size=1, max_size=60
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    texts.map(str.strip).filter(bool)
    | st.sampled_from(["{{ a }}", "{% endraw %}{{ b }}", "{# c #}", "#: 'x'"])
)
def test_any_prompt_comes_through(bench, prompt):
    found = Found(width=8, height=4, format="png", generation={"prompt": prompt})
    project = bench({"specs/a.yaml": redrawing(found, "a", "a.png", "../").encode()})
    (target,) = project.load().expansion.targets
    assert (target.fault, target.asks[0].prompt) == ("", normalize("NFC", prompt))
