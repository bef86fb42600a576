"""What published images say of themselves, and what an edit of it costs."""

import io
import json

import pytest
from PIL import Image as pillow

from imgbuild.digest import to_hex
from imgbuild.provenance.read import read
from imgbuild.provenance.xmp import read_xmp

SPEC = """\
    version: 1
    models: {paint: {provider: painter, source: house/lamps}}
    assets:
      lamps:
        prompt: "a {{ color }} lamp"
        matrix: {color: [red, blue]}
        models: [paint]
        metadata: full
        renditions:
          small: {widths: [8], formats: [jpeg, webp, avif]}
          icon: {format: ico}
    """
RED = "lamps/red_0.png"


@pytest.fixture
def shop(bench, painter):
    built = bench({"specs/catalog.yaml": SPEC, "imgbuild.yaml": "metadata: {credit: The Shop}\n"})
    ended = built.build()
    assert ended.failures == ()
    painter.asked.clear()
    return built


def said(project, name):
    with pillow.open(io.BytesIO((project.root / "out" / name).read_bytes())) as picture:
        found = picture.info.get("xmp", b"")
    return read_xmp(found if isinstance(found, bytes) else found.encode())


def test_image_and_renditions_say_what_made_them(shop):
    found = said(shop, RED)
    assert (found["source"], found["credit"]) == ("trainedAlgorithmicMedia", "The Shop")
    line = shop.lines()["lamps[color=red]@paint#0"]
    made = found["generation"]
    assert (made["prompt"], made["seed"], made["model"]["source"]) == ("a red lamp", line.seed, "house/lamps")
    for type in ("jpg", "webp", "avif"):
        assert said(shop, f"lamps/red_0-small-8.{type}") == found
    assert said(shop, "lamps/red_0-icon.ico") == {}


def test_nothing_is_said_unless_asked_for(shop):
    shop.edit("specs/catalog.yaml", ("    metadata: full\n", ""))
    shop.edit("imgbuild.yaml", ("metadata: {credit: The Shop}", ""))
    assert dict(shop.build().ran) == {"encode": 6}
    assert said(shop, RED) == {}


def test_the_longest_prompt_fails_no_format(shop):
    shop.edit("specs/catalog.yaml", ("{{ color }} lamp", "{{ color }} lamp" + "𝄞" * 3900))
    assert shop.build().failures == ()
    found = [
        read((shop.root / f"out/lamps/red_0-small-8.{type}").read_bytes()) for type in ("jpg", "webp", "avif")
    ]
    assert {item.generation["prompt"] for item in found} == {"a red lamp" + "𝄞" * 3900}
    before = shop.outputs()
    assert shop.again() == 2
    assert shop.outputs() == before


EDITS = {
    "less": ("metadata: full", "metadata: minimal", {"encode": 2 + 6}),
    "a licence": ("metadata: full", "metadata: {level: full, license: CC0}", {"encode": 2 + 6}),
    "a name": ("  lamps:", "  lights:", {}),
    "a rendition's name": ("icon: {format", "mark: {format", {}),
    "a sidecar": ("metadata: full", "metadata: {level: full, sidecar: true}", {}),
}


@pytest.mark.parametrize(("old", "new", "ran"), EDITS.values(), ids=EDITS)
def test_an_edit_writes_files_anew_and_draws_nothing(shop, painter, old, new, ran):
    pixels = [line.pixels for line in shop.lines().values()]
    shop.edit("specs/catalog.yaml", (old, new))
    ended = shop.build()
    assert (dict(ended.ran), painter.asked, ended.failures) == (ran, [], ())
    assert [line.pixels for line in shop.lines().values()] == pixels
    assert dict(shop.build().ran) == {}
    before = shop.outputs()
    assert shop.again() == 2
    assert shop.outputs() == before


def test_a_reason_is_told(shop):
    shop.edit("specs/catalog.yaml", ("metadata: full", "metadata: minimal"))
    assert "metadata.level: 'full' → 'minimal'" in shop.why("lamps/red_0.png")


def test_a_project_may_want_it(shop):
    shop.edit("specs/catalog.yaml", ("metadata: full", "metadata: none"))
    shop.edit("imgbuild.yaml", ("metadata:", "policy: {metadata: minimal}\nmetadata:"))
    told = shop.tell("plan")
    assert (told.code, told.err) == (
        2,
        "specs/catalog.yaml:8:15: asset 'lamps' has the metadata 'none', and the project wants 'minimal'\n"
        "    8 |     metadata: none\n"
        "      |               ^^^^\n"
        "hint: say 'metadata: minimal' there or for the project ('policy.metadata' in imgbuild.yaml)\n",
    )


def test_a_level_that_is_none(shop):
    shop.edit("specs/catalog.yaml", ("metadata: full", "metadata: fulll"))
    told = shop.tell("plan")
    assert (told.code, told.err.splitlines()[0]) == (2, "specs/catalog.yaml:8:15: unknown level 'fulll'")


def test_a_sidecar_says_the_same_as_json(shop):
    shop.edit("specs/catalog.yaml", ("metadata: full", "metadata: {level: full, sidecar: true}"))
    assert dict(shop.build().ran) == {}
    said_there, line = said(shop, RED), shop.lines()["lamps[color=red]@paint#0"]
    sidecar = json.loads((shop.root / f"out/{RED}.json").read_text())
    assert sidecar == {
        "sha256": shop.outputs()[RED],
        "pixels": line.pixels,
        "format": "png",
        "credit": "The Shop",
        "source": "trainedAlgorithmicMedia",
        "generation": said_there["generation"],
    }
    assert to_hex(line.files["sidecar.json"]) == shop.outputs()[f"{RED}.json"]
    clean = shop.outputs()
    assert shop.again() == 2
    assert shop.outputs() == clean


def test_a_sidecar_goes_with_its_declaration_and_follows_the_image(shop):
    shop.edit("specs/catalog.yaml", ("metadata: full", "metadata: {level: none, sidecar: true}"))
    assert dict(shop.build().ran) == {"encode": 2 + 4}  # the icons say nothing anyway, and stay
    before = shop.outputs()
    shop.edit("specs/catalog.yaml", ('prompt: "a {{', 'prompt: "the {{'))
    shop.build()
    sidecar = json.loads((shop.root / f"out/{RED}.json").read_text())
    assert set(sidecar) == {"sha256", "pixels", "format"}
    assert sidecar["sha256"] == shop.outputs()[RED] != before[RED]
    shop.edit("specs/catalog.yaml", (", sidecar: true", ""))
    shop.build()
    assert not [name for name in shop.outputs() if name.endswith(".json")]


def test_a_project_may_have_sidecars_but_for_some(shop):
    shop.edit("imgbuild.yaml", ("{credit", "{sidecar: true, credit"))
    shop.build()
    assert f"{RED}.json" in shop.outputs()
    shop.edit("specs/catalog.yaml", ("metadata: full", "metadata: {level: full, sidecar: false}"))
    shop.build()
    assert f"{RED}.json" not in shop.outputs()


def test_sidecars_of_many_images_made_in_several_processes(bench):
    spec = """\
        version: 1
        assets:
          lamps:
            prompt: "lamp {{ number }}"
            matrix: {number: [NUMBERS]}
            size: 16x16
            metadata: {level: minimal, sidecar: true}
        """.replace("NUMBERS", ", ".join(map(str, range(520))))
    told = {}
    for jobs in (1, 2):
        project = bench({"specs/catalog.yaml": spec}, f"jobs-{jobs}")
        assert project.call("build", "-j", str(jobs), "-q").code == 0
        told[jobs] = project.outputs(), project.locks()
    assert len(told[1][0]) == 1040
    assert told[1] == told[2]
