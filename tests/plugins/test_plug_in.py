"""A package of somebody else's, installed by pip, brings a provider, a rule and an operation."""

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64encode
from textwrap import dedent

import pytest

from imgbuild.store.store import open_store

MODULE = '''
from typing import ClassVar

from PIL import Image as pillow

from imgbuild.process.base import Operation
from imgbuild.providers.base import Provider
from imgbuild.rules.base import Rule
from imgbuild.types import Capabilities, Finding, Grade, Image


class Flags(Provider):
    """Two colours, one above the other."""

    name = "flags"

    def capabilities(self, model):
        return Capabilities(
            takes=frozenset({"seed"}),
            grade=Grade.BITWISE,
            params={"upper": {"type": "string"}},
            default_size=(20, 10),
        )

    def generate(self, requests):
        return [Image(pixels=self.draw(request), seed=request.seed) for request in requests]

    def draw(self, request):
        picture = pillow.new("RGB", (request.width, request.height), request.prompt)
        picture.paste(request.params.get("upper", "white"), (0, 0, request.width, request.height // 2))
        return picture


class Turn(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Turns the picture by quarters."""

    name: ClassVar[str] = "turn"

    quarters: int = 1

    def apply(self, picture):
        return picture.rotate(90 * self.quarters, expand=True)


class Upright(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Wants pictures that are higher than wide."""

    name: ClassVar[str] = "upright"

    by: float = 1.0

    def measure(self, picture, files):
        width, height = picture.pixels.size
        return {"ratio": height / width}

    def judge(self, measured):
        ratio = measured["ratio"]
        return Finding(ok=ratio >= self.by, figure=ratio, limit=f"at least {self.by}")
'''
POINTS = """
    [imgbuild.providers]
    flags = flagpole.things:Flags

    [imgbuild.rules]
    upright = flagpole.things:Upright

    [imgbuild.process]
    turn = flagpole.things:Turn
    """
SPEC = """
    models:
      flag: {provider: flags, params: {upper: black}}
    assets:
      flags:
        prompt: "{{ color }}"
        matrix: {color: [red, blue]}
        models: [flag]
        process:
          - turn: {quarters: 1}
        validate:
          - upright: {by: 1.5}
    """
MODELS = """
model  provider  source  pin     grade    licence  safety     traits  price  takes             targets
flag   flags             pinned  bitwise           not known           free  seed; 1–16384 px        2
"""


def wheel(folder, module=MODULE, version="1.0"):
    """A wheel as a build tool would write it."""
    info = f"flagpole-{version}.dist-info"
    files = {
        "flagpole/__init__.py": "",
        "flagpole/things.py": module,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: flagpole\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": dedent(POINTS),
    }
    record = [f"{name},sha256={digest(text)},{len(text.encode())}\n" for name, text in files.items()]
    path = folder / f"flagpole-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "".join([*record, f"{info}/RECORD,,\n"]))
    return path


def digest(text):
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def install(path, into):
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--upgrade", "--quiet"]
    command += ["--disable-pip-version-check", "--target", str(into), str(path)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the package installed."""
    folder = tmp_path_factory.mktemp("flagpole")
    install(wheel(folder), folder / "site")
    return folder / "site"


@pytest.fixture
def project(bench, site):
    """A project that uses all three; a function that runs commands in it beside the package."""
    made = bench({"specs/catalog.yaml": SPEC})
    return made, lambda *arguments: made.call(*arguments, env={"PYTHONPATH": str(site)})


def test_a_spec_uses_all_three(project):
    made, call = project
    told = call("build")
    assert (told.code, told.err) == (0, "")
    assert sorted(made.outputs()) == ["flags/blue_0.png", "flags/red_0.png"]

    from PIL import Image

    with Image.open(made.root / "out/flags/red_0.png") as picture:
        assert (picture.size, picture.getpixel((0, 0)), picture.getpixel((9, 0))) == (
            (10, 20),
            (0, 0, 0),
            (255, 0, 0),
        )
    assert call("build").out.startswith("up to date")


def test_what_it_brings_is_known_everywhere(project, site, tmp_path):
    _, call = project
    call("build")
    assert call("models").out == MODELS.lstrip()
    assert call("check").out.splitlines()[-1] == "2 images: 2 pass"
    command = [sys.executable, "-m", "imgbuild.spec.schema", str(tmp_path)]
    subprocess.run(command, check=True, env={"PYTHONPATH": str(site)})
    schema = json.loads((tmp_path / "spec.schema.json").read_text())
    assert schema["$defs"]["operation.Turn"]["properties"]["quarters"] == {"type": "integer", "default": 1}
    assert schema["$defs"]["rule.Upright"]["description"] == "Wants pictures that are higher than wide."


ERRORS = {
    "a name": (
        ("- turn:", "- trun:"),
        """
        specs/catalog.yaml:10:9: unknown operation 'trun'
           10 |       - trun: {quarters: 1}
              |         ^^^^
        hint: did you mean 'turn'? Operations here: adjust, blur, color, command, compose, convert, crop, grayscale, overlay, pad, …
        """,
    ),
    "a parameter of the rule": (
        ("{by: 1.5}", "{from: 1.5}"),
        """
        specs/catalog.yaml:12:19: unknown key 'from'
           12 |       - upright: {from: 1.5}
              |                   ^^^^
        hint: Keys here: adjust, by, on_fail
        """,
    ),
    "the type of a parameter": (
        ("quarters: 1}", "quarters: one}"),
        """
        specs/catalog.yaml:10:26: 'quarters' must be a whole number
           10 |       - turn: {quarters: one}
              |                          ^^^
        """,
    ),
    "a parameter of the provider": (
        ("upper: black", "lower: black"),
        """
        specs/catalog.yaml:3:36: model 'flag' takes no parameter 'lower'
            3 |   flag: {provider: flags, params: {lower: black}}
              |                                    ^^^^^
        hint: leave it out, or let the model say 'unsupported: {lower: drop}'; its parameters: upper
        """,
    ),
    "the provider": (
        ("provider: flags", "provider: flag"),
        """
        specs/catalog.yaml:3:20: unknown provider 'flag'
            3 |   flag: {provider: flag, params: {upper: black}}
              |                    ^^^^
        hint: did you mean 'flags'? Providers here: automatic1111, bfl, comfyui, diffusers, fal, flags, google, http, huggingface, ideogram, …
        """,
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_what_it_brings(project, name):
    made, call = project
    edit, error = ERRORS[name]
    made.edit("specs/catalog.yaml", edit)
    told = call("plan")
    assert (told.err, told.out, told.code) == (dedent(error).lstrip(), "", 2)


def test_without_the_package_its_names_are_unknown(project):
    made, _ = project
    told = made.call("plan")
    assert told.code == 2
    assert told.err == dedent(
        """\
        specs/catalog.yaml:10:9: unknown operation 'turn'
           10 |       - turn: {quarters: 1}
              |         ^^^^
        hint: Operations here: adjust, blur, color, command, compose, convert, crop, grayscale, overlay, pad, …
        specs/catalog.yaml:12:9: unknown rule 'upright'
           12 |       - upright: {by: 1.5}
              |         ^^^^^^^
        hint: Rules here: aesthetic, aspect_ratio, background, banding, brightness, command, contrast, differs_from, dimensions, edges, …
        """
    )


def test_a_new_release_is_noticed(bench, tmp_path):
    """An operation that moved its version runs again, and nothing is generated."""
    install(wheel(tmp_path), tmp_path / "site")
    made = bench({"specs/catalog.yaml": SPEC})
    env = {"PYTHONPATH": str(tmp_path / "site")}
    assert made.call("build", env=env).code == 0
    newer = MODULE.replace('= "turn"\n', '= "turn"\n    version: ClassVar[int] = 2\n').replace(
        "90 *", "-90 *"
    )
    install(wheel(tmp_path, newer, "1.1"), tmp_path / "site")
    assert "process.turn.version: 1 → 2" in made.call("why", "flags", env=env).out
    rows = [json.loads(line) for line in made.call("build", "-n", "--json", env=env).out.splitlines()]
    assert {row["why"] for row in rows} == {"changed"}
    told = made.call("build", env=env)
    assert (told.code, told.out.splitlines()[-1].startswith("built 2")) == (0, True)
    with open_store(made.root / ".imgbuild", write=False) as store:
        steps = [record.step for record in store.records.all_records().values()]
    assert (steps.count("generate"), steps.count("turn")) == (2, 4)


@pytest.fixture
def broken(bench, site, tmp_path):
    """A project that uses all three, beside a package with this code in its module."""

    def make(module, spec=SPEC):
        shutil.copytree(site, tmp_path / "site", ignore=shutil.ignore_patterns("__pycache__"))
        (tmp_path / "site/flagpole/things.py").write_text(module)
        made = bench({"specs/catalog.yaml": spec})
        return made, lambda *arguments: made.call(*arguments, env={"PYTHONPATH": str(tmp_path / "site")})

    return make


def test_a_package_that_cant_be_imported_is_named(broken):
    _, call = broken("import nowhere_to_be_found\n")
    told = call("build")
    assert told.code == 2
    assert told.err == dedent(
        """\
        specs/catalog.yaml:3:20: provider 'flags' can't be loaded from flagpole.things:Flags: No module named 'nowhere_to_be_found'
            3 |   flag: {provider: flags, params: {upper: black}}
              |                    ^^^^^
        hint: mend or uninstall the package 'flagpole' that brings it
        """
    )


def test_a_broken_package_that_nothing_uses_breaks_nothing(broken):
    made, call = broken("import nowhere_to_be_found\n", "assets: {lamp: {prompt: a lamp, size: 16x16}}\n")
    told = call("build")
    assert (told.code, told.err) == (0, "")
    made.write(
        {"specs/catalog.yaml": "assets: {lamp: {prompt: a lamp, process: [turn], validate: [upright]}}\n"}
    )
    assert call("build").err == dedent(
        """\
        specs/catalog.yaml:1:43: operation 'turn' can't be loaded from flagpole.things:Turn: No module named 'nowhere_to_be_found'
            1 | assets: {lamp: {prompt: a lamp, process: [turn], validate: [upright]}}
              |                                           ^^^^
        hint: mend or uninstall the package 'flagpole' that brings it
        """
    )


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("class Flags(Provider)", "class Flags", "it is no Provider"),
        ('name = "flags"', 'name = "banner"', "it names itself 'banner'"),
    ],
)
def test_a_class_that_is_not_what_it_is_registered_as(broken, old, new, why):
    _, call = broken(MODULE.replace(old, new))
    assert call("build").err.splitlines()[0] == (
        f"specs/catalog.yaml:3:20: provider 'flags' can't be loaded from flagpole.things:Flags: {why}"
    )


BREAKS = {
    "the provider's capabilities": (
        ('takes=frozenset({"seed"})', "takes=1 / 0"),
        "specs/catalog.yaml:3:20: provider 'flags' broke: ZeroDivisionError: division by zero",
        2,
    ),
    "the provider": (
        ("return picture\n\n\nclass Turn", "return picture / 0\n\n\nclass Turn"),
        "2 failed: provider 'flags' broke: TypeError: unsupported operand type(s) for /: 'Image' and 'int'",
        1,
    ),
    "an answer too few": (
        ("for request in requests]", "for request in requests[1:]]"),
        "2 failed: provider 'flags' broke: ValueError: zip() argument 2 is shorter than argument 1",
        1,
    ),
    "an empty answer": (
        ("pixels=self.draw(request), ", ""),
        "2 failed: provider 'flags' broke: ValueError: an image has either pixels or data",
        1,
    ),
    "the operation": (
        ("picture.rotate(90 ", "picture.turn(90 "),
        "2 failed: operation 'turn' broke: AttributeError: 'Image' object has no attribute 'turn'",
        1,
    ),
    "the rule's measuring": (
        ("height / width}", "height / 0}"),
        "2 failed: rule 'upright' broke: ZeroDivisionError: division by zero",
        1,
    ),
    "the rule's judging": (
        ('measured["ratio"]', 'measured["tallness"]'),
        "2 failed: rule 'upright' broke: KeyError: 'tallness'",
        1,
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_breaks_is_named_and_the_rest_is_built(broken, name):
    (old, new), line, code = BREAKS[name]
    assert MODULE.count(old) == 1
    other = SPEC.rstrip(" ") + "      lamp: {prompt: a lamp, models: [placeholder], size: 16x16}\n"
    made, call = broken(MODULE.replace(old, new), other)
    told = call("build")
    assert told.code == code, told
    assert line in (told.err if code == 2 else told.out).splitlines()
    assert "hint: this is a bug of it, or of what it uses, at " in told.out + told.err
    assert list(made.outputs()) == ([] if code == 2 else ["lamp/0.png"])
