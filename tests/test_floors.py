"""The layering: a file imports only from lower floors, nothing in a circle, and slow libraries only where they are used.

A room is a file or a package of imgbuild; within a package files may import each other. Imports inside functions and
those for type checkers count as any other, unless said otherwise.
"""

import ast
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import imgbuild
from imgbuild.process import OPERATIONS
from imgbuild.providers import PROVIDERS
from imgbuild.rules import RULES

ROOT = Path(imgbuild.__file__).parent

FLOORS = (
    {"colours", "columns", "git", "ground", "price", "typed", "workflows"},
    {"types"},
    {"adjustments", "digest", "errors"},
    {
        "document",
        "extras",
        "files",
        "foreign",
        "graph",
        "images",
        "programs",
        "registry",
        "report",
        "select",
        "templates",
        "weights",
    },
    {"process", "provenance", "providers", "rules", "settings", "sheets", "store"},
    {"credentials", "keys", "ledger", "publish", "spec", "tally"},
    {"expand", "given", "lock", "pace", "pins", "traces", "watch"},
    {"plan", "reviews", "revisions"},
    {"costs", "project"},
    {"compare", "narrow", "survey", "trust"},
    {"deciding", "relock", "run", "signing"},
    {"gallery", "notify", "pipeline", "verdicts", "verify"},
    {"commands"},
    {"cli"},
    {"__main__"},
)

# Loaded only inside the functions that need them, wherever that is.
HEAVY = {
    "accelerate",
    "diffusers",
    "fal_client",
    "google",
    "huggingface_hub",
    "imagehash",
    "jsonschema",
    "onnxruntime",
    "openai",
    "peft",
    "ray",
    "replicate",
    "safetensors",
    "scipy",
    "skimage",
    "torch",
    "transformers",
}

# Where libraries that take their time may be imported as a file is loaded.
LIBRARIES = {
    "PIL": {"images", "process", "provenance", "providers", "sheets"},
    "click": {"cli", "commands"},
    "fastapi": {"gallery"},
    "jinja2": {"templates"},
    "numpy": {"providers"},
    "rich": {"report"},
    "sqlite3": {"store"},
    "uvicorn": {"gallery"},
    "watchfiles": set(),
    "yaml": {"document"},
}


class Import:
    """One name that a file imports. lazy: inside a function; typing: only for type checkers."""

    def __init__(self, name, lazy, typing):
        self.name, self.lazy, self.typing = name, lazy, typing


def is_file(name):
    place = ROOT.parent.joinpath(*name.split("."))
    return name.startswith("imgbuild.") and (place.with_suffix(".py").is_file() or place.is_dir())


def imports_of(tree, lazy=False, typing=False):
    """Every import below a node; `from a import b` is of a.b where that is a file, else of a."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, lazy, typing) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            inner = [name for name in names if is_file(name)]
            yield from (Import(name, lazy, typing) for name in inner)
            if len(inner) < len(names):
                yield Import(node.module, lazy, typing)
        else:
            yield from imports_of(
                node,
                lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda),
                typing or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)),
            )


def module_of(path):
    return ".".join(("imgbuild", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


FILES = {
    module_of(path): list(imports_of(ast.parse(path.read_text(encoding="utf-8"))))
    for path in sorted(ROOT.rglob("*.py"))
}
ROOMS = {name.split(".")[1] for name in FILES if name != "imgbuild"}


def room_of(module):
    """The room that a module of imgbuild is in; None for others, and for names in imgbuild itself."""
    top, _, rest = module.partition(".")
    room = rest.partition(".")[0]
    return room if top == "imgbuild" and room in ROOMS else None


def files_of(name, *, lazy):
    """The files that a file imports."""
    found = {item.name for item in FILES[name] if (lazy or not item.lazy) and not item.typing}
    return {module for module in found if module in FILES} - {name}


def test_every_room_has_one_floor():
    named = [room for floor in FLOORS for room in floor]
    assert sorted(named) == sorted(ROOMS)


def test_files_import_only_from_lower_floors():
    height = {room: number for number, floor in enumerate(FLOORS) for room in floor}
    wrong = {
        f"{name} imports {other}"
        for name, found in FILES.items()
        for other in {room_of(item.name) for item in found} - {None, room_of(name)}
        if room_of(name) is None or height[other] >= height[room_of(name)]
    }
    assert wrong == set()


def test_no_floor_is_higher_than_it_must_be():
    """So that the table stays a picture of the arrows: each room stands on one of the floor right below it."""
    needs = {room: set() for room in ROOMS}
    for name, found in FILES.items():
        needs.get(room_of(name), set()).update({room_of(item.name) for item in found} - {None, room_of(name)})
    wrong = {room for below, floor in pairwise(FLOORS) for room in floor if not needs[room] & below}
    assert wrong == set()


def test_no_file_imports_itself_through_others():
    done, path = set(), []

    def walk(name):
        assert name not in path, " → ".join([*path[path.index(name) :], name])
        if name not in done:
            path.append(name)
            for other in sorted(files_of(name, lazy=False)):
                walk(other)
            done.add(path.pop())

    for name in FILES:
        walk(name)


def test_heavy_libraries_are_imported_inside_functions():
    wrong = {
        f"{name} imports {item.name}"
        for name, found in FILES.items()
        for item in found
        if item.name.partition(".")[0] in HEAVY and not item.lazy and not item.typing
    }
    assert wrong == set()


@pytest.mark.parametrize("library", LIBRARIES)
def test_slow_libraries_are_imported_only_where_they_are_at_home(library):
    rooms = {
        room_of(name)
        for name, found in FILES.items()
        for item in found
        if item.name.partition(".")[0] == library and not item.lazy and not item.typing
    }
    assert rooms == LIBRARIES[library]


def loaded_with(*names):
    """Everything that is imported when these modules are: other modules of imgbuild with all they import in turn."""
    todo = [".".join(name.split(".")[:end]) for name in names for end in range(1, name.count(".") + 2)]
    found = set()
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        for item in FILES.get(name, ()):
            if not item.lazy and not item.typing:
                todo += [".".join(item.name.split(".")[:end]) for end in range(1, item.name.count(".") + 2)]
    return found


def libraries(modules):
    """The packages among these modules that are neither ours nor of the standard library."""
    tops = {name.partition(".")[0] for name in modules}
    return tops - sys.stdlib_module_names - {"imgbuild"}


def test_the_entry_point_loads_nothing_before_it_has_looked_at_the_snapshot():
    ours = {name for name in loaded_with("imgbuild.__main__", "imgbuild.store.snapshot") if name in FILES}
    assert ours == {"imgbuild", "imgbuild.__main__", "imgbuild.store", "imgbuild.store.snapshot"}
    assert libraries(loaded_with("imgbuild.__main__", "imgbuild.store.snapshot")) == set()


def test_a_plan_needs_neither_arrays_nor_terminals():
    names = ("plan", "graph", "keys", "select", "survey", "lock.book", "store.store")
    loaded = libraries(loaded_with(*(f"imgbuild.{name}" for name in names)))
    assert loaded & {"numpy", "rich", "click", *HEAVY} == set()


@pytest.mark.parametrize("registry", [PROVIDERS, RULES, OPERATIONS], ids=lambda registry: registry.kind)
def test_adapters_never_import_each_other(registry):
    homes = {registry.get(name).__module__ for name in registry.names()}
    assert homes <= set(FILES)
    wrong = {
        f"{name} imports {other}" for name in homes for other in files_of(name, lazy=True) & (homes - {name})
    }
    assert wrong == set()


def test_the_rules_of_this_test_see_what_they_forbid():
    tree = ast.parse(
        "import a.b\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import c\n"
        "class X:\n    import d\n    def f(self):\n        from e import f, g\n"
        "try:\n    import h\nexcept ImportError:\n    pass\n"
        "from imgbuild.plan import Plan\n"
        "from imgbuild import graph, __version__\n"
    )
    found = {item.name: (item.lazy, item.typing) for item in imports_of(tree)}
    assert found == {
        "a.b": (False, False),
        "typing": (False, False),
        "c": (False, True),
        "d": (False, False),
        "e": (True, False),
        "h": (False, False),
        "imgbuild.plan": (False, False),
        "imgbuild.graph": (False, False),
        "imgbuild": (False, False),
    }
