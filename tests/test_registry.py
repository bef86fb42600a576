"""Names of built-ins and plug-ins, and the errors for those that are not there or can't be loaded."""

import subprocess
import sys

import pytest

from imgbuild.errors import SpecError
from imgbuild.process import OPERATIONS
from imgbuild.process.base import Operation
from imgbuild.registry import Registry
from imgbuild.rules import RULES
from imgbuild.rules.base import Rule, verdict

PLUG_IN = """
from typing import ClassVar
from imgbuild.rules.base import Rule
from imgbuild.types import Finding

class Square(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: ClassVar[str] = "square"

    def measure(self, picture, files):
        return {"sides": list(picture.pixels.size)}

    def judge(self, measured):
        return Finding(ok=measured["sides"][0] == measured["sides"][1], figure=measured["sides"])
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts an installed package with one module and one entry point where imports look."""

    def install_package(name, source, group, entry):
        (tmp_path / f"{name}.py").write_text(source)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{entry}\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, name, raising=False)

    return install_package


def rules(built_in=()):
    return Registry("rule", "imgbuild.rules", dict(built_in))


@pytest.mark.parametrize(("registry", "base"), [(RULES, Rule), (OPERATIONS, Operation)])
def test_every_built_in_has_the_name_it_is_registered_under(registry, base):
    for name in registry.names():
        found = registry.get(name)
        assert issubclass(found, base)
        assert found.name == name


def test_the_built_in_names():
    assert RULES.names() == [
        "aesthetic",
        "aspect_ratio",
        "background",
        "banding",
        "brightness",
        "command",
        "contrast",
        "differs_from",
        "dimensions",
        "edges",
        "faces",
        "file_size",
        "format",
        "mode",
        "noise",
        "not_blank",
        "nsfw",
        "palette",
        "prompt_match",
        "python",
        "quality",
        "sharpness",
        "similar_to",
        "subject",
        "text",
        "unique",
    ]
    assert OPERATIONS.names() == [
        "adjust",
        "blur",
        "color",
        "command",
        "compose",
        "convert",
        "crop",
        "grayscale",
        "overlay",
        "pad",
        "pad_mask",
        "quantize",
        "remove_background",
        "resize",
        "restore_faces",
        "round_corners",
        "shadow",
        "sharpen",
        "trim",
        "upscale",
    ]


def test_an_unknown_name_gives_the_nearest():
    with pytest.raises(SpecError) as caught:
        OPERATIONS.get("resise")
    assert str(caught.value) == (
        "error: unknown operation 'resise'\n"
        "hint: did you mean 'resize'? Operations here: adjust, blur, color, command, compose, convert, crop, grayscale, overlay, pad, …"
    )


def test_an_unknown_name_where_nothing_is_near():
    with pytest.raises(SpecError) as caught:
        RULES.get("zzz")
    assert str(caught.value) == (
        "error: unknown rule 'zzz'\n"
        "hint: Rules here: aesthetic, aspect_ratio, background, banding, brightness, command, contrast, differs_from, "
        "dimensions, edges, …"
    )


def test_an_unknown_name_among_none():
    with pytest.raises(SpecError) as caught:
        rules().get("sharpness")
    assert str(caught.value) == "error: unknown rule 'sharpness'\nhint: there are no rules here"


def test_an_installed_package_brings_a_rule(install):
    from PIL import Image

    from imgbuild.images import Picture

    install("squares", PLUG_IN, "imgbuild.rules", "square = squares:Square")
    registry = rules({"sharpness": "imgbuild.rules.sharpness:Sharpness"})
    assert registry.names() == ["sharpness", "square"]
    assert registry.get("square") is registry.get("square")
    rule = registry.get("square")(on_fail="review")
    finding = rule.judge(rule.measure(Picture(b"", Image.new("L", (2, 3))), {}))
    assert verdict(rule, finding).status == "review"


def test_a_package_of_another_group_is_not_a_rule(install):
    install("squares", PLUG_IN, "imgbuild.process", "square = squares:Square")
    assert "square" not in rules().names()


def test_a_package_cant_take_a_built_in_name(install):
    install("squares", PLUG_IN, "imgbuild.rules", "sharpness = squares:Square")
    registry = rules({"sharpness": "imgbuild.rules.sharpness:Sharpness"})
    assert registry.names() == ["sharpness"]
    assert registry.get("sharpness").__module__ == "imgbuild.rules.sharpness"


def test_a_broken_package_is_named(install):
    install("squares", "import nowhere_to_be_found", "imgbuild.rules", "square = squares:Square")
    with pytest.raises(SpecError) as caught:
        rules().get("square")
    assert str(caught.value) == (
        "error: rule 'square' can't be loaded from squares:Square: No module named 'nowhere_to_be_found'\n"
        "hint: mend or uninstall the package 'squares' that brings it"
    )


def test_looking_at_the_names_imports_no_built_in():
    code = (
        "import sys; from imgbuild.process import OPERATIONS; OPERATIONS.names(); "
        "print([name for name in ('PIL', 'numpy', 'imagehash') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "[]\n"


def test_no_rule_or_operation_imports_the_heavy_libraries_before_it_is_used():
    code = (
        "import sys; from imgbuild.process import OPERATIONS; from imgbuild.rules import RULES\n"
        "for registry in (OPERATIONS, RULES):\n"
        "    for name in registry.names(): registry.get(name)\n"
        "print([name for name in ('numpy', 'imagehash', 'scipy') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "[]\n"
