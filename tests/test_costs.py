"""What work would cost: priced by the provider, nothing where no step runs or the image is on record."""

import pytest

from imgbuild.costs import estimate, price
from imgbuild.keys import generate_key
from imgbuild.plan import AT_REST, DOES_STEPS, Action, Decision
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.store.records import Records
from imgbuild.types import Input, Pin, Record

PINS = {
    ("shop", alias): Pin(provider=provider, source=alias)
    for alias, provider in (("paint", "dear"), ("other", "free"))
}


class Dear(Provider):
    """Costs a cent a pixel, and more for quality; keeps what it was asked to price."""

    name, paid = "dear", True

    def capabilities(self, model):
        raise AssertionError("not needed for a price")

    def generate(self, requests):
        raise AssertionError("not asked for")

    def price(self, request):
        self.priced.append(request)
        return None if request.prompt == "unknown" else request.width * request.height * 0.01


@pytest.fixture(autouse=True)
def dear(monkeypatch):
    own = type("Dear", (Dear,), {"priced": []})
    free = type("Free", (Dear,), {"name": "free", "paid": False, "price": Provider.price})
    monkeypatch.setitem(PROVIDERS._loaded, "dear", own)
    monkeypatch.setitem(PROVIDERS._loaded, "free", free)
    return own


@pytest.fixture
def lamp(target, model):
    chain = [model("paint", "dear"), model("other", "free")]
    return lambda **own: target(models=chain, **{"width": 4, "height": 2, "params": {"steps": 3}, **own})


def decided(target, action=Action.RUN, **own):
    return Decision(target=target, action=action, **{"seed": 42, "attempt": 0, **own})


@pytest.mark.parametrize("action", sorted(DOES_STEPS))
def test_steps_cost_what_the_provider_says(lamp, action):
    assert estimate(decided(lamp(), action), PINS) == 0.08


@pytest.mark.parametrize("action", sorted(set(Action) - DOES_STEPS))
def test_anything_else_costs_nothing_and_nobody_is_asked(lamp, dear, action):
    assert estimate(decided(lamp(), action), PINS) == 0.0
    assert dear.priced == []


def test_every_action_does_steps_or_rests_or_puts_in_place():
    assert set(Action) - DOES_STEPS - AT_REST == {Action.CHECK, Action.RESTORE}


def test_the_provider_sees_the_request_that_would_be_sent(lamp, dear):
    estimate(decided(lamp(prompt="a lamp", negative="blurry")), PINS)
    (request,) = dear.priced
    assert (request.pin, request.prompt, request.negative) == (PINS["shop", "paint"], "a lamp", "blurry")
    assert (request.width, request.height, request.seed, request.params) == (4, 2, 42, {"steps": 3})


def test_a_price_that_is_not_known(lamp):
    assert estimate(decided(lamp(prompt="unknown")), PINS) is None


def test_an_unpinned_model_is_priced_as_declared(lamp, dear):
    assert price(lamp(), {}) == 0.08
    assert dear.priced[0].pin == Pin(provider="dear", source="")


def test_pictures_that_are_there_cost_nothing(target):
    cut = target("shop/cut#0", inputs=(Input(role="image", file="photo.png"),))
    assert estimate(decided(cut), PINS) == 0.0


def test_what_a_fallback_makes_again_costs_what_that_costs(lamp):
    assert estimate(decided(lamp(), position=1), PINS) == 0.0
    assert price(lamp(), PINS, position=0) == 0.08


def test_an_image_on_record_costs_nothing_again(lamp):
    with Records(None) as records:
        assert estimate(decided(lamp()), PINS, records) == 0.08
        key, manifest = generate_key(lamp().asks[0], PINS["shop", "paint"], 42, {})
        records.put_records([Record(key=key, step="generate", blob="b", pixels="p", manifest=manifest)])
        assert estimate(decided(lamp()), PINS, records) == 0.0
        assert estimate(decided(lamp(), seed=43), PINS, records) == 0.08
        assert estimate(decided(lamp(prompt="another")), PINS, records) == 0.08
        with_input = lamp(inputs=(Input(role="image", file="photo.png"),))
        assert estimate(decided(with_input), PINS, records) == 0.08
        assert estimate(decided(lamp()), {}, records) == 0.08
