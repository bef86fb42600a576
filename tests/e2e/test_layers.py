"""Layers that are targets of other assets: a cut-out lands on a drawn background, and follows it."""

import io

import pytest
from PIL import Image as pillow

from imgbuild.provenance.xmp import read_xmp

SPEC = """\
    version: 1
    models: {paint: {provider: painter}}
    assets:
      grounds:
        prompt: "a {{ season }} ground"
        matrix: {season: [spring, autumn]}
        models: [paint]
        size: 32x16
        format: webp
      packshots:
        from: "photos/{{ sku }}.png"
        matrix: {season: [spring, autumn], sku: [a, b]}
        process:
          - remove_background: {method: flood}
          - compose: {layers: [{asset: grounds}, {picture: true, scale: 0.25}]}
          - blur: {radius: 0.5}
        metadata: minimal
    """


def photo(color):
    out, picture = io.BytesIO(), pillow.new("RGB", (16, 16), "white")
    picture.paste(pillow.new("RGB", (8, 8), color), (4, 4))
    picture.save(out, format="PNG")
    return out.getvalue()


@pytest.fixture
def shop(bench, painter):
    photos = {f"specs/photos/{sku}.png": photo(color) for sku, color in (("a", "red"), ("b", "blue"))}
    built = bench({"specs/catalog.yaml": SPEC, **photos})
    ended = built.build()
    assert ended.failures == ()
    ran = dict(ended.ran)
    assert (
        2 <= ran.pop("import") == ran.pop("remove_background") <= 4
    )  # two at once may take one photo in each
    assert ran == {"generate": 2, "compose": 4, "blur": 4, "encode": 2 + 4}
    painter.asked.clear()
    return built


def shown(project, name):
    return pillow.open(io.BytesIO((project.root / "out" / name).read_bytes())).convert("RGB")


def test_the_picture_lies_on_the_ground_of_its_cell(shop):
    for season in ("spring", "autumn"):
        picture = shown(shop, f"packshots/{season}_a_0.png")
        assert picture.size == (32, 16)
        red, green, blue = picture.getpixel((16, 8))
        assert (red > 200, green < 60, blue < 60) == (True, True, True)
    corners = {shown(shop, f"packshots/{season}_a_0.png").getpixel((0, 0)) for season in ("spring", "autumn")}
    assert len(corners) == 2


def test_no_change_no_work(shop):
    before = shop.state("out")
    assert dict(shop.build().ran) == {}
    assert shop.state("out") == before


def test_another_ground_is_laid_under_and_nothing_else_is_done(shop, painter):
    shop.edit("specs/catalog.yaml", ('"a {{ season }} ground"', '"a {{ season }} floor"'))
    assert "inputs.asset://grounds.0.target" in shop.why("out/packshots/spring_a_0.png")
    ended = shop.build()
    assert dict(ended.ran) == {"generate": 2, "encode": 2 + 4, "compose": 4, "blur": 4}
    assert len(painter.asked) == 2
    before, locks = shop.outputs(), shop.locks()
    assert shop.again() == 2
    assert (shop.outputs(), shop.locks()) == (before, locks)


def test_one_ground_moves_its_own_alone(shop, painter):
    shop.tell("lock", "--reseed", "catalog/grounds[season=spring]@paint#0")
    ended = shop.build()
    assert dict(ended.ran) == {"generate": 1, "encode": 1 + 2, "compose": 2, "blur": 2}
    assert len(painter.asked) == 1


def test_an_edited_photo_is_composed_again_and_nothing_is_drawn(shop, painter):
    shop.write({"specs/photos/a.png": photo("green")})
    ended = shop.build()
    steps = ("import", "remove_background", "compose", "blur", "encode")
    assert (dict(ended.ran), painter.asked) == (dict.fromkeys(steps, 2), [])


def test_where_the_steps_between_are_gone_the_ground_is_drawn_again(shop, painter):
    before = shop.outputs()
    assert shop.tell("gc", "--all").code == 0
    shop.edit("specs/catalog.yaml", ("blur: {radius: 0.5}", "blur: {radius: 0.6}"))
    assert shop.build().failures == ()
    shop.edit("specs/catalog.yaml", ("blur: {radius: 0.6}", "blur: {radius: 0.5}"))
    assert shop.build().failures == ()
    assert shop.outputs() == before


def test_a_generated_picture_may_take_layers_too(bench, painter):
    project = bench(
        {
            "specs/catalog.yaml": """\
                version: 1
                models: {paint: {provider: painter}}
                assets:
                  stamp: {prompt: "a stamp", models: [paint], size: 8x8}
                  letter:
                    prompt: "a letter"
                    models: [paint]
                    size: 32x32
                    process: [{compose: {layers: [{picture: true}, {asset: stamp, anchor: top-right}]}}]
                """
        }
    )
    assert project.build().failures == ()
    stamp, letter = shown(project, "stamp/0.png"), shown(project, "letter/0.png")
    assert letter.crop((24, 0, 32, 8)).tobytes() == stamp.tobytes()
    assert [request.inputs for request in painter.asked] == [{}, {}]


def test_what_is_mixed_says_so(shop):
    shop.edit("specs/catalog.yaml", ("format: webp", "format: webp\n    metadata: minimal"))
    shop.build()
    with pillow.open(shop.root / "out/grounds/spring_0.webp") as picture:
        assert read_xmp(picture.info["xmp"])["source"] == "trainedAlgorithmicMedia"
    with pillow.open(shop.root / "out/packshots/spring_a_0.png") as picture:
        assert read_xmp(picture.info["xmp"])["source"] == "compositeWithTrainedAlgorithmicMedia"


RENDITIONS = """\
    version: 1
    models: {paint: {provider: painter}}
    assets:
      grounds: {prompt: "a ground", models: [paint], size: 32x16}
      lids: {prompt: "a lid", models: [paint], size: 8x8}
      packshots:
        from: "photos/{{ sku }}.png"
        matrix: {sku: [a, b]}
        metadata: minimal
        renditions:
          card: {process: [{compose: {layers: [{asset: grounds}, {picture: true}]}}], format: webp}
          both:
            process: [{compose: {layers: [{asset: grounds}, {picture: true}, {asset: lids}]}}]
            format: {type: webp, lossless: true}
    """


def test_a_rendition_may_take_layers_of_its_own(bench, painter):
    photos = {f"specs/photos/{sku}.png": photo(color) for sku, color in (("a", "red"), ("b", "blue"))}
    project = bench({"specs/catalog.yaml": RENDITIONS, **photos})
    ended = project.build()
    assert ended.failures == ()
    assert dict(ended.ran) == {"generate": 2, "import": 2, "compose": 4, "encode": 6}
    card, image = shown(project, "packshots/a_0-both.webp"), shown(project, "packshots/a_0.png")
    assert (card.size, image.size) == ((32, 16), (16, 16))
    assert card.crop((12, 4, 20, 12)).tobytes() == shown(project, "lids/0.png").tobytes()
    assert card.crop((0, 0, 8, 16)).tobytes() == shown(project, "grounds/0.png").crop((0, 0, 8, 16)).tobytes()
    assert [request.inputs for request in painter.asked] == [{}, {}]
    assert dict(project.build().ran) == {}
    project.edit("specs/catalog.yaml", ('"a lid"', '"a cap"'))
    assert dict(project.build().ran) == {"generate": 1, "compose": 2, "encode": 2}
    before, locks = project.outputs(), project.locks()
    assert project.again() == 2
    assert (project.outputs(), project.locks()) == (before, locks)


def test_only_the_rendition_that_is_mixed_says_so(bench, painter):
    project = bench({"specs/catalog.yaml": RENDITIONS, "specs/photos/a.png": photo("red")})
    project.edit("specs/catalog.yaml", ("sku: [a, b]", "sku: [a]"))
    project.build()
    with pillow.open(project.root / "out/packshots/a_0-card.webp") as picture:
        assert read_xmp(picture.info["xmp"])["source"] == "compositeWithTrainedAlgorithmicMedia"
    with pillow.open(project.root / "out/packshots/a_0.png") as picture:
        assert "source" not in read_xmp(picture.info.get("xmp", b""))


CHAIN = """\
    version: 1
    models: {paint: {provider: painter}}
    assets:
      ground: {FIRST}
      table: {from: a.png, process: [{compose: {layers: [{asset: ground}, {picture: true}]}}]}
      shop: {from: a.png, process: [{compose: {layers: [{picture: true}, {asset: table}]}}], metadata: minimal}
    """
DRAWN, PHOTO = "prompt: x, models: [paint], size: 16x16", "from: a.png"


def sources(project):
    """By what each image says that it was made."""
    assert project.build().failures == ()
    found = {}
    for name in project.outputs():
        with pillow.open(project.root / "out" / name) as picture:
            found[name] = read_xmp(picture.info["xmp"]).get("source") if "xmp" in picture.info else None
    return found


def test_what_is_drawn_is_told_over_any_number_of_assets(bench, painter):
    project = bench({"specs/catalog.yaml": CHAIN.replace("FIRST", PHOTO), "specs/a.png": photo("red")})
    names = ("ground/0.png", "shop/0.png", "table/0.png")
    assert sources(project) == dict.fromkeys(names)
    project.edit("specs/catalog.yaml", (f"ground: {{{PHOTO}}}", f"ground: {{{DRAWN}}}"))
    mixed = "compositeWithTrainedAlgorithmicMedia"
    assert sources(project) == {**dict.fromkeys(names), "shop/0.png": mixed}
    assert project.build().finished.fresh == 3


AT = "specs/catalog.yaml:"
RENDITION = "format: webp\n    renditions: {card: {process: [{compose: {layers: [{picture: true}, {asset: LAYER}]}}]}}"
FAULTS = {
    "an asset of a rendition that is none": (
        "format: webp",
        RENDITION.replace("LAYER", "lid"),
        f"{AT}10:80: unknown asset 'lid'",
        "Assets here: grounds, packshots",
    ),
    "an asset that is none": (
        "{asset: grounds}",
        "{asset: ground}",
        f"{AT}15:36: unknown asset 'ground'",
        "did you mean 'grounds'? Assets here: grounds, packshots",
    ),
    "itself": (
        "{asset: grounds}",
        "{asset: packshots}",
        f"{AT}10:3: targets need each other in a circle: "
        "catalog/packshots[season=spring,sku=a]#0 → catalog/packshots[season=spring,sku=a]#0",
        "an input must not depend on what is made from it; break the circle in 'inputs' or 'process'",
    ),
    "several": (
        "{asset: grounds}",
        "{asset: grounds, match: []}",
        f"{AT}15:28: 2 targets of 'grounds' go with 'catalog/packshots[season=spring,sku=a]#0': "
        "catalog/grounds[season=spring]@paint#0, catalog/grounds[season=autumn]@paint#0",
        "choose one: add 'season' to 'match'",
    ),
    "a file too": (
        "{asset: grounds}",
        "{asset: grounds, color: red}",
        f"{AT}15:27: operation 'compose': a layer is an image, an asset, a pick, a color or the picture: give one of the five",
        None,
    ),
}


@pytest.mark.parametrize(("old", "new", "message", "hint"), FAULTS.values(), ids=FAULTS)
def test_faults(shop, old, new, message, hint):
    shop.edit("specs/catalog.yaml", (old, new))
    told = shop.tell("plan")
    lines = told.err.splitlines()
    assert told.code == 2
    assert message is None or lines[0] == message
    assert hint is None or lines[-1] == f"hint: {hint}"
