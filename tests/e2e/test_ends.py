"""A model that its vendor shuts down: warned of ahead, and what is made of it stays when it is gone."""

from datetime import UTC, datetime

import pytest

from imgbuild.commands.session import Session
from tests.vendors.openai import KEY, OpenAI, failure
from tests.vendors.server import serving

SPEC = """\
version: 1
models:
  hero: {provider: openai, source: gpt-image-1-mini, size: 1024x1024}
assets:
  lamps: {prompt: "a {{ color }} lamp", matrix: {color: [red, blue]}, models: [hero]}
"""
INSTEAD = "; OpenAI names gpt-image-2.6-sunburst or gpt-image-2.6-flare in its place"
AHEAD = f"specs/catalog.yaml:3:3: model 'hero' (gpt-image-1-mini) ends on 2026-12-01, in 4 days{INSTEAD}"
PAST = f"specs/catalog.yaml:3:3: model 'hero' (gpt-image-1-mini) ended on 2026-12-01{INSTEAD}"


@pytest.fixture
def vendor(monkeypatch):
    vendor = OpenAI()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(vendor) as address:
        monkeypatch.setattr("imgbuild.providers.openai.provider.ADDRESS", f"{address}/v1")
        yield vendor


@pytest.fixture
def on(monkeypatch):
    """A function that makes it another day."""

    def go(day):
        at = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC)
        monkeypatch.setattr(Session, "today", lambda self: at.date())

    return go


@pytest.fixture
def shop(bench, vendor, on, monkeypatch):
    """A project four days before the end, in which this process stands as a shell would."""
    project = bench({"specs/catalog.yaml": SPEC})
    monkeypatch.chdir(project.root)
    on("2026-11-27")
    return project


def warnings(text):
    return [line.removeprefix("warning: ") for line in text.splitlines() if line.startswith("warning: ")]


def signs(project):
    return [line for line in project.tell("doctor").out.splitlines() if " models " in line]


def test_build_plan_and_doctor_warn_ahead(shop, vendor, on):
    assert warnings(shop.tell("plan").out) == [AHEAD]
    assert warnings(shop.tell("build", "-n").out) == [AHEAD]
    assert signs(shop) == [f"note    models       {AHEAD}"]
    told = shop.tell("build")
    assert (told.code, warnings(told.out), vendor.billed) == (0, [AHEAD], 2)
    on("2026-08-02")
    assert warnings(shop.tell("plan").out) == []
    assert signs(shop) == []


def test_a_build_without_work_is_silent_and_the_warning_is_not_lost(shop):
    shop.tell("build")
    assert shop.call("build") == (0, "up to date (2 targets)\n", "")
    assert warnings(shop.tell("plan").out) == [AHEAD]
    shop.edit("specs/catalog.yaml", ("[red, blue]", "[red, blue, gold]"))
    assert warnings(shop.tell("build").out) == [AHEAD]


def test_a_warning_is_none_of_what_was_built(shop, on):
    """Another day changes neither the lock nor what a later build looks at."""
    shop.tell("build")
    before = shop.locks(), shop.outputs()
    on("2026-12-02")
    shop.write({"specs/other.yaml": "assets: {}\n"})
    shop.tell("build")
    assert (shop.locks(), shop.outputs()) == before


def test_a_model_that_ended_is_told_where_it_is_still_asked(shop, vendor, on):
    shop.tell("build")
    on("2026-12-02")
    shop.edit(
        "specs/catalog.yaml", ("assets:", "assets:\n  note: {prompt: hi, models: [placeholder], size: 16x16}")
    )
    told = shop.tell("build")
    assert (told.code, warnings(told.out)) == (0, [])  # what there is of it is made
    assert warnings(shop.tell("plan").out) == [PAST]
    assert signs(shop) == [f"note    models       {PAST}"]
    shop.edit("specs/catalog.yaml", ("a {{ color }}", "one {{ color }}"))
    assert warnings(shop.tell("build").out) == [PAST]


def test_what_is_locked_stays_when_its_model_is_gone(shop, vendor, on):
    shop.tell("build")
    images = shop.outputs()
    on("2026-12-02")
    gone = failure(404, "The model does not exist.", "model_not_found")
    vendor.first = [gone] * 9
    assert shop.tell("build").out == "up to date (2 targets)\n"
    (shop.root / "out/lamps/red_0.png").unlink()
    assert shop.build().failures == ()  # it lies in the store
    shop.edit("specs/catalog.yaml", ("[red, blue]", "[red, blue, gold]"))
    (failed,) = shop.build().failures
    assert (failed.id, failed.cause, failed.hint) == (
        "catalog/lamps[color=gold]@hero#0",
        "there is no model 'gpt-image-1-mini' any more: The model does not exist.",
        "name another 'source', such as gpt-image-2.6-sunburst; "
        "what is locked and stored stays, and needs no model",
    )
    assert shop.outputs() == images
    shop.edit("specs/catalog.yaml", ("[red, blue, gold]", "[red]"), ("a {{ color }}", "one {{ color }}"))
    (failed,) = shop.build().failures
    assert failed.hint.endswith("needs no model; the last image stays published, and is stale")


def test_a_fallback_takes_over_from_what_is_gone(shop, vendor):
    vendor.first = [failure(404, "The model does not exist.", "model_not_found")] * 2
    shop.edit("specs/catalog.yaml", ("size: 1024x1024}", "size: 1024x1024, fallback: [placeholder]}"))
    assert shop.build().failures == ()
    assert {line.via for line in shop.lines().values()} == {"placeholder"}
    assert shop.notes() == []  # whoever gives no day is told of no end


def test_a_profile_that_draws_otherwise_needs_no_warning(shop):
    shop.write({"imgbuild.yaml": "profiles: {preview: {models: {'*': placeholder}, size: 16x16}}\n"})
    told = shop.tell("build", "--profile", "preview")
    assert (told.code, warnings(told.out)) == (0, [])
