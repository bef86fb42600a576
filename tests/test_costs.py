"""What work would cost: priced by the provider, nothing where no step runs or the image is on record."""

import pytest

from imgbuild.costs import Estimates, Sum, bill_of, price_of, total
from imgbuild.given import Given
from imgbuild.keys import Way, generate_key
from imgbuild.plan import AT_REST, DOES_STEPS, Action, Decision
from imgbuild.price import Price
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.store.records import Records
from imgbuild.types import Image, Input, Model, Pin, Record, Request

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


def estimate(decision, pins, records=None):
    return Estimates(pins, records).of(decision)


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
    assert Estimates({}).price(lamp()) == 0.08
    assert dear.priced[0].pin == Pin(provider="dear", source="")


def test_pictures_that_are_there_cost_nothing(target):
    cut = target("shop/cut#0", inputs=(Input(role="image", file="photo.png"),))
    assert estimate(decided(cut), PINS) == 0.0


def test_what_a_fallback_makes_again_costs_what_that_costs(lamp):
    assert estimate(decided(lamp(), way=Way(1)), PINS) == 0.0
    assert Estimates(PINS).price(lamp(), way=Way()) == 0.08


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


def test_equal_requests_cost_once(lamp, dear):
    """Equal keys in one build share one request, whatever is done with its image."""
    one, small, other = lamp(), lamp(output="small.png"), lamp(prompt="a pen")
    estimates = Estimates(PINS)
    assert [estimates.of(decided(each)) for each in (one, small, other)] == [0.08, 0.0, 0.08]
    assert estimates.of(decided(one, seed=43)) == 0.08
    assert Estimates(PINS).total(map(decided, (one, small, other))) == 0.16


def test_equal_requests_of_unknown_price(lamp):
    estimates = Estimates(PINS)
    assert [estimates.of(decided(lamp(prompt="unknown"))) for _ in range(2)] == [None, 0.0]


def test_requests_with_equal_inputs_cost_once(lamp):
    estimates = Estimates(PINS)
    photos = [lamp(inputs=(Input(role="image", file=file),)) for file in ("a.png", "b.png", "a.png")]
    assert [estimates.of(decided(each)) for each in photos] == [0.08, 0.08, 0.0]
    upstream = [lamp(inputs=(Input(role="image", target="shop/a#0"),)) for _ in range(2)]
    assert [estimates.of(decided(each)) for each in upstream] == [0.08, 0.0]


def test_models_that_are_one_under_two_names_share_their_requests(lamp, target, model):
    alias = target("shop/lamps[color=red]@again#0", models=[model("again", "dear")], width=4, height=2)
    pins = {**PINS, ("shop", "again"): PINS["shop", "paint"]}
    estimates = Estimates(pins)
    assert [estimates.of(decided(each)) for each in (lamp(params={}), alias)] == [0.08, 0.0]


def test_nobody_asks_for_the_price_of_what_is_free(target, model, dear):
    free = target(models=[model("other", "free")])
    assert Estimates(PINS).of(decided(free)) == 0.0


def test_a_price_that_breaks_is_not_known(lamp, dear):
    dear.price = lambda self, request: {}["price"]
    assert estimate(decided(lamp()), PINS) is None


def test_an_image_may_be_priced_again_and_told_whether_it_is_news(lamp):
    estimates = Estimates(PINS)
    assert [estimates.is_news(lamp()) for _ in range(2)] == [True, False]
    assert [estimates.price_again(lamp()) for _ in range(2)] == [0.08, 0.08]


def test_a_provider_that_is_paid_is_told_how_large_the_pictures_are_that_go_in(lamp, dear, tmp_path):
    edit = lamp(inputs=(Input(role="image", target="shop/pen@paint#0"), Input(role="mask", file="no.png")))
    pen = lamp(id="shop/pen@paint#0", width=8, height=6)
    Estimates(PINS, given=Given(tmp_path, {pen.id: pen})).price(edit)
    Estimates(PINS).price(edit)
    assert [request.given for request in dear.priced] == [{"image": [(8, 6)], "mask": [(4, 2)]}, {}]


REQUEST = Request(
    pin=Pin(provider="dear"),
    prompt="a lamp",
    negative="",
    width=2048,
    height=1024,
    seed=1,
    given={"image": [(9, 9)]},
)
STATED = [  # what the model states, the tokens told, what is estimated, what it has cost
    (None, {}, 20971.52, 0.5),
    (0.25, {}, 0.25, 0.25),
    (0, {}, 0, 0),
    (Price(megapixel=0.02), {}, 0.04, 0.04),
    (Price(megapixel=0.02, input_megapixel=0.01), {}, 0.05, 0.05),
    (Price(tokens={"output": 30}), {"output": 1000}, None, 0.03),
    (Price(tokens={"output": 30}), {}, None, 0.5),
    (Price(tokens={"output": 30}, image=0.25), {"output": 1000}, 0.25, 0.03),
    (Price(tokens={"output": 30}, image=0.25), {"text": 10, "output": 1000}, 0.25, 0.25),
    (Price(images={"high": {"64x64": 1}}), {}, None, 0.5),
]


@pytest.mark.parametrize(("stated", "tokens", "estimate", "bill"), STATED)
def test_what_a_model_states_goes_before_what_anybody_says(dear, stated, tokens, estimate, bill):
    model, image = Model(provider="dear", price=stated), Image(data=b"", cost=0.5, tokens=tokens)
    assert price_of(model, dear(), REQUEST) == estimate
    assert bill_of(model, dear(), REQUEST, image) == bill


def test_a_stated_price_is_nothing_where_no_bill_is_sent(dear):
    free = type("Free", (dear,), {"paid": False, "price": Provider.price})
    for price in (0.25, Price(image=0.25)):
        model = Model(provider="free", price=price)
        assert (price_of(model, free(), REQUEST), bill_of(model, free(), REQUEST, Image(data=b""))) == (
            0,
            None,
        )


@pytest.mark.parametrize(
    ("costs", "told"),
    [
        ([], "$0.00"),
        ([0.5, 0.25], "$0.75"),
        ([0.5, None, None], "$0.50 + 2 unknown"),
        ([None], "unknown"),
    ],
)
def test_sums_say_what_is_not_known(costs, told):
    found = Sum()
    for cost in costs:
        found = found.plus(cost)
    assert found.told() == told
    assert total([found, found]) == Sum(2 * found.images, 2 * found.cost, 2 * found.unknown)
