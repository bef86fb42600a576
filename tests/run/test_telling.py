"""What providers tell, as events: named as the spec does, ended whatever happens, and no more than can be seen."""

import pytest

from imgbuild.report.events import Draw, Fetch, Load
from imgbuild.run.telling import Telling
from imgbuild.types import Activity, Pin

PIN = Pin(provider="studio", source="acme/tiny", weights="w")
OTHER = Pin(provider="studio", source="acme/other", weights="o")


@pytest.fixture
def scene():
    return Scene()


class Scene:
    """A telling with a clock that a test moves; given: its events."""

    def __init__(self):
        self.now = 100.0
        self.given = []
        self.telling = Telling(clock=lambda: self.now)
        self.telling.give = self.given.append

    def call(self, images=4, pin=PIN, model="sdxl"):
        return self.telling.call(pin, model, images)

    def tell(self, doing, done=0, total=0, after=0.0, pin=PIN, source=""):
        self.now += after
        self.telling.tell(Activity(pin=pin, doing=doing, source=source, done=done, total=total))

    def take(self):
        given = self.given[:]
        self.given.clear()
        return given


def test_one_call_from_the_files_to_the_last_step(scene):
    with scene.call():
        scene.tell("load")
        scene.tell("fetch", 0, 10, after=1)
        scene.tell("fetch", 10, 10, after=2)
        scene.tell("load", after=1)
        scene.tell("draw", after=5)
        for step in (1, 2, 3):
            scene.tell("draw", step, 3, after=0.5)
        scene.now += 1
    assert scene.take() == [
        Load(model="sdxl"),
        Load(model="sdxl", seconds=1.0, ended=True),
        Fetch(model="sdxl", source="acme/tiny", total=10),
        Fetch(model="sdxl", source="acme/tiny", done=10, total=10, seconds=2.0),
        Fetch(model="sdxl", source="acme/tiny", done=10, total=10, seconds=3.0, ended=True),
        Load(model="sdxl"),
        Load(model="sdxl", seconds=5.0, ended=True),
        Draw(model="sdxl", batch=1, images=4),
        Draw(model="sdxl", batch=1, images=4, step=1, steps=3, seconds=0.5),
        Draw(model="sdxl", batch=1, images=4, step=2, steps=3, rate=2.0, seconds=1.0),
        Draw(model="sdxl", batch=1, images=4, step=3, steps=3, rate=2.0, seconds=1.5),
        Draw(model="sdxl", batch=1, images=4, step=3, steps=3, rate=1.0, seconds=2.5, ended=True),
    ]


def test_each_repository_is_told_of(scene):
    with scene.call():
        scene.tell("fetch", 0, 10, source="acme/vae")
        scene.tell("fetch", 0, 5, after=1, source="acme/lora")
    assert scene.take() == [
        Fetch(model="sdxl", source="acme/vae", total=10),
        Fetch(model="sdxl", source="acme/vae", total=10, seconds=1.0, ended=True),
        Fetch(model="sdxl", source="acme/lora", total=5),
        Fetch(model="sdxl", source="acme/lora", total=5, ended=True),
    ]


def test_batches_are_counted_by_model(scene):
    for pin in (PIN, OTHER, PIN):
        with scene.call(pin=pin):
            scene.tell("draw", pin=pin)
    assert [event.batch for event in scene.take() if not event.ended] == [1, 1, 2]


def test_what_comes_too_fast_goes_no_further(scene):
    with scene.call():
        scene.tell("draw")
        for step in range(1, 101):
            scene.tell("draw", step, 100, after=0.01)
    given = scene.take()
    assert 11 <= len(given) <= 12
    assert (given[-1].step, given[-1].rate, given[-1].ended) == (100, 100.0, True)


def test_a_second_round_of_steps_has_its_own_pace(scene):
    with scene.call():
        for step in (1, 2, 3, 1, 2):
            scene.tell("draw", step, 3, after=1)
            rate = scene.given[-1].rate
    assert rate == 1.0
    assert [event.rate for event in scene.take()][:5] == [0.0, 1.0, 1.0, 0.0, 1.0]


def test_it_ends_where_a_call_fails(scene):
    def fail():
        with scene.call():
            scene.tell("load")
            scene.now += 3
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert scene.take() == [Load(model="sdxl"), Load(model="sdxl", seconds=3.0, ended=True)]


def test_outside_of_a_call_nobody_listens(scene):
    scene.tell("load")
    with scene.call():
        pass
    scene.tell("load")
    with scene.call(pin=OTHER):
        scene.tell("load")
    assert scene.take() == []


# --- in a build ------------------------------------------------------------------------------------------


def test_a_build_hands_it_to_the_reporter(bench, painter):
    def generate(self, requests):
        self.tell(Activity(pin=requests[0].pin, doing="load"))
        self.tell(Activity(pin=requests[0].pin, doing="draw"))
        self.tell(Activity(pin=requests[0].pin, doing="draw", done=2, total=2))
        return [self.paint(request) for request in requests]

    painter.generate = generate
    spec = "models: {m: {provider: painter}}\nassets: {a: {prompt: a lamp, models: [m]}}\n"
    made = bench({"specs/shop.yaml": spec})
    assert made.build().failures == ()
    kinds = [type(event).__name__ for event in made.events]
    assert kinds == ["Started", "TargetMoved", "Load", "Load", "Draw", "Draw", "TargetMoved", "Finished"]
    drawn = made.events[5]
    assert (drawn.model, drawn.batch, drawn.images, drawn.step, drawn.steps, drawn.ended) == (
        "m",
        1,
        1,
        2,
        2,
        True,
    )


def test_a_provider_that_nobody_listens_to(painter):
    painter().tell(Activity(pin=PIN, doing="load"))
