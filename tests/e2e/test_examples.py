"""Every example, and this project's own specs: the committed locks give the images they name, anywhere, twice.

A model that computes in floating point gives the locked bits on the kind of CPU that the locks were written on. On any
other, its pictures are the same to the eye, which a build from the lock holds them to, and the same each time.
"""

import hashlib
import re
import subprocess
import sys
from base64 import urlsafe_b64encode
from importlib.metadata import version
from pathlib import Path
from shutil import copytree, ignore_patterns, rmtree

import pytest
import yaml

from imgbuild.credentials.reader import read_credentials
from imgbuild.keys import published_at
from imgbuild.lock.text import read_lock
from imgbuild.project import load_project, open_settings
from tests.credentials.chains import chain

ROOT = Path(__file__).parents[2]
FOLDERS = [path.parent for path in sorted((ROOT / "examples").glob("*/imgbuild.yaml"))]
EXAMPLES = [path for path in FOLDERS if path.name != "campaign"]  # which asks vendors: see test_campaign.py
MADE = ignore_patterns("out", ".imgbuild")
LOCKED_ON = (
    "AuthenticAMD",
    "25",
    "17",
)  # vendor, family and model of the CPU, and the torch that the locks are of
LOCKED_WITH = "2.13.0"


def gives_locked_bits(project):
    """Whether what is locked here has to come out bit for bit."""
    if not any(b"diffusers" in data for data in locks(project).values()):
        return True
    told = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    found = [
        re.search(rf"^{name}\s*: (.*)$", told, re.MULTILINE) for name in ("vendor_id", "cpu family", "model")
    ]
    return tuple(line and line[1] for line in found) == LOCKED_ON and version("torch").startswith(LOCKED_WITH)


def settled(data):
    """A lock without what a picture's bits came to, and how many seeds it took."""
    return re.sub(rb'"(seed|attempt|inputs|raw|image|pixels|phash|sum)":("[^"]*"|\d+),?', b"", data)


@pytest.fixture(params=[ROOT, *EXAMPLES], ids=lambda path: "specs" if path == ROOT else path.name)
def project(request, tmp_path):
    """A fresh clone of the example: its sources and locks, at another path."""
    clone = tmp_path / "clone"
    if request.param != ROOT:
        return copytree(request.param, clone, ignore=MADE)
    copytree(ROOT / "specs", clone / "specs", ignore=MADE)
    (clone / "imgbuild.yaml").write_bytes((ROOT / "imgbuild.yaml").read_bytes())
    return clone


def imgbuild(project, *arguments):
    """The output of a command that ends well."""
    command = [sys.executable, "-m", "imgbuild", *arguments]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def locks(project):
    """The bytes of every lock, by path."""
    return {path.relative_to(project): path.read_bytes() for path in sorted(project.rglob("*.lock"))}


def published(project):
    """What a lock would call each image below out/, by path from there."""
    out = project / "out"
    files = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    return {
        name: urlsafe_b64encode(hashlib.sha256(data).digest()).decode()[:43] for name, data in files.items()
    }


def targets_of(project):
    files, settings = open_settings(project, {}, project / "nobody")
    return load_project(files, settings).expansion.targets


def locked(project):
    """What the committed lines name for each file that the specs publish."""
    read = {path.stem: read_lock(data, path.name).lock for path, data in locks(project).items()}
    wanted = {}
    for target in targets_of(project):
        spec, name = target.id.split("/", 1)
        line = read[spec].targets[name]
        wanted |= published_at(target, line.image, line.files)
    return wanted


def test_the_lock_gives_the_images_it_names_and_they_pass(project):
    committed, wanted, count = locks(project), locked(project), len(targets_of(project))
    assert wanted

    imgbuild(project, "build", "--locked")
    made = published(project)
    assert made.keys() == wanted.keys()
    if gives_locked_bits(project):
        assert made == wanted
    assert imgbuild(project, "build") == f"up to date ({count} targets)\n"
    imgbuild(project, "plan", "--exit-code")
    imgbuild(project, "lock", "--check")
    assert f"{count} images: {count} pass\n" in imgbuild(project, "check")
    assert locks(project) == committed

    rmtree(project / "out")
    rmtree(project / ".imgbuild")
    imgbuild(project, "build", "--frozen")
    assert published(project) == made
    assert locks(project) == committed


def test_without_a_lock_the_same_one_is_written(project):
    committed = locks(project)
    for path in committed:
        (project / path).unlink()
    imgbuild(project, "build")
    if gives_locked_bits(project):
        assert locks(project) == committed
    else:
        assert {name: settled(data) for name, data in locks(project).items()} == {
            name: settled(data) for name, data in committed.items()
        }


def test_the_recipe_for_ci_runs(tmp_path):
    clone = copytree(ROOT / "examples/brand", tmp_path / "clone", ignore=MADE)
    recipe = yaml.safe_load((clone / ".github/workflows/images.yaml").read_text())
    commands = [step["run"].split() for step in recipe["jobs"]["images"]["steps"] if "run" in step]
    assert commands.pop(0) == ["pip", "install", "imgbuild"]
    assert [command[:2] for command in commands] == [["imgbuild", "build"], ["imgbuild", "check"]]
    for command in commands:
        imgbuild(clone, *command[1:])
    assert len(published(clone)) == 30
    assert (clone / "report.xml").read_text().count(
        "<testcase"
    ) == 3 * 6 + 5  # rules of the heroes and of the mark
    assert '"runs"' in (clone / "report.sarif").read_text()

    spec = clone / "specs/brand.yaml"
    spec.write_text(spec.read_text().replace("dunes at night", "dunes at noon"))
    with pytest.raises(AssertionError, match="brand/mark@studio#0 is not what the lock says: changed"):
        imgbuild(clone, "build", "--locked")


def test_the_recipe_for_releases_signs(tmp_path, monkeypatch):
    clone = copytree(ROOT / "examples/brand", tmp_path / "clone", ignore=MADE)
    recipe = yaml.safe_load((clone / ".github/workflows/release.yaml").read_text())
    steps = [step for step in recipe["jobs"]["images"]["steps"] if "run" in step]
    assert [step["run"] for step in steps] == [
        "pip install imgbuild[c2pa]",
        "imgbuild build --locked",
        "imgbuild sign",
    ]
    given = {"IMGBUILD_C2PA_CERTIFICATE": chain().certificates, "IMGBUILD_C2PA_KEY": chain().key}
    assert set(steps[2]["env"]) == set(given)
    for name, value in given.items():
        monkeypatch.setenv(name, value.decode())
    for step in steps[1:]:
        imgbuild(clone, *step["run"].split()[1:])
    signed = [path for path in (clone / "signed").rglob("*") if path.is_file()]
    kinds = {".png": "png", ".jpg": "jpeg", ".webp": "webp", ".avif": "avif"}
    found = [
        read_credentials(path.read_bytes(), kinds[path.suffix]) for path in signed if path.suffix in kinds
    ]
    assert (len(signed), len(found)) == (30, 29)
    assert {(item.state, item.signer, item.source) for item in found} == {
        ("valid", "Signer, The Shop", "trainedAlgorithmicMedia")
    }


def test_the_examples_are_known():
    assert [path.name for path in FOLDERS] == ["brand", "campaign", "catalog", "icons", "quickstart"]
