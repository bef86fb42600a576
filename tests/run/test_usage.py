"""How devices were used: by the clock, from the first call to the end of the last."""

import pytest

from imgbuild.run.usage import Usage
from imgbuild.types import Image


class Scene:
    def __init__(self):
        self.now = 100.0
        self.usage = Usage(clock=lambda: self.now)

    def call(self, lane, seconds, pause=0.0):
        self.now += pause
        with self.usage.call(lane):
            self.now += seconds


@pytest.fixture
def scene():
    return Scene()


def test_no_device(scene):
    assert (scene.usage.busy(), scene.usage.memory()) == (0.0, 0)


def test_pauses_are_idle_but_not_before_the_first_or_after_the_last(scene):
    scene.now += 50
    scene.call("diffusers", 3)
    scene.call("diffusers", 3, pause=2)
    scene.now += 50
    assert scene.usage.busy() == 0.75


def test_each_device_has_its_own_time(scene):
    scene.call("a", 3)
    scene.call("b", 1, pause=7)
    scene.call("b", 1, pause=2)
    assert scene.usage.busy() == 5 / 7


def test_a_call_that_fails_was_one(scene):
    def fail():
        with scene.usage.call("a"):
            scene.now += 2
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert scene.usage.busy() == 1.0


def test_the_most_memory(scene):
    for memory in (3, 9, 0):
        scene.usage.took(memory)
    assert scene.usage.memory() == 9


def test_only_a_device_is_told_of(bench, painter):
    spec = "models: {m: {provider: painter}}\nassets: {a: {prompt: a lamp, models: [m]}}\n"

    def generate(self, requests):
        return [Image(pixels=self.paint(request).pixels, memory=2_000) for request in requests]

    painter.generate = generate
    first = bench({"specs/shop.yaml": spec}, "first").build().finished
    assert (first.busy, first.memory) == (0.0, 0)
    painter.device = True
    second = bench({"specs/shop.yaml": spec}, "second").build().finished
    assert (second.busy, second.memory) == (1.0, 2_000)
