"""`examples/campaign`: for nothing without a key, and against servers that speak the vendors' protocols."""

import hashlib
import io
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from PIL import Image as pillow

from imgbuild.store.journal import Journal
from tests.vendors import bfl, openai
from tests.vendors.server import Answer, serving

EXAMPLE = Path(__file__).parents[2] / "examples/campaign"
STYLES = ("photo", "editorial", "gouache", "paper")
SCENES = [f"heroes[page={page},style={style}]@scene#0" for page in ("home", "gifts") for style in STYLES]
LETTERED = [f"heroes[page=summer,style={style}]@lettered#0" for style in STYLES]


def painted(prompt, size):
    """Sixteen squares of colours that follow from the prompt, as a PNG file."""
    levels = hashlib.sha512(prompt.encode()).digest()[:48]
    out = io.BytesIO()
    pillow.frombytes("RGB", (4, 4), levels).resize(size, pillow.Resampling.NEAREST).save(out, format="PNG")
    return out.getvalue()


class OpenAI(openai.OpenAI):
    def made(self, fields):
        answer = super().made(fields)
        size = tuple(map(int, fields["size"].split("x")))
        return openai.with_image(answer, painted(fields["prompt"], size))


class BFL(bfl.BFL):
    def sample(self, name):
        asked = self.tasks[name]["asked"]
        return Answer(
            200, painted(asked["prompt"], (asked["width"], asked["height"])), {"Content-Type": "image/png"}
        )


@pytest.fixture
def shop(bench, tmp_path):
    copytree(EXAMPLE, tmp_path / "project", ignore=ignore_patterns("out", ".imgbuild"), dirs_exist_ok=True)
    return bench({})


@pytest.fixture
def vendors(monkeypatch):
    letters, scenes = OpenAI(), BFL()
    monkeypatch.setenv("OPENAI_API_KEY", openai.KEY)
    monkeypatch.setenv("BFL_API_KEY", bfl.KEY)
    monkeypatch.setattr("imgbuild.providers.bfl.FIRST", 0.01)
    with serving(letters) as at, serving(scenes) as scenes.address:
        monkeypatch.setattr("imgbuild.providers.openai.provider.ADDRESS", f"{at}/v1")
        monkeypatch.setattr("imgbuild.providers.bfl.ADDRESS", scenes.address)
        yield letters, scenes
    assert (letters.faults, scenes.faults) == ([], [])


def test_the_preview_needs_no_key_and_costs_nothing(shop, monkeypatch):
    for name in ("OPENAI_API_KEY", "BFL_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    committed = shop.text("specs/campaign.preview.lock")
    told = shop.tell("build", "--profile", "preview", "--locked")
    assert (told.code, told.out.splitlines()[-1].partition(" in ")[0]) == (0, "built 12")
    assert len(shop.outputs("out/preview")) == 12 * (1 + 4 + 3)
    assert shop.text("specs/campaign.preview.lock") == committed
    assert not (shop.root / ".imgbuild/journal").exists()


def test_every_hero_is_made_by_the_model_that_its_page_needs(shop, vendors):
    letters, scenes = vendors
    ended = shop.build()
    assert [failure for failure in ended.failures if failure.kind != "review"] == []
    assert (letters.billed, scenes.billed) == (4, 8)
    assert sorted(shop.lines("campaign")) == sorted([*SCENES, *LETTERED])
    assert len(shop.outputs()) == 12 * (1 + 4 + 3)
    entries = Journal(shop.root / ".imgbuild/journal", write=False).entries()
    assert {entry.state for entry in entries} == {"settled"}
    assert ended.finished.cost == pytest.approx(sum(entry.cost for entry in entries))
    assert dict(shop.build().ran) == {}
    assert (letters.billed, scenes.billed) == (4, 8)


def test_a_page_that_is_refused_is_drawn_by_the_fallback(shop, vendors):
    letters, scenes = vendors
    letters.refused = ("gouache",)
    shop.build()
    assert {name: line.via for name, line in shop.lines("campaign").items() if line.via} == {
        LETTERED[2]: "scene"
    }
    assert (letters.billed, scenes.billed) == (3, 9)


def test_the_winner_of_a_test_is_published_under_one_name(shop, vendors):
    shop.build()
    assert "home/hero.png" not in shop.outputs()
    assert shop.tell("review", "pick", "home/paper.png", "--by", "Ann").code == 0
    assert shop.build().finished.generated == 0
    made = shop.outputs()
    assert made["home/hero.png"] == made["home/paper.png"]
    assert len(made) == 12 * (1 + 4 + 3) + 1


def test_nothing_is_asked_for_beyond_the_budget(shop, vendors):
    told = shop.tell("build", "--budget", "1")
    assert (told.code, told.err) == (
        2,
        "error: this build would cost about $1.43, and $1.00 is left to spend\n"
        "hint: raise the budget, or build a selection; `imgbuild plan` shows what costs how much\n",
    )
    assert [vendor.billed for vendor in vendors] == [0, 0]
    assert shop.build(budget=1.0, patterns=("page=home",)).finished.built == 4


def test_no_key_is_left_behind(shop, vendors):
    told = [shop.tell("build", "--json"), shop.tell("manifest"), shop.tell("cost", "--spent")]
    keys = (openai.KEY, bfl.KEY)
    assert not any(key in item.out + item.err for item in told for key in keys)
    files = [path for path in shop.root.rglob("*") if path.is_file()]
    assert not [path for path in files for key in keys if key.encode() in path.read_bytes()]
