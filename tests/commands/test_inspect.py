"""`inspect`: what an image says, and whose it is."""

import io
import json

import pytest
from PIL import Image as pillow
from PIL import PngImagePlugin

SPEC = """\
    version: 1
    models: {paint: {provider: painter, source: house/lamps}}
    assets:
      lamps:
        prompt: "a lamp"
        models: [paint]
        params: {steps: 3}
        metadata: {level: full, credit: The Shop}
        renditions: {small: {widths: [8], formats: [webp]}}
    """


@pytest.fixture
def shop(bench, painter):
    built = bench({"specs/catalog.yaml": SPEC})
    assert built.build().failures == ()
    return built


def test_our_image_and_its_place(shop):
    seed = shop.lines()["lamps@paint#0"].seed
    assert shop.tell("inspect", "out/lamps/0.png") == (
        0,
        "out/lamps/0.png  16×16 png\n"
        "  catalog/lamps@paint#0: as it was published\n"
        f"  declared at specs/catalog.yaml:4:3; seed {seed}, attempt 0\n"
        "  tool: imgbuild\n"
        "  source: trainedAlgorithmicMedia\n"
        "  height: 16\n"
        '  model: {"provider": "painter", "source": "house/lamps"}\n'
        '  params: {"steps": 3}\n'
        "  prompt: a lamp\n"
        f"  seed: {seed}\n"
        "  width: 16\n"
        "  credit: The Shop\n",
        "",
    )


def states(project, *paths):
    told = project.tell("inspect", "--json", *paths)
    assert (told.code, told.err) == (0, "")
    found = [json.loads(line) for line in told.out.splitlines()]
    return [item["target"] and (item["target"]["id"], item["target"]["state"]) for item in found]


def test_what_a_file_is_to_the_project(shop):
    with pillow.open(shop.root / "out/lamps/0.png") as picture:
        picture.convert("RGB").save(shop.root / "again.png")
        pillow.new("RGB", (4, 4)).save(shop.root / "other.png")
    name = "catalog/lamps@paint#0"
    assert states(shop, "again.png", "other.png", "out/lamps/0-small-8.webp") == [
        (name, "its pixels, in another file"),
        None,
        (name, "its rendition 'small-8.webp', as it was published"),
    ]
    (shop.root / "out/lamps/0.png").write_bytes((shop.root / "other.png").read_bytes())
    assert states(shop, "out/lamps/0.png") == [(name, "another image, at its place")]


def test_outside_of_any_project(bench):
    out = io.BytesIO()
    pillow.new("RGB", (4, 2)).save(out, format="PNG")
    folder = bench({"a.png": out.getvalue()})
    assert folder.tell("inspect", "a.png") == (0, "a.png  4×2 png\n  says nothing of how it was made\n", "")


def stranger(bench, **texts):
    out = io.BytesIO()
    chunks = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        chunks.add_text(name, text)
    pillow.new("RGB", (4, 2)).save(out, format="PNG", pnginfo=chunks)
    return bench({"a.png": out.getvalue()})


def test_what_a_stranger_wrote_does_not_steer_the_terminal(bench):
    folder = stranger(bench, parameters="a \x1b[31mlamp\u200b\nSteps: 1, Seed: 2, Size: 4x2")
    assert "  prompt: a \\x1b[31mlamp\\u200b\n" in folder.tell("inspect", "a.png").out


def test_names_of_a_stranger_s_fields_do_neither(bench):
    told = json.dumps({"prompt": "a lamp", "\x1b[2J": "x", "\u202e": {"\x9b": 1}})
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:imgbuild="urn:imgbuild:1:"><imgbuild:Generation>'
        f"{told}</imgbuild:Generation></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    folder = stranger(bench, **{"XML:com.adobe.xmp": packet})
    out = folder.tell("inspect", "a.png").out
    assert "  prompt: a lamp\n  \\x1b[2J: x\n" in out
    assert all(character.isprintable() or character == "\n" for character in out)


def test_a_drawing_of_another_tool(bench):
    told = {
        "positive_prompt": "a lamp",
        "seed": 42,
        "steps": 20,
        "scheduler": "dpmpp_2m_k",
        "width": 64,
        "height": 32,
    }
    folder = stranger(bench, invokeai_metadata=json.dumps(told))
    assert folder.tell("inspect", "a.png").out == (
        "a.png  4×2 png\n"
        "  tool: InvokeAI\n"
        "  prompt: a lamp\n"
        "  seed: 42\n"
        "  width: 64\n"
        "  height: 32\n"
        '  params: {"steps": 20, "scheduler": "dpmpp_2m_k"}\n'
    )
    assert folder.tell("init", "--from", "a.png").code == 0
    assert '"class": "DPMSolverMultistepScheduler", "use_karras_sigmas": true' in folder.text("specs/a.yaml")


def test_what_can_t_be_read_is_nothing(bench):
    folder = stranger(bench, invokeai_metadata='{"positive_prompt": ', prompt="[" * 9999)
    assert folder.tell("inspect", "a.png").out == "a.png  4×2 png\n  says nothing of how it was made\n"


def test_faults(bench):
    folder = bench({"a.png": b"words"})
    assert folder.tell("inspect", "b.png") == (
        2,
        "",
        "error: 'b.png' can't be read: No such file or directory\nhint: name an image\n",
    )
    told = folder.tell("inspect", "a.png")
    assert told.err.splitlines()[0] == "error: a.png is not an image that can be read"
