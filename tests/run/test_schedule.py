"""The loop: what is asked of providers, how often, how many at a time; and that no order of events matters."""

import random
import shutil
import threading
import time
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as pillow

from imgbuild.errors import Exit, ProviderFailed, Refused, TargetError, Transient, Unanswered
from imgbuild.expand.seeds import attempt_seed
from imgbuild.images import hamming, perceptual_hash
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.types import ROLES, Capabilities, Grade, Image, Pin


class Studio(Provider):
    """An image maker in memory. A model's source says how it works: "batch=4 calls=2 name=anything".

    calls: the requests of each call, in order. flying, most: calls under way now, and at most, by source.
    answer: what becomes of a call; it gets the requests, and gives images or raises.
    """

    name = "studio"

    def capabilities(self, model):
        says = dict(part.split("=") for part in model.source.split())
        return Capabilities(
            takes=frozenset({"negative", "seed", *ROLES}),
            grade=Grade.BITWISE,
            params={"*": {}},
            default_size=(16, 16),
            batch=int(says.get("batch", 1)),
            concurrency=int(says.get("calls", 4)),
        )

    def pin(self, model):
        if model.source in self.gone:
            raise TargetError("no such model", hint="see its page")
        return super().pin(model)

    def price(self, request):
        return 0.4 if self.paid else 0.0

    def generate(self, requests):
        source = requests[0].pin.source
        with self.lock:
            self.calls.append(list(requests))
            self.flying[source] += 1
            self.most[source] = max(self.most[source], self.flying[source])
        try:
            return type(self).answer(requests)
        finally:
            with self.lock:
                self.flying[source] -= 1

    @classmethod
    def asked(cls):
        """The words and seeds of all requests, in the order of the calls."""
        return [(request.prompt, request.seed) for call in cls.calls for request in call]

    @classmethod
    def sources(cls):
        return [call[0].pin.source for call in cls.calls]


def paint(requests):
    return [Image(pixels=picture(request.prompt, request.seed)) for request in requests]


def picture(prompt, seed):
    dice = random.Random(f"{prompt} {seed}")
    return pillow.frombytes("L", (4, 4), dice.randbytes(16)).resize((16, 16), pillow.Resampling.NEAREST)


def refusing(*words, error=Refused, paint=paint):
    """An answer that turns down every call with one of these words in a prompt."""

    def answer(requests):
        for request in requests:
            if any(word in request.prompt for word in words):
                raise error(f"'{request.prompt}' is not painted", hint="ask for something else")
        return paint(requests)

    return answer


def studio_of(**own):
    return type(
        "Studio",
        (Studio,),
        {
            "calls": [],
            "flying": Counter(),
            "most": Counter(),
            "gone": set(),
            "lock": threading.Lock(),
            "answer": staticmethod(paint),
            **own,
        },
    )


@pytest.fixture
def studio(monkeypatch):
    """The studio, in the registry under its name."""
    own = studio_of()
    monkeypatch.setitem(PROVIDERS._loaded, "studio", own)
    return own


@pytest.fixture
def second(monkeypatch):
    """A provider beside it, to fall back on."""
    own = studio_of(name="second")
    monkeypatch.setitem(PROVIDERS._loaded, "second", own)
    return own


@pytest.fixture
def project(bench):
    """A function: models and assets as YAML (in one line each), and settings → a project."""

    def make(models, assets, config="", folder="project"):
        text = "models:\n" + "".join(f"  {line}\n" for line in models)
        text += "assets:\n" + "".join(f"  {line}\n" for line in assets)
        return bench({"specs/shop.yaml": text, "imgbuild.yaml": config or "{}\n"}, folder)

    return make


ONE = ["m: {provider: studio}"]
FALLING = ["m: {provider: studio, fallback: [other]}", "other: {provider: second}"]


def kinds(built):
    return {failure.id.partition("/")[2]: (failure.kind, failure.cause) for failure in built.failures}


# --- equal requests -----------------------------------------------------------------------------------------

TWINS = [f"{name}: {{prompt: a lamp, models: [m], seeds: [5]}}" for name in ("a", "b", "c")]


def test_equal_requests_are_one(project, studio):
    shop = project(ONE, [*TWINS, "d: {prompt: a lamp, models: [m], seeds: [6]}"])
    built = shop.build()
    assert sorted(studio.asked()) == [("a lamp", 5), ("a lamp", 6)]
    assert (built.ran, built.finished.generated) == ({"generate": 2}, 2)
    assert len({line.image for name, line in shop.lines("shop").items() if name[0] in "abc"}) == 1
    assert len(shop.outputs()) == 4


def test_equal_requests_that_are_finished_differently_are_one(project, studio):
    small = "b: {prompt: a lamp, models: [m], seeds: [5], process: [{resize: {width: 8, height: 8}}]}"
    shop = project(ONE, [TWINS[0], small])
    assert dict(shop.build().ran) == {"generate": 1, "resize": 1, "encode": 1}
    assert len(studio.asked()) == 1


def test_equal_requests_are_turned_down_at_once(project, studio):
    studio.answer = staticmethod(refusing("lamp"))
    built = project(ONE, TWINS).build()
    assert len(studio.calls) == 1
    assert [failure.cause for failure in built.failures] == ["'a lamp' is not painted"] * 3


def test_equal_requests_fall_back_together(project, studio, second):
    studio.answer = staticmethod(refusing("lamp"))
    shop = project(FALLING, TWINS)
    assert shop.build().finished.exit_code == Exit.DONE
    assert (len(studio.calls), len(second.calls)) == (1, 1)
    assert [line.via for line in shop.lines("shop").values()] == ["other"] * 3


def test_one_whose_finishing_fails_does_not_take_its_twins_along(project, studio):
    wrong = "b: {prompt: a lamp, models: [m], seeds: [5], process: [{crop: {width: 99, height: 99}}]}"
    shop = project(ONE, [TWINS[0], wrong, TWINS[2]])
    built = shop.build()
    assert set(kinds(built)) == {"b@m#0"}
    assert len(studio.calls) == 1


# --- batches and concurrency ----------------------------------------------------------------------------------


def interleaved(count, models):
    """Assets that use the models in turn, three targets each."""
    return [
        f"a{number}: {{prompt: 'lamp {number}', models: [m{number % models}], seeds: 3}}"
        for number in range(count)
    ]


@pytest.mark.parametrize("device", [True, False])
def test_batches_are_of_one_model_and_no_larger_than_it_takes(project, studio, device):
    studio.device = device
    models = [
        "m0: {provider: studio, source: name=x batch=4}",
        "m1: {provider: studio, source: name=y batch=1}",
    ]
    built = project(models, interleaved(8, 2)).build()
    assert built.finished.generated == 24
    assert all(len({request.pin for request in call}) == 1 for call in studio.calls)
    sizes = {
        source: [len(call) for call in studio.calls if call[0].pin.source == source]
        for source in studio.sources()
    }
    assert sizes == {"name=x batch=4": [4, 4, 4], "name=y batch=1": [1] * 12}


def test_a_batch_on_a_device_is_of_one_shape_and_full(project, studio):
    """Requests that differ in more than words don't share a batch; of one shape, they share it across assets."""
    studio.device = True
    shapes = ["size: 16x16", "size: 32x16", "params: {steps: 9}", "negative: none"]
    assets = [f"a{number}: {{prompt: 'lamp {number}', {shapes[number % 4]}}}" for number in range(16)]
    built = project(["m: {provider: studio, source: name=x batch=4}"], assets).build()
    assert built.finished.generated == 16
    assert [len(call) for call in studio.calls] == [4] * 4
    shape = {(one.width, one.negative, len(one.params)) for one in studio.calls[0]}
    assert len(shape) == 1


def test_a_device_waits_for_what_may_fill_its_batch(project, studio):
    """Targets made from those of a full batch go out together, though the first is ready before the last."""
    studio.device = True
    assets = [
        "base: {prompt: 'lamp {{ n }}', matrix: {n: [1, 2, 3, 4]}}",
        "soft: {prompt: 'soft {{ n }}', matrix: {n: [1, 2, 3, 4]}, inputs: {image: {asset: base}}}",
    ]
    project(["m: {provider: studio, source: name=x batch=4}"], assets).build()
    assert [len(call) for call in studio.calls] == [4, 4]


def test_a_device_loads_each_model_once(project, studio):
    studio.device = True
    models = [f"m{n}: {{provider: studio, source: name={n} calls=1}}" for n in range(3)]
    project(models, interleaved(9, 3)).build()
    sources = studio.sources()
    assert len(sources) == 27
    assert sum(1 for before, after in pairwise(sources) if before != after) == 2
    assert max(studio.most.values()) == 1


def test_a_device_goes_on_with_its_model_when_images_are_rerolled(project, studio):
    studio.device = True
    studio.answer = staticmethod(
        lambda requests: [Image(pixels=pillow.new("L", (16, 16), 90))] * len(requests)
    )
    models = [f"m{n}: {{provider: studio, source: name={n} calls=1}}" for n in range(2)]
    rule = "validate: [{sharpness: {min: 1, on_fail: reroll}}], attempts: 3"
    assets = [f"a{n}: {{prompt: 'lamp {n}', models: [m{n}], seeds: 40, {rule}}}" for n in range(2)]
    project(models, assets).build(jobs=1)
    sources = studio.sources()
    assert len(sources) == 2 * 40 * 3
    assert sum(1 for before, after in pairwise(sources) if before != after) <= 3


def test_a_refused_image_does_not_take_its_batch_along(project, studio, second):
    studio.answer = staticmethod(refusing("gun"))
    models = ["m: {provider: studio, source: batch=4, fallback: [other]}", "other: {provider: second}"]
    shop = project(
        models, ["a: {prompt: '{{ thing }}', matrix: {thing: [lamp, gun, chair, pen]}, models: [m]}"]
    )
    assert shop.build().finished.exit_code == Exit.DONE
    assert [request.prompt for call in second.calls for request in call] == ["gun"]
    assert {name: line.via for name, line in shop.lines("shop").items() if line.via} == {
        "a[thing=gun]@m#0": "other"
    }
    assert [len(call) for call in studio.calls] == [4, 1, 1, 1, 1]


def slow(requests):
    time.sleep(0.02)
    return paint(requests)


CALLS = {
    "what a model bears": (["m0: {provider: studio, source: calls=3}"], "", {"calls=3": 3}),
    "what the settings say": (
        ["m0: {provider: studio, source: calls=3}"],
        "limits: {studio: {concurrency: 2}}",
        {"calls=3": 2},
    ),
    "each model its own": (
        ["m0: {provider: studio, source: calls=4}", "m1: {provider: studio, source: calls=1}"],
        "",
        {"calls=4": 4, "calls=1": 1},
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_how_many_calls_run_at_a_time(project, studio, name):
    models, config, most = CALLS[name]
    studio.answer = staticmethod(slow)
    project(models, interleaved(8, len(models)), config).build()
    assert dict(studio.most) == most


def test_settings_let_no_more_calls_onto_a_device_than_it_bears(project, studio):
    studio.device, studio.answer = True, staticmethod(slow)
    project(
        ["m0: {provider: studio, source: calls=1}"],
        interleaved(4, 1),
        "limits: {studio: {concurrency: 3}}",
    ).build()
    assert dict(studio.most) == {"calls=1": 1}


def test_models_of_one_device_take_turns(project, studio):
    studio.device, studio.answer = True, staticmethod(slow)
    models = [f"m{n}: {{provider: studio, source: name={n} calls=1}}" for n in range(2)]
    at_once = []
    studio.answer = staticmethod(
        lambda requests: at_once.append(sum(studio.flying.values())) or slow(requests)
    )
    project(models, interleaved(4, 2)).build()
    assert set(at_once) == {1}


# --- fallbacks --------------------------------------------------------------------------------------------------

LAMP = ["a: {prompt: a lamp, models: [m], seeds: [5]}"]


@pytest.mark.parametrize("error", [Refused, ProviderFailed])
def test_what_is_turned_down_falls_back(project, studio, second, error):
    studio.answer = staticmethod(refusing("lamp", error=error))
    shop = project(FALLING, LAMP)
    built = shop.build()
    assert (built.finished.exit_code, built.failures) == (Exit.DONE, ())
    assert second.asked() == [("a lamp", 5)]
    assert shop.lines("shop")["a@m#0"].via == "other"
    assert dict(shop.build().ran) == {}


def test_a_fallback_has_a_fallback(project, studio, second):
    studio.answer = second.answer = staticmethod(refusing("lamp"))
    models = [
        "m: {provider: studio, fallback: [other, last]}",
        "other: {provider: second}",
        "last: {provider: placeholder}",
    ]
    shop = project(models, LAMP)
    assert shop.build().finished.exit_code == Exit.DONE
    assert shop.lines("shop")["a@m#0"].via == "last"


def test_the_last_refusal_is_the_one_that_is_told(project, studio, second):
    studio.answer = staticmethod(refusing("lamp"))
    second.answer = staticmethod(
        refusing("lamp", error=lambda *_, **__: ProviderFailed("gone for good", hint="h"))
    )
    assert kinds(project(FALLING, LAMP).build()) == {"a@m#0": ("failed", "gone for good")}


class NotNow(Transient):
    """Says to wait for longer than anybody does."""

    def __init__(self, message, *, hint=""):
        super().__init__(message, retry_after=1e6, hint=hint)


STAYS = {
    "a provider that can't now": (refusing("lamp", error=NotNow), {}, {}, "'a lamp' is not painted"),
    "a provider that may have taken it": (
        refusing("lamp", error=Unanswered),
        {},
        {},
        "'a lamp' is not painted",
    ),
    "a provider that breaks": (
        lambda requests: 1 / 0,
        {},
        {},
        "provider 'studio' broke: ZeroDivisionError: division by zero",
    ),
    "too few images": (
        lambda requests: [],
        {},
        {},
        "provider 'studio' broke: ValueError: zip() argument 2 is shorter than argument 1",
    ),
    "an image without bytes": (
        lambda requests: [Image()],
        {},
        {},
        "provider 'studio' broke: ValueError: an image has either pixels or data",
    ),
    "no network": (paint, {"network": True}, {"offline": True}, "'studio' needs the network"),
}


@pytest.mark.parametrize("name", STAYS)
def test_what_does_not_fall_back(project, studio, second, name):
    answer, own, flags, cause = STAYS[name]
    shop = project(FALLING, LAMP)
    if flags:
        shop.build()
        shop.edit("specs/shop.yaml", ("[5]", "[6]"))
    studio.answer = staticmethod(answer)
    for field, value in own.items():
        setattr(studio, field, value)
    built = shop.build(**flags)
    assert kinds(built) == {"a@m#0": ("failed", cause)}
    assert second.calls == []


def test_over_budget_does_not_fall_back(project, studio, second):
    studio.paid = True
    shop = project(FALLING, ["a: {prompt: a lamp, models: [m], seeds: 3}"])
    shop.edit(
        "specs/shop.yaml",
        ("seeds: 3", "seeds: 3, attempts: 2, validate: [{sharpness: {min: 1e9, on_fail: reroll}}]"),
    )
    built = shop.build(budget=1.2, jobs=1)
    assert {cause for _, cause in kinds(built).values()} == {
        "the budget of $1.20 would be crossed: $1.20 is spent or under way, and this image costs about $0.40"
    }
    assert (len(studio.calls), second.calls) == (3, [])


def test_a_fallback_without_a_pin_is_told_and_not_asked(project, studio, second):
    studio.answer = staticmethod(refusing("lamp"))
    second.gone = {""}
    built = project(FALLING, LAMP).build()
    (failure,) = built.failures
    assert (failure.cause, failure.hint) == (
        "'a lamp' is not painted; falling back: no such model",
        "see its page",
    )
    assert second.calls == []


def test_lost_bytes_are_asked_of_the_model_that_made_them(project, studio, second):
    studio.answer = staticmethod(refusing("lamp"))
    shop = project(FALLING, LAMP)
    shop.build()
    locks, outputs = shop.locks(), shop.outputs()
    studio.calls.clear()
    studio.answer = staticmethod(paint)
    for folder in (".imgbuild", "out"):
        shutil.rmtree(shop.root / folder)
    assert shop.build().finished.exit_code == Exit.DONE
    assert (studio.calls, len(second.calls)) == ([], 2)
    assert (shop.locks(), shop.outputs()) == (locks, outputs)


def test_a_fallback_that_is_declared_no_more_gives_its_target_back(project, studio, second):
    studio.answer = staticmethod(refusing("lamp"))
    shop = project(FALLING, LAMP)
    shop.build()
    shop.edit("specs/shop.yaml", (", fallback: [other]", ""))
    assert kinds(shop.build()) == {"a@m#0": ("failed", "'a lamp' is not painted")}
    studio.answer = staticmethod(paint)
    assert shop.build(retry=True).finished.exit_code == Exit.DONE
    assert shop.lines("shop")["a@m#0"].via == ""


RENAMED = {
    "the fallback's alias": [("[other]", "[new]"), ("other: {", "new: {")],
    "the asset": [("a: {prompt", "b: {prompt")],
    "the model's own alias": [("m: {", "n: {"), ("[m]", "[n]")],
}


@pytest.mark.parametrize("name", RENAMED)
def test_what_a_fallback_made_is_carried_over_a_rename(project, studio, second, name):
    studio.answer = staticmethod(refusing("lamp"))
    shop = project(FALLING, LAMP)
    shop.build()
    image = shop.lines("shop")["a@m#0"].image
    studio.calls.clear()
    shop.edit("specs/shop.yaml", *RENAMED[name])
    assert dict(shop.build().ran) == {}
    assert (studio.calls, len(second.calls)) == ([], 1)
    assert [line.image for line in shop.lines("shop").values()] == [image]


# --- attempts ---------------------------------------------------------------------------------------------------


FLAT = pillow.new("L", (16, 16), 90)


def bright(*seeds):
    """An answer in which only pictures of these seeds have any contrast."""
    return lambda requests: [
        Image(pixels=picture("", request.seed) if request.seed in seeds else FLAT) for request in requests
    ]


REROLLED = [
    "a: {prompt: a lamp, models: [m], seeds: [5], attempts: 4, validate: [{contrast: {min: 0.01, on_fail: reroll}}]}"
]


def test_attempts_are_made_with_derived_seeds_until_one_passes(project, studio):
    studio.answer = staticmethod(bright(attempt_seed(5, 2)))
    shop = project(ONE, REROLLED)
    assert shop.build().finished.exit_code == Exit.DONE
    assert studio.asked() == [("a lamp", attempt_seed(5, attempt)) for attempt in range(3)]
    line = shop.lines("shop")["a@m#0"]
    assert (line.seed, line.attempt) == (attempt_seed(5, 2), 2)
    assert [
        (event.state, event.attempt, event.why) for event in shop.events if hasattr(event, "attempt")
    ] == [
        ("running", 0, ""),
        ("retry", 1, "contrast 0.0 (at least 0.01)"),
        ("running", 1, ""),
        ("retry", 2, "contrast 0.0 (at least 0.01)"),
        ("running", 2, ""),
        ("done", 2, ""),
    ]


def test_what_is_adjusted_otherwise_is_in_another_batch(project, studio):
    studio.device = True
    studio.answer = staticmethod(
        lambda requests: [
            Image(pixels=picture("", 1) if request.params["guidance"] > 5 + request.seed % 3 else FLAT)
            for request in requests
        ]
    )
    rule = "validate: [{contrast: {min: 0.01, on_fail: reroll, adjust: {guidance: +1}}}], attempts: 8"
    shop = project(
        ["m: {provider: studio, source: batch=4, params: {guidance: 5}}"],
        [f"a: {{prompt: a lamp, models: [m], seeds: 16, {rule}}}"],
    )
    assert shop.build().finished.exit_code == Exit.DONE
    assert all(len({request.params["guidance"] for request in call}) == 1 for call in studio.calls)
    assert max(len(call) for call in studio.calls) == 4
    asked = {request.seed: request.params["guidance"] for call in studio.calls for request in call}
    lines = shop.lines("shop").values()
    assert all(asked[line.seed] == 5 + len(line.adjusted) for line in lines)
    assert {len(line.adjusted) for line in lines} > {1}


def test_spent_attempts_fail_and_are_remembered(project, studio):
    studio.answer = staticmethod(bright())
    shop = project(ONE, REROLLED)
    built = shop.build()
    assert built.finished.exit_code == Exit.RULE_FAILED
    assert kinds(built) == {"a@m#0": ("rule", "contrast 0.0 (at least 0.01)")}
    assert len(studio.calls) == 4
    assert shop.lines("shop") == {}
    assert shop.build().finished.exit_code == Exit.RULE_FAILED
    assert len(studio.calls) == 4


def test_a_locked_reroll_is_found_again_without_its_store(project, studio):
    studio.answer = staticmethod(bright(attempt_seed(5, 2)))
    shop = project(ONE, REROLLED)
    shop.build()
    locks = shop.locks()
    studio.calls.clear()
    for folder in (".imgbuild", "out"):
        shutil.rmtree(shop.root / folder)
    assert shop.build().finished.exit_code == Exit.DONE
    assert studio.asked() == [("a lamp", attempt_seed(5, 2))]
    assert shop.locks() == locks


def test_more_attempts_go_on_where_the_records_end(project, studio):
    studio.answer = staticmethod(bright(attempt_seed(5, 5)))
    shop = project(ONE, REROLLED)
    shop.build()
    studio.calls.clear()
    shop.edit("specs/shop.yaml", ("attempts: 4", "attempts: 9"))
    assert shop.build().finished.exit_code == Exit.DONE
    assert studio.asked() == [("a lamp", attempt_seed(5, attempt)) for attempt in (4, 5)]


# --- groups -----------------------------------------------------------------------------------------------------

COUNT, ATTEMPTS, KINDS = 6, 4, 5


def likeness(seed):
    """One of a few pictures, by the seed: some seeds look alike."""
    return picture("kind", seed % KINDS)


def test_the_few_pictures_are_unlike_each_other():
    hashes = [perceptual_hash(likeness(seed)) for seed in range(KINDS)]
    assert all(hamming(one, other) > 4 for one in hashes for other in hashes if one != other)
    assert len(set(hashes)) == KINDS


def settled(seeds):
    """Where a group of these seeds must come to rest: each round, the later of each pair goes on to its next seed."""
    now = {name: (seed, 0) for name, seed in seeds.items()}
    while True:
        kept, blamed = {}, []
        for name in sorted(now):
            seed, _ = now[name]
            if seed % KINDS in kept:
                blamed.append(name)
            else:
                kept[seed % KINDS] = name
        again = [name for name in blamed if now[name][1] + 1 < ATTEMPTS]
        if not again:
            return {name: now[name] for name in kept.values()}, set(blamed)
        for name in again:
            now[name] = (attempt_seed(seeds[name], now[name][1] + 1), now[name][1] + 1)


class Turns:
    """Answers the first calls in a given order, whatever order they came in; later ones as they come."""

    def __init__(self, order):
        self.order, self.done = list(order), 0
        self.moved = threading.Condition()

    def __call__(self, requests):
        (request,) = requests
        with self.moved:
            if request.seed in self.order:
                turn = self.order.index(request.seed)
                assert self.moved.wait_for(lambda: self.done >= turn, timeout=20)
                self.done = max(self.done, turn + 1)
                self.moved.notify_all()
        return [Image(pixels=likeness(request.seed))]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seeds=st.lists(st.integers(0, 30), min_size=COUNT, max_size=COUNT, unique=True),
    dice=st.randoms(use_true_random=False),
    jobs=st.integers(1, 3),
    split=st.integers(0, COUNT - 1),
)
def test_a_group_comes_to_rest_in_the_same_place_whatever_finishes_first(
    project, studio, seeds, dice, jobs, split
):
    """split: how many of its members are of another asset."""
    order = list(seeds)
    dice.shuffle(order)
    studio.calls.clear()
    studio.answer = staticmethod(Turns(order))
    across = "project" if split else "asset"
    rule = f"attempts: {ATTEMPTS}, validate: [{{unique: {{distance: 4, across: {across}, on_fail: reroll}}}}]"
    parts = {name: part for name, part in (("a", seeds[split:]), ("b", seeds[:split])) if part}
    shop = project(
        [f"m: {{provider: studio, source: calls={COUNT}}}"],
        [f"{name}: {{prompt: a lamp, models: [m], seeds: {part}, {rule}}}" for name, part in parts.items()],
        folder=f"project{time.monotonic_ns()}",
    )
    built = shop.build(jobs=jobs)
    passed, failed = settled(
        {f"{name}@m#{place}": seed for name, part in parts.items() for place, seed in enumerate(part)}
    )
    assert {name: (line.seed, line.attempt) for name, line in shop.lines("shop").items()} == passed
    assert set(kinds(built)) == failed
    assert all(kind == "rule" for kind, _ in kinds(built).values())
    locks = shop.locks()
    for lost in [(), (".imgbuild", "out")]:  # the next build remembers, or it does not
        for folder in lost:
            shutil.rmtree(shop.root / folder)
        again = shop.build(jobs=jobs)
        assert (shop.locks(), kinds(again)) == (locks, kinds(built))
    shutil.rmtree(shop.root)


def test_locked_members_stay_and_the_new_one_is_rerolled(project, studio):
    studio.answer = staticmethod(
        lambda requests: [Image(pixels=likeness(request.seed)) for request in requests]
    )
    rule = "attempts: 4, validate: [{unique: {distance: 4, on_fail: reroll}}]"
    shop = project(
        ONE, [f"a: {{prompt: '{{{{ n }}}}', matrix: {{n: [b, c]}}, models: [m], seeds: [5], {rule}}}"]
    )
    shop.edit("specs/shop.yaml", ("[b, c]", "[c]"))
    shop.build()
    before = shop.lines("shop")
    shop.edit("specs/shop.yaml", ("[c]", "[a, c]"))
    shop.build()
    lines = shop.lines("shop")
    assert lines["a[n=c]@m#0"] == before["a[n=c]@m#0"]
    assert (lines["a[n=a]@m#0"].attempt, lines["a[n=a]@m#0"].seed) == (1, attempt_seed(5, 1))


# --- stopping ---------------------------------------------------------------------------------------------------


def test_fail_fast_stops_at_the_first_failure_and_leaves_the_rest(project, studio):
    studio.answer = staticmethod(refusing("gun"))
    things = "[gun, " + ", ".join(f"lamp{number}" for number in range(40)) + "]"
    models = ["m: {provider: studio, source: calls=1}"]
    shop = project(models, [f"a: {{prompt: '{{{{ thing }}}}', matrix: {{thing: {things}}}, models: [m]}}"])
    built = shop.build(fail_fast=True)
    assert (built.finished.exit_code, built.finished.interrupted, built.lasting) == (
        Exit.TARGET_FAILED,
        False,
        False,
    )
    assert len(studio.calls) <= 4
    assert set(kinds(built)) == {"a[thing=gun]@m#0"}
    done = len(shop.lines("shop"))
    assert shop.build().finished.built == 40 - done


def test_several_failures_at_once_are_no_bug(project, studio):
    broken = {f"specs/{number}.png": b"no image" for number in range(8)}
    shop = project(ONE, ["a: {from: '{{ n }}.png', matrix: {n: [0, 1, 2, 3, 4, 5, 6, 7]}}"])
    shop.write(broken)
    for _ in range(5):
        built = shop.build(fail_fast=True, jobs=4)
        assert built.finished.exit_code == Exit.TARGET_FAILED
    everything = shop.build(jobs=4)
    assert everything.finished.failed == 8


def test_a_stop_lets_what_runs_end_and_leaves_the_rest(project, studio):
    stop = threading.Event()

    def answer(requests):
        stop.set()
        return paint(requests)

    studio.answer = staticmethod(answer)
    shop = project(["m: {provider: studio, source: calls=1}"], ["a: {prompt: lamp, models: [m], seeds: 30}"])
    built = shop.build(stop=stop)
    assert (built.finished.exit_code, built.finished.interrupted) == (Exit.INTERRUPTED, True)
    done = built.finished.built
    assert 1 <= done == len(studio.calls) <= 2
    assert len(shop.lines("shop")) == len(shop.outputs()) == done
    studio.answer = staticmethod(paint)
    assert shop.build().finished.built == 30 - done
    assert sorted(Counter(studio.asked()).values()) == [1] * 30


def test_a_stop_for_which_nothing_is_left_undone_leaves_no_output_of_what_is_gone(project, studio):
    stop = threading.Event()

    def answer(requests):
        stop.set()
        return paint(requests)

    shop = project(ONE, [*LAMP, "b: {prompt: desk, models: [m]}"])
    assert len(shop.build().outputs) == 2
    studio.answer = staticmethod(answer)
    shop.edit("specs/shop.yaml", ("  b: {prompt: desk, models: [m]}\n", ""), ("lamp", "chair"))
    built = shop.build(stop=stop, prune=True)
    assert (built.finished.exit_code, built.finished.removed, built.lasting) == (Exit.DONE, 1, True)
    assert len(shop.outputs()) == len(shop.lines("shop")) == 1


def test_a_stop_before_the_first_request_sends_none(project, studio):
    stop = threading.Event()
    stop.set()
    built = project(ONE, TWINS).build(stop=stop)
    assert (studio.calls, built.finished.exit_code) == ([], Exit.INTERRUPTED)


def test_a_stop_ends_the_waiting_for_a_busy_provider(project, studio):
    stop = threading.Event()

    def answer(requests):
        threading.Timer(0.05, stop.set).start()
        raise Transient("busy", retry_after=200)

    studio.answer = staticmethod(answer)
    began = time.monotonic()
    built = project(ONE, LAMP).build(stop=stop)
    assert time.monotonic() - began < 10
    assert (built.finished.exit_code, built.failures) == (Exit.INTERRUPTED, ())


def test_a_bug_in_the_loop_ends_the_run_and_leaves_no_thread(project, studio, monkeypatch):
    monkeypatch.setattr("imgbuild.run.conclusion.Conclusion.put_in_place", lambda *_: 1 / 0)
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        project(ONE, TWINS).build()
    assert threading.active_count() == before


# --- what is made from others -------------------------------------------------------------------------------------

CHAIN = [
    "base: {prompt: a lamp, models: [m], seeds: [5]}",
    "scene: {prompt: a scene, models: [m], inputs: {image: {asset: base}}}",
    "framed: {prompt: a frame, models: [m], inputs: {image: {asset: scene}}}",
]


def test_inputs_are_made_first(project, studio):
    project(ONE, CHAIN[::-1]).build()
    assert [prompt for prompt, _ in studio.asked()] == ["a lamp", "a scene", "a frame"]
    assert studio.calls[1][0].inputs["image"][0].tobytes() == picture("a lamp", 5).tobytes()


def test_equal_pixels_upstream_stop_there(project, studio):
    same = staticmethod(lambda requests: [Image(pixels=picture("", 0))] * len(requests))
    studio.answer = same
    shop = project(ONE, CHAIN)
    shop.build()
    studio.calls.clear()
    shop.edit("specs/shop.yaml", ("[5]", "[6]"))
    built = shop.build()
    assert studio.asked() == [("a lamp", 6)]
    assert (built.finished.built, built.finished.fresh) == (1, 2)


def test_what_needs_a_failed_or_unpinned_target_is_skipped(project, studio, second):
    studio.answer = staticmethod(refusing("lamp"))
    built = project(ONE, CHAIN).build()
    assert {name: kind for name, (kind, _) in kinds(built).items()} == {
        "base@m#0": "failed",
        "scene@m#0": "skipped",
        "framed@m#0": "skipped",
    }
    second.gone = {""}
    chain = [CHAIN[0].replace("[m]", "[other]"), *CHAIN[1:]]
    built = project([*ONE, "other: {provider: second}"], chain, folder="unpinned").build()
    assert kinds(built) == {
        "base@other#0": ("failed", "no such model"),
        "scene@m#0": ("skipped", "an input of it failed"),
        "framed@m#0": ("skipped", "an input of it failed"),
    }


def test_what_needs_a_row_at_fault_is_skipped(project, studio):
    shop = project(
        ONE,
        [*LAMP, "cut: {from: photo.png}", "use: {prompt: it, models: [m], inputs: {image: {asset: cut}}}"],
    )
    built = shop.build()
    assert kinds(built) == {
        "cut#0": ("failed", "input image 'photo.png' does not exist"),
        "use@m#0": ("skipped", "an input of it failed"),
    }
    assert built.finished.built == 1


def test_pins_are_the_providers(project, studio):
    shop = project(["m: {provider: studio, source: name=x, revision: main}"], LAMP)
    shop.build()
    assert studio.calls[0][0].pin == Pin(provider="studio", source="name=x", revision="main", declared="main")
