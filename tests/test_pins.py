"""Pins: kept while their declaration is, taken over by a renamed model, resolved where there is none."""

import pytest
from msgspec.structs import replace

from imgbuild.errors import TargetError
from imgbuild.pins import Pins, is_of, outdated, used_models
from imgbuild.providers import PROVIDERS
from imgbuild.types import Pin

PIN = Pin(provider="painter", source="acme/xl", revision="4621659", declared="main")


@pytest.fixture
def declared(model):
    """The model that PIN was resolved from, under an alias."""
    return lambda alias="paint", **own: model(
        alias, **{"provider": "painter", "source": "acme/xl", "revision": "main", **own}
    )


@pytest.fixture
def pins(target):
    """A function: the chain of one target's models, and what is locked → the pins."""
    return lambda chain, locked=(): Pins([target(models=chain)], dict(locked))


class Adapter:
    """A provider that pins, and counts how often it was asked."""

    def __init__(self, pin=PIN, network=False):
        self.result, self.network, self.asked = pin, network, []

    def pin(self, model):
        self.asked.append(model)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def resolved(pins, adapter, *, offline=False):
    pins.resolve({"painter": adapter}.__getitem__, offline=offline)
    return pins


def test_a_pin_is_kept_while_its_declaration_is(pins, declared):
    found = pins([declared()], {("shop", "paint"): PIN})
    assert (found.known, found.missing) == ({("shop", "paint"): PIN}, [])
    adapter = Adapter()
    assert resolved(found, adapter).known == {("shop", "paint"): PIN}
    assert adapter.asked == []


MOVED = {
    "another provider": {"provider": "placeholder"},
    "another source": {"source": "acme/other"},
    "another revision": {"revision": "v2"},
}


@pytest.mark.parametrize("name", MOVED)
def test_another_declaration_is_pinned_anew(pins, declared, name):
    found = pins([declared(**MOVED[name])], {("shop", "paint"): PIN})
    assert (found.known, found.missing) == ({}, [("shop", "paint")])


def test_parameters_licence_and_fallbacks_move_no_pin(pins, declared):
    same = declared(params={"steps": 50}, license="mit", fallback=["other"], size="64x64")
    assert pins([same], {("shop", "paint"): PIN}).missing == []


def test_a_pin_that_was_upgraded_is_kept(pins, declared):
    upgraded = Pin(
        provider="painter", source="acme/xl", revision="9", declared="main", adapter=5, weights="w"
    )
    assert pins([declared()], {("shop", "paint"): upgraded}).known == {("shop", "paint"): upgraded}


def test_a_renamed_model_takes_over_its_pin(pins, declared):
    assert pins([declared("renamed")], {("shop", "paint"): PIN}).known == {("shop", "renamed"): PIN}
    assert pins([declared(home="shared")], {("shop", "paint"): PIN}).known == {("shared", "paint"): PIN}


def test_of_several_pins_that_fit_a_renamed_model_takes_the_first_by_name(pins, declared):
    other = Pin(provider="painter", source="acme/xl", revision="later", declared="main")
    for locked in ([("b", other), ("a", PIN)], [("a", PIN), ("b", other)]):
        found = pins([declared("renamed")], {("shop", alias): pin for alias, pin in locked})
        assert found.known == {("shop", "renamed"): PIN}


def test_an_alias_that_now_means_another_model_does_not_take_a_foreign_pin(pins, declared):
    other = Pin(provider="painter", source="acme/other", declared="main")
    found = pins([declared(source="acme/other")], {("shop", "paint"): PIN, ("shop", "old"): other})
    assert found.missing == [("shop", "paint")]


def test_what_is_missing_is_resolved_once(pins, declared):
    adapter = Adapter()
    found = resolved(pins([declared()]), adapter)
    assert (found.known, found.missing, found.failed) == ({("shop", "paint"): PIN}, [], {})
    resolved(found, adapter)
    assert len(adapter.asked) == 1


def test_fallbacks_are_pinned_up_front(pins, declared):
    found = resolved(pins([declared(), declared("other", source="acme/small")]), Adapter())
    assert list(found.known) == [("shop", "paint"), ("shop", "other")]


def test_models_that_are_not_used_are_not_pinned(target, declared):
    cut = target("shop/cut#0")
    assert used_models([cut]) == {}
    lamp = target(models=[declared()])
    assert list(used_models([cut, lamp, lamp])) == [("shop", "paint")]


def test_a_model_of_the_same_name_in_another_spec_is_another(target, declared):
    one, other = target(models=[declared()]), target("brand/logo@paint#0", models=[declared(home="brand")])
    assert list(used_models([one, other])) == [("shop", "paint"), ("brand", "paint")]


def test_a_model_that_is_gone_fails_its_targets_and_not_the_build(target, pins, declared):
    found = resolved(pins([declared()]), Adapter(TargetError("no such model", hint="see its page")))
    assert found.missing == [("shop", "paint")]
    assert found.why_missing(target(models=[declared()])) == ("no such model", "see its page")


def test_the_network_is_not_used_offline(target, pins, declared):
    adapter = Adapter(network=True)
    found = resolved(pins([declared()]), adapter, offline=True)
    assert adapter.asked == []
    assert found.why_missing(target(models=[declared()])) == (
        "pinning 'paint' needs the network",
        "build without --offline",
    )
    assert resolved(pins([declared()]), Adapter(), offline=True).missing == []


def test_a_provider_that_breaks_is_named(target, pins, declared):
    found = resolved(pins([declared()]), Adapter(ZeroDivisionError("oops")))
    why, hint = found.why_missing(target(models=[declared()]))
    assert why == "provider 'painter' broke: ZeroDivisionError: oops"
    assert hint.startswith("this is a bug of it, or of what it uses, at ")


def test_what_nobody_tried_to_pin(target, pins, declared):
    assert pins([declared()]).why_missing(target(models=[declared()])) == (
        "its model is not pinned yet",
        "`imgbuild build` pins it",
    )


class Scales(Adapter):
    """A provider whose models are files: `weights` is what they weigh now, None where they are gone."""

    weight = "w"

    def repin(self, model, pin):
        self.asked.append(pin)
        return self.result

    def weights(self, model, pin):
        if isinstance(self.weight, Exception):
            raise self.weight
        return self.weight


@pytest.mark.parametrize("weight", ["w", None, TargetError("no such folder")])
def test_a_pin_holds_while_its_files_are_as_they_were_or_gone(pins, declared, weight):
    pin, scales = replace(PIN, weights="w"), Scales()
    scales.weight = weight
    found = pins([declared()], {("shop", "paint"): pin})
    found.weigh({"painter": scales}.__getitem__)
    assert (found.known, found.moved) == ({("shop", "paint"): pin}, [])


def test_a_pin_follows_its_files_and_is_resolved_anew(pins, declared):
    locked = replace(PIN, weights="w", takes={"size": 8})
    now, scales = replace(locked, weights="v"), Scales(replace(PIN, weights="v", takes={"size": 16}))
    scales.weight = "v"
    found = pins([declared()], {("shop", "paint"): locked})
    found.weigh({"painter": scales}.__getitem__)
    assert (found.known, found.moved, found.missing) == ({("shop", "paint"): now}, [("shop", "paint")], [])
    assert found.resolve({"painter": scales}.__getitem__, offline=False) == [("shop", "paint")]
    assert (found.known, found.moved) == ({("shop", "paint"): scales.result}, [])
    assert scales.asked == [now]


def test_whose_pin_it_is(declared):
    assert is_of(PIN, declared().model)
    assert not is_of(PIN, declared(revision="v2").model)


def test_an_adapter_that_has_moved_on(monkeypatch, painter):
    monkeypatch.setattr(painter, "version", 3)
    pins = {
        ("shop", alias): Pin(provider="painter", adapter=adapter)
        for alias, adapter in (("old", 2), ("new", 3))
    }
    assert outdated(pins) == [("shop", "old")]
    assert PROVIDERS.get("painter").version == 3
