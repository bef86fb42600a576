"""The README says what is so: its commands run, its package works, its tables name what there is."""

import os
import re
import runpy
import subprocess
import sys
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from imgbuild.cli import main as command_line
from imgbuild.errors import Exit
from imgbuild.lock.text import read_lock
from imgbuild.process import OPERATIONS
from imgbuild.rules import RULES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "imgbuild"

# A fenced block below a comment that says what it is for, and the output shown below it.
BLOCK = re.compile(
    r"^<!-- (\w+): (\S+) -->\n```\w+\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL
)
BREAK = "\x1e"  # between the outputs of blocks


def blocks(purpose, name=None):
    """(name, text, output shown) of every block for this purpose."""
    found = [(block[2], block[3], block[4] or "") for block in BLOCK.finditer(README) if block[1] == purpose]
    return [block for block in found if name in (None, block[0])]


def table(head):
    """The first cells of the table with this head, without their backticks."""
    rows = README.partition(head)[2].splitlines()[2:]
    cells = [row.split("|")[1].strip().strip("`") for row in rows[: rows.index("")]]
    assert cells
    return cells


def run(script, folder):
    """The output of a shell script that ends well; `imgbuild` is the one under test."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_shown(shown, output):
    """Every line shown is in the output, in this order; an ellipsis stands for anything."""
    lines = iter(output.splitlines())
    for pattern in shown.splitlines():
        wanted = re.sub(r"[*?[]", r"[\g<0>]", pattern).replace("…", "*")
        assert any(fnmatchcase(line, wanted) for line in lines), f"{pattern!r} is not in\n{output}"


@pytest.mark.parametrize("walk", sorted({name for name, _, _ in blocks("run")}))
def test_the_commands_run_and_say_what_is_shown(walk, tmp_path):
    copytree(ROOT / "examples", tmp_path / "examples", ignore=ignore_patterns("out", ".imgbuild"))
    steps = blocks("run", walk)
    outputs = run(f"\nprintf '{BREAK}'\n".join(text for _, text, _ in steps), tmp_path).split(BREAK)
    assert len(outputs) == len(steps)
    for (_, _, shown), output in zip(steps, outputs, strict=True):
        assert shown
        check_shown(shown, output)


def test_the_spec_shown_is_what_init_writes(tmp_path):
    run("imgbuild init", tmp_path)
    for name, text, _ in blocks("is"):
        assert text in (tmp_path / name).read_text(encoding="utf-8")


def test_the_mistake_shown_is_what_it_looks_like(tmp_path):
    run("imgbuild init && sed -i.bak 's/models: .sketch./models: [skecth]/' specs/hello.yaml", tmp_path)
    told = run("! imgbuild plan 2>&1", tmp_path)
    assert f"```text\n{told}```" in README


@pytest.fixture
def shop(tmp_path):
    """A project whose specs use the package that the README shows, installed beside imgbuild."""
    files = {name: text for name, text, _ in blocks("file")}
    points = tomllib.loads(files["pyproject.toml"])["project"]["entry-points"]
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in names.items())
        for group, names in points.items()
    ]
    files["shop_pictures-1.0.dist-info/METADATA"] = (
        "Metadata-Version: 2.1\nName: shop-pictures\nVersion: 1.0\n"
    )
    files["shop_pictures-1.0.dist-info/entry_points.txt"] = "\n".join(groups)
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_the_package_shown_adds_a_provider_a_rule_and_an_operation(shop):
    path = f"PYTHONPATH='{shop}'"
    assert "built 2 in" in run(f"{path} imgbuild build", shop)
    check_shown(
        "pass *warmth*255.0 levels*at least 10".replace("*", "…"), run(f"{path} imgbuild check", shop)
    )
    spec = shop / "specs/shop.yaml"
    spec.write_text(spec.read_text().replace("min: 10", "least: 10"))
    assert "unknown key 'least'" in run(f"! {path} imgbuild plan 2>&1", shop)


def rooms():
    """Every file and folder of the package that the table has to name."""
    files = [path.name for path in PACKAGE.glob("*.py") if not path.name.startswith("__")]
    folders = {path.relative_to(PACKAGE).parts[0] for path in PACKAGE.glob("*/**/*.py")}
    return {*files, *(f"{name}/" for name in folders)}


def test_the_table_names_every_room_once():
    named = table("| room in `imgbuild/` | purpose |")
    assert len(named) == len(set(named))
    assert set(named) == rooms()


def test_rooms_import_only_from_rooms_above_them():
    imported = re.compile(r"^\s*(?:from|import) imgbuild\.(\w+)", re.MULTILINE)
    above = []
    for room in table("| room in `imgbuild/` | purpose |"):
        above.append(room.removesuffix(".py").rstrip("/"))
        files = PACKAGE.joinpath(room).rglob("*.py") if room.endswith("/") else [PACKAGE / room]
        for file in files:
            wrong = set(imported.findall(file.read_text(encoding="utf-8"))) - set(above)
            assert not wrong, (
                f"{file.relative_to(ROOT)} imports {sorted(wrong)}, below it in the README's table"
            )


def test_the_table_names_every_verb():
    assert sorted(table("| verb | what it does |")) == sorted(command_line.commands)


def test_the_table_names_every_exit_code():
    assert [int(code) for code in table("| exit code | meaning |")] == [code.value for code in Exit]


def test_the_names_of_rules_and_operations_are_all_of_them():
    section = README.partition("## What a spec can say")[2].partition("\n## ")[0]
    for key, registry in (("process", OPERATIONS), ("validate", RULES)):
        row = next(line for line in section.splitlines() if line.startswith(f"| `{key}` |"))
        listed = re.findall(r"`(\w+)`", row.split("|")[2].partition("; each")[0])
        assert listed == registry.names()


def test_the_sheet_shows_as_many_images_as_it_says():
    names = [name for row in runpy.run_path(str(ROOT / "docs/make_sheet.py"))["ROWS"] for name in row]
    locks = [read_lock(path.read_bytes(), path.name).lock for path in (ROOT / "specs").glob("*.lock")]
    made = sum(len(lock.targets) for lock in locks)
    assert f"These are {len(names)} of the {made} images" in README
    assert f"`up to date ({made} targets)`" in README


def test_links_lead_somewhere():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_two_commands_are_there():
    assert [name for name, _, _ in blocks("ci")] == ["build", "test"]
