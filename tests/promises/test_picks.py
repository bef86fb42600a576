"""Whatever is picked, rejected, reworded and renamed: outputs are those of a clean build of the same sources."""

import shutil
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SPEC = """\
    version: 1
    models:
      paint: {provider: painter}
    assets:
      ideas:
        prompt: "{{ page }}, {{ style }}"
        matrix: {page: [home, shop], style: [plain, moody]}
        models: [paint]
        pick: {over: [style], output: "{{ page }}.png"}
      heroes:
        prompt: "{{ page }}, refined"
        matrix: {page: [home, shop]}
        models: [paint]
        inputs: {image: {pick: "ideas"}}
      board:
        sheet: {pick: ideas, map: true}
      cards:
        prompt: "a card"
        matrix: {page: [home, shop]}
        models: [paint]
        process: [{compose: {layers: [{picture: true}, {pick: ideas, scale: 0.5}]}}]
        renditions: {all: {process: [{compose: {layers: [{picture: true}, {pick: ideas, match: []}]}}]}}
    """
NAMES, WORDS = ("ideas", "concepts"), ("{{ page }}, {{ style }}", "{{ style }} {{ page }}")
numbers = count()


class Shop:
    """A project, and what its spec says now."""

    def __init__(self, bench):
        self.bench, self.name, self.words = bench, NAMES[0], WORDS[0]

    def write(self):
        spec = SPEC.replace(NAMES[0], self.name).replace(WORDS[0], self.words)
        self.bench.write({"specs/catalog.yaml": spec})

    def decide(self, kind, page, style):
        target = f"catalog/{self.name}[page={page},style={style}]@paint#0"
        self.bench.tell("review", kind, target, "--by", "Ann", *(["-m", "no"] if kind == "reject" else []))

    def reword(self, words):
        self.words = words
        self.write()

    def rename(self, name):
        self.name = name
        self.write()

    def build(self, *patterns):
        self.bench.build(patterns=patterns)


PAGES, STYLES = st.sampled_from(["home", "shop"]), st.sampled_from(["plain", "moody"])
STEPS = st.one_of(
    st.tuples(st.just("decide"), st.sampled_from(["pick", "pick", "reject", "approve"]), PAGES, STYLES),
    st.tuples(st.just("reword"), st.sampled_from(WORDS)),
    st.tuples(st.just("rename"), st.sampled_from(NAMES)),
    st.tuples(st.just("build")),
    st.tuples(st.just("build"), st.sampled_from(["heroes", "board", "cards", "page=home", "style=plain"])),
)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, *HealthCheck]
)
@given(st.lists(STEPS, max_size=8))
def test_outputs_are_those_of_a_clean_build(bench, painter, steps):
    folder = f"shop{next(numbers)}"
    shop = Shop(bench(folder=folder))
    shop.write()
    shop.build()
    for page in ("home", "shop"):
        shop.decide("pick", page, "plain")
    shop.build()
    for step, *words in steps:
        getattr(shop, step)(*words)
    ended = shop.bench.build()
    again = shop.bench.build()
    assert (dict(again.ran), again.finished.restored, again.finished.removed) == ({}, 0, 0)
    clean = bench(folder=f"{folder}.clean")
    shutil.copytree(shop.bench.root / "specs", clean.root / "specs")
    assert {failure.id for failure in clean.build().failures} == {failure.id for failure in again.failures}
    if not ended.failures:
        assert clean.outputs() == shop.bench.outputs()
        assert clean.text("specs/catalog.lock") == shop.bench.text("specs/catalog.lock")
