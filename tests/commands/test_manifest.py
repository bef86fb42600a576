"""The audit trail: what made each locked image."""

import csv
import hashlib
import io
import json
import shutil
from datetime import datetime

import pytest

from imgbuild.errors import Refused

SPEC = """
    models:
      m: {provider: painter, source: acme/ink, revision: main, license: mit, rights: ours, params: {steps: 4}}
    assets:
      art:
        prompt: "art, {{ kind }}"
        negative: blurry
        matrix: {kind: [ink, oil]}
        models: [m]
        size: 16x16
        process: [{adjust: {brightness: 1.1}}]
        validate: [{dimensions: {width: 16}}]
      cut:
        from: photos/a.png
        rights: "A. Smith, CC BY 4.0"
    """


@pytest.fixture
def project(bench, painter):
    from PIL import Image as pillow

    from imgbuild.images import encode
    from imgbuild.types import Format

    photo = encode(pillow.new("RGB", (8, 8), "teal"), Format())
    made = bench({"specs/a.yaml": SPEC, "specs/photos/a.png": photo})
    assert made.build().finished.exit_code == 0
    return made


def told(project, *call):
    found = project.tell("manifest", *call)
    assert (found.code, found.err) == (0, "")
    return found.out


def images(project, *call):
    return {entry["id"]: entry for entry in json.loads(told(project, *call))["images"]}


INK = "a/art[kind=ink]@m#0"


def test_everything_that_made_an_image(project):
    found = images(project)
    assert list(found) == ["a/art[kind=ink]@m#0", "a/art[kind=oil]@m#0", "a/cut#0"]
    ink = found[INK]
    data = (project.root / ink["output"]).read_bytes()
    line = project.lines("a")["art[kind=ink]@m#0"]
    assert {
        name: ink[name]
        for name in ink
        if name not in ("seconds", "created", "environment", "verdicts", "weights", "review", "decisions")
    } == {
        "id": INK,
        "output": "out/art/ink_0.png",
        "state": "fresh",
        "spec": "specs/a.yaml:5",
        "variables": {"kind": "ink"},
        "sha256": hashlib.sha256(data).hexdigest(),
        "files": [],
        "won": "",
        "pixels": line.pixels,
        "known": True,
        "prompt": "art, ink",
        "negative": "blurry",
        "width": 16,
        "height": 16,
        "params": {"steps": 4},
        "provider": "painter",
        "model": "m",
        "source": "acme/ink",
        "revision": "main",
        "license": "mit",
        "rights": "",
        "model_rights": "ours",
        "seed": line.seed,
        "attempt": 0,
        "via": "",
        "adjusted": [],
        "grade": "bitwise",
        "sources": [],
        "process": [
            {
                "name": "adjust",
                "version": 1,
                "brightness": 1.1,
                "contrast": 1.0,
                "saturation": 1.0,
                "gamma": 1.0,
            }
        ],
        "format": {"type": "png"},
        "cost": 0.0,
    }
    assert [(item["rule"], item["status"]) for item in ink["verdicts"]] == [("dimensions", "pass")]
    assert datetime.fromisoformat(ink["created"]).utcoffset().total_seconds() == 0


def test_a_picture_that_existed_has_its_source(project):
    cut = images(project)["a/cut#0"]
    assert (cut["sources"], cut["provider"], cut["prompt"], cut["params"]) == (
        ["specs/photos/a.png"],
        "",
        "",
        {},
    )
    assert (cut["rights"], cut["model_rights"]) == ("A. Smith, CC BY 4.0", "")


def test_rights_are_in_no_key(project):
    project.edit("specs/a.yaml", ("A. Smith, CC BY 4.0", "B. Jones"), ("rights: ours", "rights: theirs"))
    before = project.locks()
    ended = project.build()
    assert (dict(ended.ran), project.locks()) == ({}, before)
    found = images(project)
    assert (found["a/cut#0"]["rights"], found[INK]["model_rights"]) == ("B. Jones", "theirs")


def test_it_tells_of_what_was_made_and_not_of_what_the_spec_says_since(project):
    project.edit("specs/a.yaml", ("art, {{ kind }}", "a picture, {{ kind }}"))
    ink = images(project)[INK]
    assert (ink["state"], ink["prompt"], ink["known"]) == ("run", "art, ink", True)
    shutil.rmtree(project.root / ".imgbuild")
    ink = images(project)[INK]
    assert (ink["prompt"], ink["known"], ink["created"]) == ("a picture, ink", False, "")


def test_what_is_not_locked_is_left_out(project):
    project.edit("specs/a.yaml", ("[ink, oil]", "[ink, wax]"))
    assert list(images(project)) == [INK, "a/cut#0"]
    assert list(images(project, "-s", "kind=ink")) == [INK]


def test_as_csv(project):
    rows = list(csv.DictReader(io.StringIO(told(project, "--format", "csv"))))
    whole = images(project)
    assert [row["id"] for row in rows] == list(whole)
    ink = next(row for row in rows if row["id"] == INK)
    assert ink["prompt"] == "art, ink"
    for name, value in whole[INK].items():
        assert (ink[name] if isinstance(value, str) else json.loads(ink[name])) == value


def test_nothing_is_locked_yet(bench, painter):
    project = bench({"specs/a.yaml": SPEC.partition("      cut:")[0]})
    assert images(project) == {}
    assert told(project, "--format", "csv").startswith("id,output,state,")


FALLING_BACK = """
    models:
      first: {provider: painter, source: acme/first, fallback: [other, second]}
      other: {provider: painter, source: acme/other}
      second: {provider: painter, source: acme/second}
    assets: {art: {prompt: art, models: [first], size: 16x16}}
    """


def test_a_fallback_that_was_renamed_since_is_still_the_model_that_made_it(bench, painter, monkeypatch):
    paint = painter.paint

    def refuse(self, request):
        if request.pin.source != "acme/second":
            raise Refused("no", hint="ask another")
        return paint(self, request)

    monkeypatch.setattr(painter, "paint", refuse)
    project = bench({"specs/a.yaml": FALLING_BACK})
    assert project.build().finished.exit_code == 0
    (found,) = images(project).values()
    assert (found["model"], found["source"], found["via"]) == ("second", "acme/second", "second")
    project.edit("specs/a.yaml", ("other, second", "other, last"), ("second: {provider", "last: {provider"))
    (found,) = images(project).values()
    assert (found["model"], found["source"], found["via"]) == ("last", "acme/second", "second")
