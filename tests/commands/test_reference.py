"""The lists of rules and operations, and their pages."""

import json

import pytest
import yaml

from imgbuild.process import OPERATIONS
from imgbuild.rules import RULES


@pytest.fixture
def project(bench):
    return bench({"specs/a.yaml": "assets: {}\n"})


def told(project, *call):
    found = project.tell(*call)
    assert (found.code, found.err) == (0, "")
    return found.out


@pytest.mark.parametrize(("verb", "registry"), [("rules", RULES), ("operations", OPERATIONS)])
def test_all_are_listed(project, verb, registry):
    head, *lines = told(project, verb).splitlines()
    assert head.split() == [registry.kind, "what", "for"]
    assert [line.split()[0] for line in lines] == registry.names()
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines)


def test_a_page(project):
    assert told(project, "rules", "sharpness") == (
        "Variance of the Laplacian of luma, in squared levels: the higher, the sharper (or the noisier).\n"
        "\n"
        "The same figure as OpenCV's cv2.Laplacian(gray, cv2.CV_64F).var(): the kernel (0 1 0, 1 -4 1, 0 1 0) with borders\n"
        'mirrored about the edge pixel. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000.\n'
        "\n"
        "Holds the variance of the Laplacian between `min` and `max`. It grows with detail and falls with size.\n"
        "\n"
        "parameter  value                               default\n"
        "min        number\n"
        "max        number\n"
        "on_fail    one of: fail, reroll, review, warn  fail\n"
        "adjust     mapping\n"
        "\n"
        "validate:\n"
        "  - sharpness: {min: 100}\n"
    )


def test_a_page_of_an_operation(project):
    lines = told(project, "operations", "convert").splitlines()
    assert lines[-6:] == [
        "parameter   value                     default",
        "mode        one of: L, LA, RGB, RGBA  needed",
        "background  text",
        "",
        "process:",
        "  - convert: {mode: RGB}",
    ]


def test_defaults_are_shown_whatever_they_are(project):
    rows = dict(line.split(None, 1) for line in told(project, "rules", "edges").splitlines() if "  " in line)
    assert rows["max"].split() == ["number", "0.0"]
    assert rows["sides"] == "list of one of: bottom, left, right, top  left, top, right, bottom"
    assert told(project, "rules", "background").count("true or false") == 1


PAGES = [(verb, name) for verb, all in (("rules", RULES), ("operations", OPERATIONS)) for name in all.names()]


@pytest.mark.parametrize(("verb", "name"), PAGES)
def test_the_example_of_each_page_is_one(bench, verb, name):
    """It stands in an asset, and the asset is planned."""
    page = told(bench({"specs/a.yaml": "assets: {}\n"}, "page"), verb, name)
    section = page[page.rindex("validate:" if verb == "rules" else "process:") :]
    weights = {"provider": "weights", "source": "./w.onnx"}
    models = dict.fromkeys(("clip", "beauty", "safety", "esrgan", "gfpgan", "yunet", "ppocr"), weights)
    spec = {"models": models, "assets": {"a": {"prompt": "a", **yaml.safe_load(section)}}}
    project = bench(
        {
            "specs/a.yaml": yaml.safe_dump(spec),
            "specs/refs/hero.png": b"",
            "specs/refs/logo.png": b"",
            "specs/checks/logo.py": "",
            "specs/refs/competitor.png": b"",
        }
    )
    assert "a/a@placeholder#0" in told(project, "plan", "--verbose")


def test_as_json(project):
    lines = told(project, "rules", "--json").splitlines()
    assert [json.loads(line)["name"] for line in lines] == RULES.names()
    page = json.loads(told(project, "rules", "noise", "--json"))
    assert page["unit"] == "levels"
    assert page["defaults"] == {"on_fail": "fail", "adjust": None, "min": None, "max": None}
    assert json.loads(told(project, "rules", "unique", "--json"))["group"]


def test_a_name_that_is_none(project):
    found = project.tell("operations", "resiez")
    assert (found.code, found.out) == (2, "")
    assert found.err == (
        "error: unknown operation 'resiez'\n"
        "hint: did you mean 'resize'? Operations here: adjust, blur, color, command, compose, convert, crop, grayscale, overlay, pad, …\n"
    )
