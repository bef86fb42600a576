"""The model in the box, through the installed command: killed in the middle, and made again."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
BATCH, COUNT = 8, 30  # of the icons with the tag "set"


@pytest.fixture
def icons(tmp_path):
    """The example's sources and lock."""
    return copytree(ROOT / "examples/icons", tmp_path / "icons", ignore=ignore_patterns("out", ".imgbuild"))


def imgbuild(project, *words):
    command = [sys.executable, "-m", "imgbuild", *words]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300, check=False)


def drawn(project):
    """The pictures in the store."""
    return [path for path in project.glob(".imgbuild/blobs/??/*") if re.fullmatch("[0-9a-f]{64}", path.name)]


@pytest.mark.parametrize("batches", [1, 2])
def test_a_killed_build_loses_at_most_the_batch_in_flight(icons, batches):
    (icons / "specs/icons.lock").unlink()
    words = [sys.executable, "-m", "imgbuild", "build", "--plain", "--select", "tag:set"]
    with subprocess.Popen(words, cwd=icons, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while len(drawn(icons)) < BATCH * batches:
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    kept = len(drawn(icons))
    assert kept < COUNT
    again = imgbuild(icons, "build", "--json", "--select", "tag:set")
    assert again.returncode == 0, again.stdout + again.stderr
    generated = json.loads(again.stdout.splitlines()[-1])["generated"]
    assert COUNT - kept <= generated <= COUNT - kept + BATCH
    assert len(list(icons.glob("out/set/*.png"))) == COUNT


def test_every_way_of_drawing_gives_the_same_again(icons):
    assert imgbuild(icons, "build").returncode == 0
    told = imgbuild(icons, "verify")
    assert (told.returncode, told.stderr) == (0, "")
    last = told.stdout.splitlines()[-1]
    assert re.fullmatch(r"52 targets compared with the lock: (\d+ bitwise)?(, )?(\d+ perceptual)?", last)
