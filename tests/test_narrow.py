"""After an edit only what it affects is looked at; where anything else can have changed, everything is."""

import json
import os
import shutil
import threading

import pytest
from msgspec.structs import replace

from imgbuild import narrow
from imgbuild.errors import SpecError
from imgbuild.store.snapshot import recall

SPEC = {
    "models": {"paint": {"provider": "painter"}, "brush": {"provider": "painter", "source": "brush"}},
    "templates": {"product": {"prompt": "a {{ color }} {{ name }}"}},
    "rules": {"web": [{"dimensions": {"max_width": 99}}]},
    "assets": {
        "shots": {
            "template": "product",
            "matrix": {"product": {"csv": "rows.csv", "key": "sku"}, "color": ["red", "blue"]},
            "models": ["paint"],
            "seeds": 2,
            "output": "shots/{{ sku }}_{{ color }}_{{ index }}.png",
        },
        "hero": {"prompt": "a lamp", "models": ["paint"], "validate": ["web"]},
    },
}
ROWS = [("A1", "lamp"), ("A2", "desk"), *((f"B{number:02}", "chair") for number in range(20))]
TOTAL = len(ROWS) * 4 + 1


def table(**changed):
    return "sku,name\n" + "".join(f"{sku},{changed.get(sku, name)}\n" for sku, name in ROWS)


def written(edit=None):
    """The spec as text, after `edit` has changed its data."""
    spec = json.loads(json.dumps(SPEC))
    if edit is not None:
        edit(spec)
    return json.dumps(spec)


@pytest.fixture
def shop(bench, painter):
    project = bench({"specs/catalog.yaml": written(), "specs/rows.csv": table()})
    built = project.build()
    assert (built.clean, built.finished.built) == (True, TOTAL)
    painter.asked.clear()
    return project


def looked_at(built):
    """How many targets were looked at; None where all were."""
    return None if built.project.is_whole else len(built.project.graph.targets)


def test_a_row_is_looked_at_alone(shop, painter):
    shop.write({"specs/rows.csv": table(A1="candle")})
    built = shop.build()
    assert looked_at(built) == len(painter.asked) == 4
    assert (built.finished.built, built.finished.fresh, built.finished.exit_code) == (4, TOTAL - 4, 0)
    started = next(event for event in shop.events if hasattr(event, "targets"))
    assert (started.targets, started.fresh, started.run) == (TOTAL, TOTAL - 4, 4)
    assert {request.prompt for request in painter.asked} == {"a red candle", "a blue candle"}


def test_what_it_comes_to_is_the_same_as_from_nothing(shop, bench):
    shop.write({"specs/rows.csv": table(A1="candle", B03="stool")})
    assert looked_at(shop.build()) == 8
    other = bench(
        {"specs/catalog.yaml": written(), "specs/rows.csv": table(A1="candle", B03="stool"), **shop.locks()},
        folder="other",
    )
    other.build()
    assert (other.locks(), other.outputs()) == (shop.locks(), shop.outputs())


def test_one_edit_after_the_other(shop, painter):
    for number, name in enumerate(["candle", "torch", "candle", "lamp"]):
        shop.write({"specs/rows.csv": table(A2=name)})
        assert looked_at(shop.build()) == 4, number
    shop.write({"specs/rows.csv": table()})
    built = shop.build()
    assert (looked_at(built), built.finished.restored) == (4, 4)
    built = shop.build()
    assert (looked_at(built), dict(built.ran), built.finished.fresh) == (0, {}, TOTAL)


ALONE = {
    "a prompt": (lambda spec: spec["assets"]["hero"].update(prompt="a torch"), 1),
    "a tag": (lambda spec: spec["assets"]["hero"].update(tags=["web"]), 0),
    "a rule": (lambda spec: spec["assets"]["hero"].update(validate=[{"dimensions": {"width": 16}}]), 0),
    "a set of rules": (lambda spec: spec["rules"].update(web=[{"dimensions": {"width": 16}}]), 0),
    "an operation": (lambda spec: spec["assets"]["hero"].update(process=[{"convert": {"mode": "L"}}]), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", ALONE)
def test_an_asset_is_looked_at_alone(shop, painter, name):
    edit, generated = ALONE[name]
    shop.write({"specs/catalog.yaml": written(edit)})
    built = shop.build()
    assert (looked_at(built), len(painter.asked)) == (1, generated)
    assert built.clean


def test_a_comment_is_looked_at_and_nothing_else(shop):
    shop.write({"specs/catalog.yaml": f"# shop\n{written()}"})
    assert looked_at(shop.build()) == 0


def put_in(asset, **more):
    return lambda spec: spec["assets"][asset].update(more)


WHOLE = {
    "a template of all": lambda spec: spec["templates"]["product"].update(
        prompt="one {{ color }} {{ name }}"
    ),
    "a model": lambda spec: spec["models"]["paint"].update(params={"steps": 3}),
    "one more model": lambda spec: spec["models"].update(pen={"provider": "painter", "source": "pen"}),
    "another model": put_in("hero", models=["brush"]),
    "one more seed": put_in("hero", seeds=2),
    "another seed": put_in("hero", seeds=[7]),
    "one more value": lambda spec: spec["assets"]["shots"]["matrix"].update(color=["red", "blue", "pink"]),
    "an exclude": lambda spec: spec["assets"]["shots"]["matrix"].update(exclude=[{"sku": "A1"}]),
    "an include": lambda spec: spec["assets"]["shots"]["matrix"].update(
        include=[{"sku": "C1", "name": "lamp", "color": "red"}]
    ),
    "one more asset": lambda spec: spec["assets"].update(more={"prompt": "a mug", "models": ["paint"]}),
    "no asset": lambda spec: spec["assets"].pop("hero"),
    "a rename": lambda spec: spec["assets"].update(banner=spec["assets"].pop("hero")),
    "an output": put_in("hero", output="elsewhere.png"),
    "an input": put_in("hero", inputs={"image": {"asset": "shots", "match": []}}),
    "a rule over the asset": put_in("hero", validate=[{"unique": {"distance": 0}}]),
    "a rule over the project": put_in("hero", validate=[{"unique": {"distance": 0, "across": "project"}}]),
}


@pytest.mark.parametrize("name", WHOLE)
def test_everything_is_looked_at_after(shop, name):
    shop.write({"specs/catalog.yaml": written(WHOLE[name])})
    if name == "an input":
        shop.edit("specs/catalog.yaml", ('"match": []', '"match": [], "index": 0, "model": "paint"'))
        with pytest.raises(SpecError):  # several targets fit, which only the whole project can tell
            shop.build()
        return
    assert looked_at(shop.build(prune=True)) is None


OTHERS = {
    "a lock": lambda shop: shop.write({"specs/catalog.lock": shop.locks()["specs/catalog.lock"] + b"\n"}),
    "no lock": lambda shop: shop.write({"specs/catalog.lock": None}),
    "a lock of another spec": lambda shop: shop.write({"specs/old.lock": shop.locks()["specs/catalog.lock"]}),
    "an output": lambda shop: shop.write({"out/hero/0.png": b"mine"}),
    "no output": lambda shop: shop.write({"out/hero/0.png": None}),
    "the settings": lambda shop: shop.write({"imgbuild.yaml": "jobs: 2\n"}),
    "one more spec": lambda shop: shop.write({"specs/more.yaml": "version: 1\n"}),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_everything_is_looked_at_where_beside_a_row_there_changed(shop, name):
    OTHERS[name](shop)
    shop.write({"specs/rows.csv": table(A1="candle")})
    assert looked_at(shop.build()) is None


def test_a_value_that_an_output_is_named_after(bench, painter):
    """Two rows would be published under one name: found, though only one of them is looked at."""
    spec = written(put_in("shots", output="shots/{{ name }}_{{ color }}_{{ index }}.png"))
    rows = "sku,name\n" + "".join(f"A{number:02},thing {number}\n" for number in range(20))
    project = bench({"specs/catalog.yaml": spec, "specs/rows.csv": rows})
    assert project.build().clean
    project.write({"specs/rows.csv": rows.replace("thing 3\n", "thing 4\n")})
    with pytest.raises(SpecError, match=r"would both be 'shots/thing 4_red_0\.png'"):
        project.build()
    project.write({"specs/rows.csv": rows.replace("thing 3\n", "thing 33\n")})
    built = project.build()
    assert (looked_at(built), built.finished.removed) == (None, 4)


def test_a_route_that_picks_another_model(bench, painter):
    route = [{"when": "name == 'sign'", "model": "brush"}, {"model": "paint"}]

    def edit(spec):
        del spec["assets"]["shots"]["models"]
        spec["assets"]["shots"]["route"] = route

    project = bench({"specs/catalog.yaml": written(edit), "specs/rows.csv": table()})
    assert project.build().clean
    project.write({"specs/rows.csv": table(A1="torch")})
    assert looked_at(project.build()) == 4
    project.write({"specs/rows.csv": table(A1="sign")})
    assert looked_at(project.build()) is None


def test_a_selection_is_looked_at_in_the_whole(shop):
    shop.write({"specs/rows.csv": table(A1="candle")})
    assert looked_at(shop.build(patterns=("hero",))) is None
    built = shop.build()  # the selection has left its own snapshot
    assert (looked_at(built), built.finished.built) == (None, 4)


def test_after_a_selection_of_all_there_is_everything_is_looked_at(shop):
    """It leaves what is declared no more in the lock, for a build of the whole to drop."""
    shop.write({"specs/catalog.yaml": written(lambda spec: spec["assets"].pop("hero"))})
    shop.build(patterns=("shots",))
    assert "hero@paint#0" in shop.lines()
    built = shop.build()
    assert (looked_at(built), built.finished.removed) == (None, 1)
    assert "hero@paint#0" not in shop.lines()


def test_where_the_records_were_lost_everything_is_looked_at(shop):
    (shop.root / ".imgbuild/state.db").unlink()
    built = shop.build()
    assert (looked_at(built), dict(built.ran), built.finished.fresh) == (None, {}, TOTAL)


def test_where_records_and_blobs_were_lost_everything_is_looked_at(shop):
    shutil.rmtree(shop.root / ".imgbuild/blobs")
    (shop.root / ".imgbuild/state.db").unlink()
    ended = shop.build()
    assert (ended.project.is_whole, ended.finished.fresh) == (True, TOTAL)
    assert ended.failures == ()


def test_what_failed_is_looked_at_again(shop, painter):
    painter.refuses.add("gun")
    shop.write({"specs/rows.csv": table(A1="gun")})
    built = shop.build()
    assert (looked_at(built), built.finished.failed, built.finished.fresh) == (4, 4, TOTAL - 4)
    shop.write({"specs/rows.csv": table(A1="gun", A2="stool")})
    built = shop.build()
    assert (looked_at(built), built.finished.failed, built.finished.built) == (8, 4, 4)
    shop.write({"specs/rows.csv": table(A2="stool")})
    built = shop.build()
    assert (looked_at(built), built.finished.exit_code, dict(built.ran)) == (4, 0, {})
    assert looked_at(shop.build()) == 0


def test_so_it_is_after_a_build_of_everything(shop, painter):
    """What a rule finds fault with is published, and stays to be told."""
    edit = put_in("hero", validate=[{"dimensions": {"width": 99}}])
    shop.write({"specs/catalog.yaml": written(edit), "specs/catalog.lock": None})
    built = shop.build()
    assert (looked_at(built), built.finished.failed) == (None, 1)
    shop.write({"specs/rows.csv": table(A1="candle")})
    built = shop.build()
    assert (looked_at(built), built.finished.failed, built.finished.built) == (5, 1, 4)
    shop.write({"specs/catalog.yaml": written()})
    built = shop.build()
    assert (looked_at(built), built.finished.exit_code) == (1, 0)


# --- stopped builds ----------------------------------------------------------------------------------------


@pytest.fixture
def one_by_one(painter, monkeypatch):
    """The painter, asked for one image after the other."""
    known = painter.capabilities
    monkeypatch.setattr(painter, "capabilities", lambda *given: replace(known(*given), concurrency=1))
    return painter


def stop_at(shop, count, *, newer=True):
    """Build, and stop once so many images are published: for a newer edit, or by Ctrl-C."""
    stop, told = threading.Event(), []

    def hear(event):
        told.append(getattr(event, "state", ""))
        if told.count("done") == count:
            stop.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop, "event", hear)
        built = shop.build(stop=stop, outdated=lambda: newer and stop.is_set())
    assert built.finished.interrupted
    assert built.finished.built == count or (built.finished.built > count and not newer)
    return built


@pytest.mark.parametrize("newer", [True, False])
def test_after_a_stopped_build_what_it_left_is_looked_at_alone(shop, one_by_one, newer):
    """What was under way is kept: after a newer edit it is for the next build to publish."""
    shop.write({"specs/rows.csv": table(A1="candle", A2="stool")})
    assert looked_at(stop_at(shop, 4, newer=newer)) == 8
    built = shop.build()
    assert (looked_at(built), built.finished.exit_code) == (4, 0)
    assert len(one_by_one.asked) == 8
    assert looked_at(shop.build()) == 0


def test_so_it_is_with_the_newer_edit(shop, one_by_one):
    shop.write({"specs/rows.csv": table(A1="candle", A2="stool")})
    stop_at(shop, 4)
    shop.write({"specs/rows.csv": table(A1="candle", A2="stool", B07="sofa")})
    built = shop.build()
    assert (looked_at(built), len(one_by_one.asked), built.clean) == (8, 12, True)


def test_a_burst_of_edits_is_looked_at_row_by_row(shop, one_by_one):
    """Each build is stopped by the next edit; what is still to be made adds up."""
    counts = []
    for name in ("sofa", "settee", "couch"):
        shop.write({"specs/rows.csv": table(B01=name)})
        counts.append(looked_at(stop_at(shop, 1)))
    shop.write({"specs/rows.csv": table(B01="couch", B02="stool")})
    assert (counts, looked_at(stop_at(shop, 1)), looked_at(shop.build()), looked_at(shop.build())) == (
        [4, 4, 4],
        8,
        8,
        0,
    )


def test_an_edit_that_is_taken_back_is_looked_at(shop, one_by_one):
    """Some of it was settled before the build was stopped."""
    before = (shop.locks(), shop.outputs())
    shop.write({"specs/rows.csv": table(A1="candle")})
    stop_at(shop, 2)
    assert shop.outputs() != before[1]
    shop.write({"specs/rows.csv": table()})
    built = shop.build()
    assert (looked_at(built), dict(built.ran), built.finished.restored) == (4, {}, 2)
    assert (shop.locks(), shop.outputs()) == before


def test_what_was_not_even_begun_is_looked_at(shop):
    shop.write({"specs/rows.csv": table(A1="candle")})
    stop = threading.Event()
    stop.set()
    assert shop.build(stop=stop).finished.interrupted
    built = shop.build()
    assert (looked_at(built), built.finished.built, built.clean) == (4, 4, True)


def test_a_broken_spec_does_not_make_a_stopped_build_forgotten(shop, one_by_one):
    shop.write({"specs/rows.csv": table(A1="candle")})
    stop_at(shop, 1)
    shop.write({"specs/catalog.yaml": written(put_in("hero", models=["pain"]))})
    with pytest.raises(SpecError, match="unknown model 'pain'"):
        shop.build()
    shop.write({"specs/catalog.yaml": written()})
    built = shop.build()
    assert (looked_at(built), built.clean) == (4, True)


@pytest.mark.parametrize("name", OTHERS)
def test_everything_is_looked_at_where_something_changed_after_a_stopped_build(shop, one_by_one, name):
    shop.write({"specs/rows.csv": table(A1="candle")})
    stop_at(shop, 1)
    OTHERS[name](shop)
    assert looked_at(shop.build()) is None


def test_after_a_stopped_build_of_everything_everything_is_looked_at(shop, one_by_one):
    """It left in the lock, and published, what nothing declares any more."""
    edit = put_in("shots", seeds=1)
    shop.write({"specs/catalog.yaml": written(edit), "specs/rows.csv": table(A1="candle")})
    assert looked_at(stop_at(shop, 1)) is None
    built = shop.build(prune=True)
    assert (looked_at(built), built.finished.removed) == (None, len(ROWS) * 2)


def test_what_an_outdated_build_finds_gone_stays_and_is_looked_at_again(shop):
    """Nothing is left to make, but the newer edit may have brought the rows back."""
    before = (shop.locks(), shop.outputs())
    shop.write({"specs/rows.csv": table().replace("A1,lamp\n", "")})
    built = shop.build(outdated=lambda: True)
    assert (looked_at(built), built.finished.removed, built.finished.interrupted) == (None, 0, False)
    assert (shop.locks(), shop.outputs(), built.lasting) == (*before, False)
    built = shop.build()
    assert (looked_at(built), built.finished.removed, looked_at(shop.build())) == (None, 4, 0)
    assert len(shop.lines()) == TOTAL - 4


def test_so_it_is_where_nobody_has_told_of_the_edit_yet(shop, monkeypatch):
    """A table that is being written: the build read a part of it."""
    before = (shop.locks(), shop.outputs())
    shop.write({"specs/rows.csv": table().replace("A1,lamp\n", "")})
    monkeypatch.setattr(shop, "event", lambda event: shop.write({"specs/rows.csv": table()}))
    built = shop.build()
    assert (looked_at(built), built.finished.removed, built.lasting) == (None, 0, False)
    assert (shop.locks(), shop.outputs()) == before
    built = shop.build()
    assert (looked_at(built), built.finished.fresh, built.clean) == (None, TOTAL, True)
    assert (shop.locks(), shop.outputs()) == before


def test_so_it_is_with_pins_of_models_that_went(shop):
    for alias in ("brush", "paint"):
        shop.write({"specs/catalog.yaml": written(put_in("hero", models=[alias]))})
        shop.build()
    before = shop.locks()
    shop.write({"specs/catalog.yaml": written(lambda spec: spec["models"].pop("brush"))})
    assert not shop.build(outdated=lambda: True).lasting
    assert shop.locks() == before
    assert (looked_at(shop.build()), shop.locks() == before) == (None, False)


def test_where_nothing_went_an_outdated_build_settles_what_it_has_made(shop):
    shop.write({"specs/rows.csv": table(A1="candle")})
    assert shop.build(outdated=lambda: False).clean
    shop.write({"specs/catalog.yaml": f"# shop\n{written()}"})
    built = shop.build(outdated=lambda: True)
    assert (looked_at(built), built.clean, looked_at(shop.build())) == (0, True, 0)


def test_a_stopped_build_is_never_up_to_date(shop, one_by_one, monkeypatch):
    monkeypatch.chdir(shop.root)
    assert shop.tell("build").code == 0
    shop.write({"specs/rows.csv": table(A1="candle")})
    stop_at(shop, 1)
    assert recall(["build"], os.environ, str(shop.root)) is None
    assert shop.tell("build").out.splitlines()[-1].startswith("built ")
    assert recall(["build"], os.environ, str(shop.root)) == (f"up to date ({TOTAL} targets)", 0)


# --- what else there is ------------------------------------------------------------------------------------


def test_after_a_broken_spec_the_next_edit_is_looked_at_alone(shop):
    shop.write({"specs/catalog.yaml": written(put_in("hero", models=["pain"]))})
    with pytest.raises(SpecError, match="unknown model 'pain'"):
        shop.build()
    shop.write({"specs/catalog.yaml": written(put_in("hero", prompt="a torch"))})
    assert looked_at(shop.build()) == 1


def test_many_edits_at_once_are_looked_at_in_the_whole(shop):
    shop.write({"specs/rows.csv": table(**dict.fromkeys([sku for sku, _ in ROWS[:5]], "candle"))})
    built = shop.build()
    assert (looked_at(built), built.finished.built) == (None, 20)


def test_locked_refuses_what_would_change(shop):
    from imgbuild.errors import LockWouldChange

    shop.write({"specs/rows.csv": table(A1="candle")})
    with pytest.raises(
        LockWouldChange, match=r"catalog/shots\[sku=A1,color=red\]@paint#0 is not what the lock says"
    ):
        shop.build(locked=True)
    shop.write({"specs/rows.csv": table()})
    assert shop.build(locked=True).finished.exit_code == 0


def test_the_command_line_goes_on_from_one_command_to_another(shop, monkeypatch):
    monkeypatch.chdir(shop.root)
    counts = []
    load = narrow.load_since

    def spy(*given):
        project = load(*given)
        counts.append(project.left_out)
        return project

    monkeypatch.setattr("imgbuild.commands.build.load_since", spy)
    assert shop.tell("build").out.endswith(f"up to date ({TOTAL} targets)\n")
    shop.write({"specs/rows.csv": table(A1="candle")})
    told = shop.tell("build", "-j", "1")
    assert told.out.splitlines()[-1].startswith(f"built 4, {TOTAL - 4} up to date in ")
    shop.write({"specs/rows.csv": table(A1="torch")})
    assert shop.tell("build", "--json", "specs").code == 0  # other arguments name what else is to be loaded
    shop.write({"specs/rows.csv": table(A1="candle")})
    assert shop.tell("build", "specs").code == 0
    assert counts == [None, TOTAL - 4, None, TOTAL - 4]
    assert recall(["build", "specs"], os.environ, str(shop.root)) == (f"up to date ({TOTAL} targets)", 0)
