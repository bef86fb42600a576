"""A watch's builds: what a newer edit stops, what is kept of it, and what may be paid for."""

import io
import re
import threading
import time
from collections import Counter
from contextlib import nullcontext

import pytest
from msgspec.structs import replace

from imgbuild.commands.session import Session
from imgbuild.commands.watch import run_watch
from imgbuild.files import Files
from imgbuild.providers import PROVIDERS
from imgbuild.report.events import Finished, Started, TargetMoved
from imgbuild.store.journal import Journal
from tests.vendors.bfl import BFL, KEY
from tests.vendors.server import serving

PRICE = 0.25
SPEC = """\
models:
  slow: {provider: slow}
  free: {provider: painter}
assets:
  shots:
    prompt: "a {{ name }}"
    matrix: {name: [chair, lamp, table]}
    models: [slow]
  logo:
    prompt: a logo
    models: [free]
"""


@pytest.fixture
def slow(painter, monkeypatch):
    """A paid provider that takes one request at a time, and answers when it may. under_way: it has one."""

    class Slow(painter):
        name = "slow"
        paid = network = True
        may, under_way = threading.Event(), threading.Event()

        def capabilities(self, model):
            return replace(super().capabilities(model), concurrency=1)

        def price(self, request):
            return PRICE

        def paint(self, request):
            self.under_way.set()
            assert self.may.wait(20)
            return super().paint(request)

    monkeypatch.setitem(PROVIDERS._loaded, "slow", Slow)
    return Slow


@pytest.fixture
def shop(bench, slow):
    return bench({"specs/catalog.yaml": SPEC})


@pytest.fixture
def play(monkeypatch):
    """Stand in for what tells of changes: call with a generator function of the paths that changed."""

    def begin(script):
        def bursts(root, ignored, stop):
            for paths in script():
                yield {("changed", f"{root}/{path}") for path in paths}

        monkeypatch.setattr("imgbuild.commands.watch.watched", bursts)

    return begin


def wait_until(true):
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


def prompts(painter):
    return Counter(request.prompt for request in painter.asked)


def entries(project):
    return Journal(project.root / ".imgbuild/journal", write=False).entries()


def heads(told):
    """The lines that say what was done, without the seconds."""
    begins = ("changed", "built", "interrupted", "watching", "up to date", "restored")
    return [line.partition(" in ")[0] for line in told.out.splitlines() if line.startswith(begins)]


# --- a newer edit ------------------------------------------------------------------------------------------


def test_a_newer_edit_stops_the_queue_and_what_is_under_way_is_kept(shop, slow, play):
    published = []

    def script():
        assert slow.under_way.wait(20)
        shop.edit("specs/catalog.yaml", ('"a {{', '"one {{'))
        yield ["specs/catalog.yaml"]
        published.append(set(shop.outputs()))
        slow.may.set()
        wait_until(lambda: len(shop.outputs()) == 4)
        shop.edit("specs/catalog.yaml", ('"one {{', '"a {{'))
        yield ["specs/catalog.yaml"]

    play(script)
    told = shop.tell("watch", "--budget", "5")
    assert (told.code, told.err) == (0, "")
    wanted = ("one chair", "one lamp", "one table", "a lamp", "a table")
    asked = prompts(slow)  # the chair before the edit alone: it is had from the records after the next one
    assert asked == dict.fromkeys(("a logo", "a chair", *wanted), 1)
    assert next(prompt for prompt in asked if prompt != "a logo") == "a chair"
    assert published[0] <= {"logo/0.png"}
    assert heads(told)[0].startswith("interrupted")
    assert [entry.state for entry in entries(shop)] == ["settled"] * 6
    assert shop.tell("plan", "--exit-code").code == 0


def test_what_a_newer_edit_makes_stale_is_neither_published_nor_locked(bench, slow, play):
    shop = bench({"specs/catalog.yaml": SPEC.replace("[chair, lamp, table]", "[chair]")})
    seen = []

    def script():
        assert slow.under_way.wait(20)
        shop.edit("specs/catalog.yaml", ('"a {{', '"one {{'))
        yield ["specs/catalog.yaml"]
        slow.may.set()

    put = "imgbuild.run.conclusion.Conclusion.put_in_place"
    from imgbuild.run.conclusion import Conclusion

    whole = Conclusion.put_in_place

    def note(self, work):
        seen.append(work.decision.target.asks[0].prompt)
        return whole(self, work)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(put, note)
        play(script)
        assert shop.tell("watch", "--budget", "5").code == 0
    assert sorted(seen) == ["a logo", "one chair"]
    assert len(shop.lines()) == 2


def test_an_edit_elsewhere_sends_nothing_twice(shop, slow, play):
    def script():
        assert slow.under_way.wait(20)
        shop.edit("specs/catalog.yaml", ("a logo", "the logo"))
        yield ["specs/catalog.yaml"]
        slow.may.set()

    play(script)
    told = shop.tell("watch", "--budget", "0.75")
    assert (told.code, told.err) == (0, "")
    assert set(prompts(slow).values()) == {1}
    assert [entry.state for entry in entries(shop)] == ["settled"] * 3
    assert shop.tell("plan", "--exit-code").code == 0


def test_what_nothing_reads_stops_nothing(shop, slow, play):
    def script():
        assert slow.under_way.wait(20)
        shop.write({"notes.txt": "x", "specs/notes.txt": "x", "specs/.catalog.yaml.swp": "x"})
        yield ["notes.txt", "specs/notes.txt", "specs/.catalog.yaml.swp", "specs"]
        slow.may.set()

    play(script)
    told = shop.tell("watch", "--budget", "5")
    assert (told.code, heads(told)) == (0, ["built 4", "watching; Ctrl-C ends it"])


def test_a_source_that_came_and_went_during_a_build_leaves_nothing_undone(shop, slow, play):
    def script():
        assert slow.under_way.wait(20)
        shop.write({"specs/more.yaml": "assets: {}\n"})
        yield ["specs/more.yaml"]
        shop.write({"specs/more.yaml": None})
        slow.may.set()
        yield ["specs/more.yaml"]

    play(script)
    assert shop.tell("watch", "--budget", "5").code == 0
    assert shop.tell("plan", "--exit-code").code == 0
    assert set(prompts(slow).values()) == {1}


def test_what_a_build_could_not_tell_the_next_one_finds_out_though_nothing_is_news(shop, slow, play):
    """An editor's own file comes and goes beside the specs: their folder has moved, and one of them might be back."""
    slow.may.set()
    shop.build()
    slow.may.clear()
    slow.under_way.clear()
    shop.edit("specs/catalog.yaml", ("[chair, lamp, table]", "[chair, stool]"))

    def script():
        assert slow.under_way.wait(20)
        shop.write({"specs/4913": ""})
        shop.write({"specs/4913": None})
        slow.may.set()
        yield ["specs/4913"]

    play(script)
    told = shop.tell("watch", "--budget", "5")
    assert [line.partition(" in ")[0] for line in told.out.splitlines()][-3:] == [
        "built 1, 2 up to date",
        "watching; Ctrl-C ends it",
        "removed 2, 3 up to date",
    ]
    assert sorted(shop.outputs()) == ["logo/0.png", "shots/chair_0.png", "shots/stool_0.png"]
    assert shop.tell("plan", "--exit-code").code == 0


def test_a_spec_that_goes_after_it_was_listed_is_no_error(shop, slow, play, monkeypatch):
    """That it went was told before it was looked for, and so is no news any more."""
    slow.may.set()
    shop.build()
    read, more = Files.read, shop.root / "specs/more.yaml"

    def lose(self, path, *limit):
        if path == "specs/more.yaml":
            more.unlink(missing_ok=True)
        return read(self, path, *limit)

    def script():
        more.write_text("assets: {}\n")
        yield ["specs/more.yaml"]
        wait_until(lambda: not more.exists())
        yield []

    monkeypatch.setattr(Files, "read", lose)

    play(script)
    told = shop.tell("watch")
    assert (told.code, told.err) == (0, "")
    assert heads(told)[-1] == "up to date (4 targets)"


def test_a_truncated_table_that_is_mended_drops_no_line(bench, slow, play):
    """The build that saw the truncated table was stopped: what it found gone stays locked."""
    spec = SPEC.replace("{name: [chair, lamp, table]}", "{row: {csv: rows.csv, key: name}}")
    rows = "name\nchair\nlamp\ntable\n"
    shop = bench({"specs/catalog.yaml": spec, "specs/rows.csv": rows})
    slow.may.set()
    shop.build()
    seeds = {name: line.seed for name, line in shop.lines().items()}
    assert shop.tell("lock", "--reseed", "catalog/shots[name=chair]@slow#0").code == 0
    shop.build()
    before = shop.locks()
    assert {name: line.seed for name, line in shop.lines().items()} != seeds
    slow.may.clear()
    slow.under_way.clear()
    shop.write({"specs/rows.csv": "name\nlamp\nstool\n"})

    def script():
        assert slow.under_way.wait(20)
        shop.write({"specs/rows.csv": rows})
        yield ["specs/rows.csv"]
        slow.may.set()

    play(script)
    assert shop.tell("watch", "--budget", "5").code == 0
    assert shop.locks() == before


def test_what_a_stopped_build_took_for_a_rename_takes_no_line_over(bench, slow, play):
    """The row that went was to come back: the chosen seed is its own, and the row that came has another one."""
    spec = SPEC.replace("{name: [chair, lamp, table]}", "{row: {csv: rows.csv, key: sku}}")
    shop = bench({"specs/catalog.yaml": spec, "specs/rows.csv": "sku,name\nA1,lamp\nA2,sofa\n"})
    slow.may.set()
    shop.build()
    assert shop.tell("lock", "--reseed", "catalog/shots[sku=A1]@slow#0").code == 0
    shop.build()
    before = shop.lines()
    slow.may.clear()
    slow.under_way.clear()
    shop.write({"specs/rows.csv": "sku,name\nA2,desk\nA3,lamp\n"})

    def script():
        assert slow.under_way.wait(20)
        shop.write({"specs/rows.csv": "sku,name\nA1,lamp\nA2,sofa\nA3,lamp\n"})
        yield ["specs/rows.csv"]
        slow.may.set()

    play(script)
    assert shop.tell("watch", "--budget", "5").code == 0
    lines = shop.lines()
    assert {name: lines[name] for name in before} == before
    new = lines["shots[sku=A3]@slow#0"]
    assert (new.attempt, new.seed != before["shots[sku=A1]@slow#0"].seed) == (0, True)
    assert len({line.image for line in lines.values()}) == len(shop.outputs()) == 4


def test_what_a_vendor_has_in_its_queue_is_asked_for_by_the_next_build(bench, painter, play, monkeypatch):
    vendor = BFL()
    vendor.polls = 10**6
    monkeypatch.setenv("BFL_API_KEY", KEY)
    monkeypatch.setattr("imgbuild.providers.bfl.FIRST", 0.01)
    with serving(vendor) as address:
        vendor.address = address
        model = f'{{provider: bfl, source: flux-2-pro, price: 0.05, params: {{base_url: "{address}"}}}}'
        shop = bench({"specs/catalog.yaml": SPEC.replace("{provider: slow}", model)})

        def script():
            wait_until(lambda: len(vendor.tasks) == 3)
            shop.edit("specs/catalog.yaml", ("a logo", "the logo"))
            yield ["specs/catalog.yaml"]
            vendor.polls = 0
            for task in vendor.tasks.values():
                task["polls"] = 0

        play(script)
        told = shop.tell("watch", "--budget", "1", "--trust")
    assert (told.code, told.err, vendor.faults) == (0, "", [])
    assert vendor.billed == len(vendor.tasks) == 3
    assert [entry.state for entry in entries(shop)] == ["settled"] * 3
    assert len(shop.outputs()) == 4


class Page:
    """Stands beside a watch."""

    def __init__(self):
        self.events, self.ends, self.errors = [], [], []
        self.event, self.built, self.complain = self.events.append, self.ends.append, self.errors.append


def test_whoever_stands_beside_hears_of_each_build(shop, slow, play, monkeypatch):
    def script():
        wait_until(lambda: len(shop.outputs()) == 4)
        shop.edit("specs/catalog.yaml", ("a logo", "the logo"))
        yield ["specs/catalog.yaml"]
        wait_until(lambda: sum(end.finished.built for end in page.ends) == 5)
        shop.edit("specs/catalog.yaml", ("[free]", "[fee]"))
        yield ["specs/catalog.yaml"]

    slow.may.set()
    play(script)
    page, out = Page(), io.StringIO()
    session = Session(
        arguments=("watch",), folder=shop.root, root=shop.root, environ={}, plain=True, stdout=out, stderr=out
    )
    monkeypatch.setattr("imgbuild.commands.gallery.beside_watch", lambda *_: nullcontext(page))
    assert run_watch(session, (), (), 5.0, open=True) == 0
    ends = [event for event in page.events if isinstance(event, Finished)]
    assert ends == [end.finished for end in page.ends]
    assert {type(event) for event in page.events} >= {Started, TargetMoved}
    assert [error.message for error in page.errors] == ["unknown model 'fee'"]


# --- money -------------------------------------------------------------------------------------------------

HELD = """\
[1/4] done     catalog/logo@free#0  - ms

3 failed: this image costs money, and nothing is paid for without a budget
  catalog/shots[name=chair]@slow#0  specs/catalog.yaml:5:3
  catalog/shots[name=lamp]@slow#0   specs/catalog.yaml:5:3
  catalog/shots[name=table]@slow#0  specs/catalog.yaml:5:3
  hint: give a build a budget, by --budget or by 'budget: {build: 1}' in imgbuild.yaml

built 1, 3 failed in - ms
watching; Ctrl-C ends it
"""


def test_without_a_budget_what_is_free_is_built_and_the_rest_is_told_once(shop, slow, play):
    play(lambda: iter(()))
    told = shop.tell("watch")
    assert (told.code, re.sub(r"[\d.]+ m?s$", "- ms", told.out, flags=re.M), told.err) == (0, HELD, "")
    assert (list(prompts(slow)), entries(shop)) == (["a logo"], [])


def test_without_a_budget_what_costs_nobody_knows_how_much_is_held_back_too(shop, slow, play, monkeypatch):
    monkeypatch.setattr(slow, "price", lambda self, request: None)
    play(lambda: iter(()))
    assert (
        "3 failed: this image costs money, and nothing is paid for without a budget\n"
        in shop.tell("watch").out
    )
    assert entries(shop) == []


def test_the_settings_may_give_a_build_its_budget(shop, slow, play):
    slow.may.set()
    shop.write({"imgbuild.yaml": "budget: {build: 0.75}\n"})
    play(lambda: iter(()))
    told = shop.tell("watch")
    assert heads(told) == ["built 4", "watching; Ctrl-C ends it"]


def test_a_budget_for_the_month_is_none_for_a_build(shop, slow, play):
    shop.write({"imgbuild.yaml": "budget: {month: 100}\n"})
    play(lambda: iter(()))
    assert "nothing is paid for without a budget" in shop.tell("watch").out
    assert entries(shop) == []


def test_a_build_above_the_budget_sends_nothing_that_costs_money(shop, slow, play):
    play(lambda: iter(()))
    told = shop.tell("watch", "--budget", "0.5")
    assert "3 failed: this build would cost about $0.75, and $0.50 is left to spend\n" in told.out
    hint = "nothing that costs money is sent; give a build a budget, by --budget or by 'budget: {build: 1}'"
    assert hint in told.out
    assert (list(prompts(slow)), entries(shop)) == (["a logo"], [])
