"""Any pictures held against the rules of a file, and reports of verdicts."""

import io
import json
import struct
import zlib
from xml.etree import ElementTree as etree

import pytest
from PIL import Image as pillow

from imgbuild.images import encode
from imgbuild.types import Format

RULES = """
    rules:
      web:
        - dimensions: {min_width: 64}
        - not_blank
      brand:
        - unique: {on_fail: review}
    """


def noise(seed, size=(64, 48), mode="RGB"):
    return pillow.effect_noise(size, 30 + seed).convert(mode)


def saved(picture, format="PNG", **options):
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


@pytest.fixture
def project(bench):
    return bench({"brand.yaml": RULES})


def check(project, *call, code=0):
    told = project.tell("check", "--rules", "brand.yaml", *call)
    assert (told.code, told.err) == (code, "")
    return told.out


def statuses(out):
    """By picture, the worst that is said of it."""
    found = {}
    for line in out.splitlines()[1:-1]:
        if line.startswith("  ") or "are alike" in line:
            continue
        status, name = line.split()[:2]
        found.setdefault(name, status)
    return found


def test_pictures_that_nobody_built(project):
    good = encode(noise(1), Format())
    project.write(
        {
            "photos/a.png": good,
            "photos/deep/b.jpg": encode(noise(2), Format(type="jpeg")),
            "photos/deep/copy.png": good,
            "photos/small.png": encode(noise(3, (8, 8)), Format()),
            "photos/notes.txt": "no picture",
            "photos/.hidden/c.png": b"",
        }
    )
    out = check(project, "photos", code=3)
    assert statuses(out) == {
        "photos/small.png": "fail",
        "photos/deep/copy.png": "review",
        "photos/a.png": "pass",
        "photos/deep/b.jpg": "pass",
    }
    assert out.splitlines()[-1] == "4 images: 1 fail, 1 review, 2 pass"
    assert "more than 4 from every other, like photos/a.png" in out
    assert not (project.root / ".imgbuild").exists()


NEAR = """\
3 images are alike (unique):
  photos/a.png  0 bits of 64 from photos/deep/again.png
  photos/deep/again.png  0 bits of 64 from photos/a.png
  photos/deep/copy.png  0 bits of 64 from photos/a.png
4 images: 2 review, 2 pass
"""


def test_who_is_like_whom_is_told_whoever_is_blamed(project):
    good, other = encode(noise(1), Format()), encode(noise(2), Format())
    places = {"a.png": good, "b.png": other, "deep/copy.png": good, "deep/again.png": good}
    project.write({f"photos/{name}": data for name, data in places.items()})
    call = ("photos", "--set", "brand")
    assert check(project, *call, "--junit", "r.xml", "--sarif", "r.sarif").endswith(NEAR)
    assert "alike" not in check(project, *call, "--quiet")
    told = json.loads(check(project, *call, "--json").splitlines()[-1])
    assert (told["event"], told["rule"], told["unit"]) == ("cluster", "unique", "bits of 64")
    assert told["members"][2] == {"id": "photos/deep/copy.png", "to": "photos/a.png", "distance": 0}
    suite = etree.fromstring(project.text("r.xml")).find("testsuite[@name='unique']")
    assert suite.findtext("system-out").splitlines() == NEAR.splitlines()[:-1]
    first = json.loads(project.text("r.sarif"))["runs"][0]["results"][0]
    assert [place["message"]["text"] for place in first["relatedLocations"]] == [
        "alike: photos/a.png",
        "alike: photos/deep/copy.png",
    ]


def test_a_large_cluster_is_cut(project):
    good = encode(noise(1), Format())
    project.write({f"photos/{number:02}.png": good for number in range(13)})
    lines = check(project, "photos", "--set", "brand").splitlines()
    assert lines[-2] == "  … and 3 more; --verbose shows all"
    assert "more; --verbose" not in check(project, "photos", "--set", "brand", "--verbose")


def test_some_of_the_sets_and_some_of_the_pictures(project):
    project.write({"a.png": encode(noise(1), Format()), "b.png": encode(noise(2, (8, 8)), Format())})
    assert check(project, "a.png", "b.png", "--set", "brand").splitlines()[-1] == "2 images: 2 pass"
    assert statuses(check(project, "b.png", "--set", "web", code=3)) == {"b.png": "fail"}
    assert check(project, "a.png", "b.png", "--set", "brand", "--review") == "2 images: 2 pass\n"


def test_references_lie_beside_the_rules_which_may_be_anywhere(bench, tmp_path):
    other = tmp_path / "brand"
    other.mkdir()
    picture = encode(noise(1), Format())
    (other / "house.png").write_bytes(picture)
    (other / "rules.yaml").write_text("rules: {house: [{similar_to: {reference: house.png, distance: 0}}]}\n")
    project = bench({"a.png": picture, "b.png": encode(pillow.linear_gradient("L"), Format())})
    told = project.tell("check", "--rules", str(other / "rules.yaml"), "a.png", "b.png")
    assert (told.code, statuses(told.out)) == (3, {"a.png": "pass", "b.png": "fail"})


def header(width, height):
    """A PNG that says that it is so large, and has nothing to show for it."""
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", ihdr), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def rotated():
    exif = pillow.Exif()
    exif[0x0112] = 6
    return saved(noise(6, (48, 64)), "JPEG", exif=exif, quality=95)


READABLE = {
    "cmyk.jpg": saved(noise(1, mode="CMYK"), "JPEG"),
    "16-bit.png": saved(
        pillow.linear_gradient("L").convert("I").point(lambda level: level * 257).convert("I;16")
    ),
    "animated.gif": saved(noise(2), "GIF", save_all=True, append_images=[noise(3)]),
    "really-a-png.jpg": saved(noise(4)),
    "palette.png": saved(noise(5).quantize(16)),
    "rotated.jpg": rotated(),
}
TRUNCATED = saved(noise(7))
BROKEN = {
    "truncated.png": (TRUNCATED[: len(TRUNCATED) // 2], "it is damaged: image file is truncated"),
    "empty.png": (b"", "it is not an image that can be read"),
    "text.png": (b"hello", "it is not an image that can be read"),
    "huge.png": (header(30_000, 30_000), "it is 30000×30000, too large to open safely"),
}


def test_odd_files_are_read(project):
    project.write({f"photos/{name}": data for name, data in READABLE.items()})
    out = check(project, "photos")
    assert statuses(out) == dict.fromkeys(sorted(f"photos/{name}" for name in READABLE), "pass")
    assert "64×48 px" in next(line for line in out.splitlines() if "rotated" in line and "dimensions" in line)


def test_broken_files_are_told_and_the_others_are_checked(project):
    project.write({f"photos/{name}": data for name, (data, _) in BROKEN.items()})
    project.write({"photos/good.png": encode(noise(1), Format()), "photos/dot.png": saved(noise(1, (1, 1)))})
    rows = [json.loads(line) for line in check(project, "photos", "--json", code=1).splitlines()]
    assert {row["id"]: row["limit"] for row in rows if row["status"] == "error"} == {
        f"photos/{name}": why for name, (_, why) in BROKEN.items()
    }
    assert {row["id"] for row in rows if row["status"] == "fail"} == {"photos/dot.png"}
    assert {row["id"] for row in rows if row["status"] == "pass"} >= {"photos/good.png"}


def test_reports_are_written(project):
    project.write({"a.png": encode(noise(1), Format()), "b.png": encode(noise(2, (8, 8)), Format())})
    out = check(project, "a.png", "b.png", "--junit", "r.xml", "--sarif", "r.sarif", code=3)
    assert out.splitlines()[-1] == "2 images: 1 fail, 1 pass"
    root = etree.fromstring(project.text("r.xml"))
    assert (root.attrib["tests"], root.attrib["failures"]) == ("6", "1")
    (result,) = json.loads(project.text("r.sarif"))["runs"][0]["results"]
    assert result["message"]["text"] == "b.png: dimensions 8×8 px (width at least 64)"


def test_reports_of_a_project(bench, painter):
    spec = """
        models: {m: {provider: painter}}
        assets:
          art: {prompt: art, models: [m], size: 16x16, validate: [{dimensions: {width: 17}}]}
        """
    project = bench({"specs/a.yaml": spec})
    project.build()
    told = project.tell("check", "--sarif", "r.sarif", "--junit", "r.xml")
    assert told.code == 1
    (result,) = json.loads(project.text("r.sarif"))["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("specs/a.yaml", 4)
    assert 'errors="1"' in project.text("r.xml")


WRONG = {
    "no pictures": (
        ["--rules", "brand.yaml"],
        "no pictures are named",
        "imgbuild check --rules FILE photos/",
    ),
    "nothing there": (
        ["--rules", "brand.yaml", "photso"],
        "'photso' can't be looked at: No such file or directory",
        "name pictures or folders of them",
    ),
    "no picture in a folder": (
        ["--rules", "brand.yaml", "empty"],
        "there are no pictures in 'empty'",
        "a picture is told by its suffix: .png, .jpg, …",
    ),
    "a selection": (
        ["--rules", "brand.yaml", "-s", "hero", "empty"],
        "--select chooses targets, and --rules looks at pictures",
        "leave one out",
    ),
    "a set without a file": (
        ["--set", "web", "empty"],
        "--set chooses among the rule sets of a file",
        "name the file by --rules",
    ),
    "no such set": (
        ["--rules", "brand.yaml", "--set", "wbe", "empty"],
        "brand.yaml has no rule set 'wbe'",
        "did you mean 'web'? Rule sets here: brand, web",
    ),
    "no rules": (
        ["--rules", "none.yaml", "empty"],
        "none.yaml declares no rules",
        "write sets of them below 'rules'",
    ),
    "no such file": (
        ["--rules", "brnad.yaml", "empty"],
        "there is no file 'brnad.yaml'",
        "--rules names a spec that has sets of rules",
    ),
    "a report that can't be written": (
        ["--rules", "brand.yaml", "a.png", "--junit", "nowhere/r.xml"],
        "'nowhere/r.xml' can't be written: No such file or directory",
        "is its folder there, and yours?",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_the_command(project, name):
    call, message, hint = WRONG[name]
    project.write({"none.yaml": "assets: {}\n", "a.png": encode(noise(1), Format()), "empty/x.txt": ""})
    told = project.tell("check", *call)
    assert (told.code, told.out) == (2, "")
    assert told.err == f"error: {message}\nhint: {hint}\n"
