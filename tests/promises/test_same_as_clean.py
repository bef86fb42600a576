"""Whatever was built before, a build ends as one from nothing does; and the one after it has nothing to do."""

import io
import json
import shutil
import threading
from itertools import count
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as pillow

from imgbuild import narrow
from imgbuild.errors import Refused
from imgbuild.store.store import open_store

NAMES = ("base", "shots", "scenes", "cards")
COLORS = ("red", "blue", "green")
WORDS = ("lamp", "desk", "gun", "chair")

seeds = st.one_of(
    st.integers(1, 3),
    st.lists(st.integers(0, 5), min_size=1, max_size=2, unique=True),
    st.builds(lambda base, size: {"base": base, "count": size}, st.integers(0, 3), st.integers(1, 2)),
    st.just({"count": 2, "per": []}),
)
operations = st.sampled_from(
    [{"convert": {"mode": "L"}}, {"adjust": {"brightness": 1.5}}, {"resize": {"width": 12, "height": 12}}, {"crop": {"aspect": "1:2"}}]
)  # fmt: skip
formats = st.sampled_from(
    ["png", "webp", "jpeg", {"type": "webp", "quality": 40}, {"type": "png", "compress_level": 1}]
)
consequences = st.sampled_from(["reroll", "reroll", "fail", "warn", "review"])
rules = st.one_of(
    st.builds(lambda least, on_fail: {"brightness": {"min": least, "on_fail": on_fail}}, st.sampled_from([0.3, 0.4, 0.5]), consequences),
    st.builds(lambda bits, on_fail: {"unique": {"distance": bits, "on_fail": on_fail}}, st.sampled_from([0, 12, 20, 24]), consequences),
    st.just({"dimensions": {"width": 16, "height": 16, "on_fail": "warn"}}),
)  # fmt: skip

ASSET = {
    "prompt": st.sampled_from(["a {word}", "one {word}, {color}", "{name} and {word}"]),
    "word": st.sampled_from(WORDS),
    "axes": st.sampled_from([(), ("color",), ("table",), ("table", "color"), ("color", "finish")]),
    "models": st.sampled_from([["paint"], ["brush"], ["paint", "brush"]]),
    "seeds": seeds,
    "steps": st.integers(1, 2),
    "process": st.lists(operations, max_size=2),
    "format": formats,
    "validate": st.lists(rules, min_size=0, max_size=3, unique_by=lambda rule: next(iter(rule))),
    "attempts": st.sampled_from([1, 3, 8, 20]),
    "tags": st.sampled_from([[], ["a"]]),
    "upstream": st.sampled_from([None, *NAMES, "photo"]),
}
PROJECT = {
    "colors": st.lists(st.sampled_from(COLORS), min_size=1, max_size=2, unique=True),
    "rows": st.dictionaries(st.sampled_from(["A1", "A2", "A3"]), st.sampled_from(WORDS), min_size=1, max_size=3),
    "photo": st.sampled_from(["red", "navy"]),
    "quality": st.sampled_from([1, 2]),
    "fallback": st.booleans(),
}  # fmt: skip
LOSSES = st.sampled_from(
    [(), (), (), ("out",), (".imgbuild/state.db",), (".imgbuild/blobs",), (".imgbuild",)]
)


class Sources:
    """What a project says, as plain data; `files` writes it out."""

    asset_fields = ASSET
    losses = LOSSES

    def __init__(self, data):
        names = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True), "assets")
        self.assets = {
            name: {key: data.draw(of, key) for key, of in self.asset_fields.items()} for name in names
        }
        self.shared = {key: data.draw(of, key) for key, of in PROJECT.items()}

    def edit(self, data):
        """Change one thing."""
        kind = data.draw(
            st.sampled_from(["asset", "asset", "asset", "shared", "rename", "add or remove"]), "edit"
        )
        name = data.draw(st.sampled_from(list(self.assets)), "asset")
        if kind == "asset":
            key = data.draw(st.sampled_from(list(self.asset_fields)), "key")
            self.assets[name][key] = data.draw(self.asset_fields[key], "value")
        elif kind == "shared":
            key = data.draw(st.sampled_from(list(PROJECT)), "key")
            self.shared[key] = data.draw(PROJECT[key], "value")
        else:
            other = data.draw(st.sampled_from(NAMES), "other")
            if other not in self.assets:
                own = self.assets.pop(name) if kind == "rename" else dict(self.assets[name])
                self.assets[other] = own
            elif len(self.assets) > 1 and kind != "rename":
                del self.assets[other]

    def files(self):
        spec = {
            "models": {
                "paint": {
                    "provider": "painter",
                    "params": {"quality": self.shared["quality"]},
                    "fallback": ["brush"] if self.shared["fallback"] else [],
                },
                "brush": {"provider": "painter", "source": "brush"},
            },
            "assets": {name: self.asset(name) for name in self.assets},
        }
        rows = "".join(f"{sku},{name}\n" for sku, name in sorted(self.shared["rows"].items()))
        return {
            "specs/catalog.yaml": json.dumps(spec),
            "specs/rows.csv": f"sku,name\n{rows}",
            "specs/photo.png": photo(self.shared["photo"]),
        }

    def asset(self, name):
        own = self.assets[name]
        given = {"color": "{{ color }}", "name": "{{ name }}", "word": own["word"]}
        known = {"color": "color" in own["axes"], "name": "table" in own["axes"]}
        given |= {key: "thing" for key, is_known in known.items() if not is_known}
        written = {
            "prompt": own["prompt"].format(**given),
            "matrix": {axis: self.axis(axis) for axis in own["axes"]},
            "models": own["models"],
            "seeds": own["seeds"],
            "params": {"steps": own["steps"]},
            **{key: own[key] for key in ("process", "format", "validate", "attempts", "tags")},
        }
        inputs = self.inputs(name)
        return {**written, "inputs": {"image": inputs}} if inputs else written

    def axis(self, axis):
        table = {"csv": "rows.csv", "key": "sku"}
        return {"color": self.shared["colors"], "finish": {"plain": "a"}, "table": table}[axis]

    def inputs(self, name):
        """The photo, or a target of an asset before this one whose axes are among its own."""
        own = self.assets[name]
        wanted = own["upstream"]
        if wanted == "photo":
            return "photo.png"
        before = NAMES[: NAMES.index(name)]
        other = self.assets.get(wanted) if wanted in before else None
        if other is None or not set(other["axes"]) <= set(own["axes"]):
            return None
        match = [{"table": "sku"}.get(axis, axis) for axis in other["axes"]]
        return {"asset": wanted, "match": match, "model": other["models"][0], "index": 0}


WIDE = {
    **ASSET,
    "validate": st.lists(
        st.builds(
            lambda bits, across, on_fail: {
                "unique": {"distance": bits, "across": across, "on_fail": on_fail}
            },
            st.sampled_from([12, 24]),
            st.sampled_from(["asset", "spec", "project", "project"]),
            consequences,
        ),
        max_size=2,
    ),
    "upstream": st.sampled_from([None, "photo"]),
}


class WideSources(Sources):
    """Two specs whose assets are compared with each other, across assets, specs and the project."""

    asset_fields = WIDE
    losses = st.sampled_from([(), (), (), ("out",), (".imgbuild",)])

    def files(self):
        written = super().files()
        whole = json.loads(written["specs/catalog.yaml"])
        first = {name: asset for name, asset in whole["assets"].items() if name in NAMES[:2]}
        rest = {name: asset for name, asset in whole["assets"].items() if name not in first}
        catalog, other = json.dumps({**whole, "assets": first}), json.dumps({**whole, "assets": rest})
        return {**written, "specs/catalog.yaml": catalog, "specs/other.yaml": other}


adjustments = st.sampled_from(
    [{"steps": "+1"}, {"steps": "-0.5", "negative": "+dark"}, {"prompt": "+, at noon"}, {"steps": 7, "prompt": "a {}"}, {}]
)  # fmt: skip


def adjusting(name, **limits):
    """A rule that rerolls, and mostly adjusts."""
    return st.builds(
        lambda adjust, values: {
            name: {**values, "on_fail": "reroll", **({"adjust": adjust} if adjust else {})}
        },
        adjustments,
        st.fixed_dictionaries(limits),
    )


class AdjustingSources(Sources):
    """Rules adjust what is asked for: two of one name, another, and one over the group."""

    asset_fields: ClassVar = {
        **ASSET,
        "validate": st.lists(
            st.one_of(
                adjusting("brightness", min=st.sampled_from([0.3, 0.45])),
                adjusting("brightness", max=st.sampled_from([0.6, 0.75])),
                adjusting("contrast", min=st.sampled_from([0.1, 0.2])),
                adjusting("unique", distance=st.sampled_from([12, 24])),
            ),
            min_size=1,
            max_size=3,
        ),
        "attempts": st.sampled_from([2, 3, 8, 20]),
    }


def photo(colour):
    out = io.BytesIO()
    pillow.new("RGB", (16, 16), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(autouse=True)
def narrow_wherever_it_may_be(monkeypatch):
    """However many targets an edit affects, only those are looked at: a small project is the whole otherwise."""
    monkeypatch.setattr(narrow, "SHARE", 1)


@pytest.fixture
def picky(painter):
    """A painter that leaves guns to another model."""
    paint = painter.paint

    def choose(self, request):
        if "gun" in request.prompt and not request.pin.source:
            self.asked.append(request)
            raise Refused("no guns")
        return paint(self, request)

    painter.paint = choose
    return painter


def check(bench, painter, data, numbers, kind=Sources):
    """Random sources, and random edits of them: after each, the same as from nothing."""
    sources = kind(data)
    project = bench({}, folder=f"project{next(numbers)}")
    locks = []
    for step in range(data.draw(st.integers(1, 5), "edits")):
        if step:
            sources.edit(data)
        project.write(sources.files())
        lost = data.draw(sources.losses, "lost")
        lose(project, lost)
        if locks and data.draw(st.integers(0, 4), "lock") == 0:
            project.write(data.draw(st.sampled_from(locks), "earlier lock"))
        if data.draw(st.integers(0, 4), "part") == 0:
            project.build(sample=2, force=bool(lost))
        if data.draw(st.integers(0, 2), "stopped") == 0:
            stopped(project, data, force=bool(lost))
            if data.draw(st.booleans(), "and edited"):
                sources.edit(data)
                project.write(sources.files())
        clean = bench({**sources.files(), **project.locks()}, folder=f"clean{next(numbers)}")
        jobs = data.draw(st.integers(1, 3), "jobs")
        ended = project.build(prune=True, jobs=jobs, force=bool(lost))  # outputs may be nobody's by now
        fresh = clean.build(prune=True, jobs=1)
        assert told(ended) == told(fresh)
        assert ended.finished.exit_code == fresh.finished.exit_code
        assert project.locks() == clean.locks()
        assert verdicts(project, ended) == verdicts(clean, fresh)
        locks.append(project.locks())
        if lost:  # with the records goes the knowledge of what was published and is nobody's now
            drop_strays(project, clean)
        if ended.finished.exit_code == 0:
            assert project.outputs() == clean.outputs()
        check_again(project, painter, ended)
        shutil.rmtree(clean.root)
    shutil.rmtree(project.root)


def stopped(project, data, *, force):
    """A build that is stopped after so many events, for a newer edit or by Ctrl-C."""
    stop, left, for_an_edit = threading.Event(), data.draw(st.integers(0, 6)), data.draw(st.booleans())

    def hear(event):
        nonlocal left
        left -= 1
        if left < 0:
            stop.set()

    project.event = hear
    project.build(prune=True, force=force, stop=stop, outdated=lambda: for_an_edit and stop.is_set())
    del project.event


def told(ended):
    """What failed, breaks a rule or is up for review, and why."""
    return sorted((failure.id, failure.kind, failure.cause) for failure in ended.failures)


def verdicts(project, ended):
    """What the rules say of each published image."""
    loaded = project.load()
    without = {failure.id for failure in ended.failures if failure.kind in ("failed", "skipped")}
    with open_store(loaded.store, loaded.cache, write=False) as store:
        found = store.records.outcomes("")
    return {
        id: (found[id].state, found[id].why, found[id].verdicts)
        for id, target in loaded.graph.targets.items()
        if target.recipe.rules and id not in without and found[id].state != "failed"
    }


def drop_strays(project, clean):
    for path in project.outputs().keys() - clean.outputs().keys():
        (project.root / "out" / path).unlink()


def check_again(project, painter, ended):
    """No change, no work."""
    before, locks = project.state("out"), project.locks()
    painter.asked.clear()
    again = project.build(prune=True)
    assert (dict(again.ran), painter.asked) == ({}, [])
    assert (project.state("out"), project.locks()) == (before, locks)
    assert (again.finished.exit_code, told(again)) == (ended.finished.exit_code, told(ended))


def lose(project, names):
    for name in names:
        path = project.root / name
        if path.exists():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


RANDOM = settings(
    max_examples=25, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
)  # fmt: skip


@RANDOM
@given(data=st.data())
def test_a_build_is_the_same_as_from_nothing(bench, picky, data):
    check(bench, picky, data, numbers)


@RANDOM
@given(data=st.data())
def test_so_it_is_where_images_of_several_assets_are_compared(bench, picky, data):
    check(bench, picky, data, numbers, WideSources)


@RANDOM
@given(data=st.data())
def test_so_it_is_where_rules_adjust_what_is_asked_for(bench, picky, data):
    check(bench, picky, data, numbers, AdjustingSources)


@pytest.mark.slow
@settings(RANDOM, max_examples=150)
@given(data=st.data())
def test_so_are_many_where_rules_adjust_what_is_asked_for(bench, picky, data):
    check(bench, picky, data, numbers, AdjustingSources)


@pytest.mark.slow
@settings(RANDOM, max_examples=150)
@given(data=st.data())
def test_so_are_many_where_images_of_several_assets_are_compared(bench, picky, data):
    check(bench, picky, data, numbers, WideSources)


@pytest.mark.slow
@settings(RANDOM, max_examples=150)
@given(data=st.data())
def test_many_builds_are_the_same_as_from_nothing(bench, picky, data):
    check(bench, picky, data, numbers)


numbers = count()
