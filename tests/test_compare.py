"""Which of the targets that are there are work, and what they cost."""

import pytest

from imgbuild.compare import Costs, costs_of, mix_of, works_of
from imgbuild.costs import Estimates, Sum
from imgbuild.keys import Way
from imgbuild.plan import Action, Decision
from imgbuild.providers import PROVIDERS
from imgbuild.types import Input


@pytest.fixture
def dear(painter, monkeypatch):
    kind = {"name": "dear", "paid": True, "price": lambda self, request: request.width / 100}
    monkeypatch.setitem(PROVIDERS._loaded, "dear", type("Dear", (painter,), kind))


@pytest.fixture
def lamp(dear, target, model):
    chain = [model("paint", "dear"), model("free", "painter")]
    return lambda id="shop/lamps@paint#0", **own: target(id, models=chain, **own)


def decided(target, action=Action.RUN, **own):
    return Decision(target=target, action=action, **{"seed": 42, "attempt": 0, **own})


def works(*decisions):
    return works_of(decisions, Estimates({}), Estimates({}))


def test_a_target_that_a_model_makes_is_work_once(lamp, target):
    cut = target("shop/cut#0", inputs=(Input(role="image", file="photo.png"),))
    spoilt = lamp(fault="its image is missing")
    again = lamp(output="again.png")
    found = works(decided(lamp()), decided(cut), decided(spoilt, Action.FAULT), decided(again))
    assert [(work.now, work.anew) for work in found] == [(True, True), (False, False)]
    assert costs_of(found, Estimates({})) == Costs(Sum(2, 0.16), Sum(2, 0.16))


def test_what_is_at_rest_is_only_made_from_nothing(lamp):
    (work,) = works(decided(lamp(), Action.FRESH))
    assert (work.now, work.anew) == (False, True)
    assert costs_of([work], Estimates({})) == Costs(Sum(1, 0.0), Sum(1, 0.16))


def test_what_a_fallback_makes_now_is_made_by_its_own_model_from_nothing(lamp):
    found = works(decided(lamp(), way=Way(1)))
    assert costs_of(found, Estimates({})) == Costs(Sum(1, 0.0), Sum(1, 0.16))


def test_a_mix_by_asset_and_model(lamp, target, model):
    pens = [target(f"shop/pens@free#{at}", models=[model("free", "painter")]) for at in range(2)]
    found = works(*(decided(each) for each in (*pens, lamp(), lamp("shop/lamps@paint#1", width=32))))
    assert mix_of(found, Estimates({})) == {
        ("shop/lamps", "paint"): Sum(2, 0.48),
        ("shop/pens", "free"): Sum(2, 0.0),
    }
