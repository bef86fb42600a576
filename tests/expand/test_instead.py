"""The targets of an asset as another model would be asked for them."""

import pytest

from imgbuild.errors import SpecError
from imgbuild.expand.instead import asked_instead, bind_instead
from imgbuild.types import Model

SPEC = """\
    models:
      paint: {provider: painter, size: 48x32, params: {steps: 4}, fallback: [placeholder]}
      house: {provider: openai, source: gpt-image-2, size: 64x64}
    assets:
      shots:
        prompt: "a {{ thing }}"
        matrix: {thing: [lamp, pen], strong: [3, 5]}
        models: [paint]
        params: {guidance: "{{ strong }}"}
        seeds: 2
      edits:
        prompt: edit it
        models: [paint]
        inputs: {image: {asset: shots, index: 0}, strength: 0.5}
        matrix: {thing: [lamp], strong: [3]}
        size: 32x32
      plain: {prompt: a plain one, negative: blurry, models: [paint]}
    """


@pytest.fixture
def asked(bench, painter):
    """A function: an asset's targets on a model, and the declared ones."""
    project = bench({"specs/shop.yaml": SPEC}).load()

    def ask(asset, home="", name="other", **model):
        now = [target for target in project.expansion.targets if target.recipe.asset == asset]
        bound = bind_instead(project.drafts, home, name, Model(**model))
        return asked_instead(project.drafts, ("shop", asset), bound, now), now

    return ask


def test_each_is_asked_as_if_the_spec_named_that_model(asked):
    made, now = asked("shots", provider="placeholder")
    assert [target.cell for target in made] == [target.cell for target in now]
    assert {target.recipe.model.model.provider for target in made} == {"placeholder"}
    assert [target.asks[0].prompt for target in made] == [target.asks[0].prompt for target in now]
    assert {len(target.asks) for target in made} == {1}  # its fallbacks are not those of the declared model


def test_what_the_asset_asks_counts_and_what_its_model_asks_does_not(asked):
    made, _ = asked("shots", provider="painter", params={"quality": "high"})
    assert made[0].asks[0].params == {"quality": "high", "guidance": 3}


def test_a_size_of_the_asset_then_of_the_model_then_that_which_it_has_now(asked):
    def sizes(asset, **model):
        return {(target.asks[0].width, target.asks[0].height) for target in asked(asset, **model)[0]}

    assert sizes("shots", provider="painter") == {(48, 32)}
    assert sizes("shots", provider="painter", size="64x64") == {(64, 64)}
    assert sizes("edits", provider="painter", size="64x64") == {(32, 32)}
    assert sizes("plain", provider="stability", source="ultra") == {(1024, 1024)}  # it makes none of 48x32


def test_pictures_that_go_in_stay_those_that_they_are(asked):
    made, now = asked("edits", provider="painter")
    assert made[0].inputs == now[0].inputs
    assert made[0].inputs[0].target == "shop/shots[thing=lamp,strong=3]@paint#0"


def test_what_it_takes_of_none(asked):
    with pytest.raises(SpecError) as caught:
        asked("plain", provider="openai", source="gpt-image-2", name="house", home="shop")
    assert caught.value.message == "model 'house' takes no negative prompt"
    with pytest.raises(SpecError) as caught:
        asked("shots", provider="openai", source="gpt-image-2")
    assert caught.value.message == "model 'other' takes no parameter 'guidance'"


def test_what_it_does_not_take_may_be_dropped_by_its_declaration(asked):
    made, _ = asked("plain", provider="openai", source="gpt-image-2", unsupported="drop")
    assert (made[0].asks[0].negative, made[0].fault) == ("", "")


def test_what_it_takes_not_of_some_is_their_fault(bench, painter):
    spec = """\
        models: {paint: {provider: painter}}
        assets:
          cards: {prompt: a card, models: [paint], matrix: {size: [16x16, 24x24]}, size: "{{ size }}"}
        """
    project = bench({"specs/shop.yaml": spec}).load()
    bound = bind_instead(project.drafts, "", "gpt", Model(provider="openai", source="gpt-image-2"))
    made = asked_instead(project.drafts, ("shop", "cards"), bound, project.expansion.targets)
    assert [target.fault for target in made] == ["", "model 'gpt' makes no images of 24x24"]


def test_what_the_policy_does_not_allow(bench, painter):
    project = bench(
        {"specs/shop.yaml": SPEC, "imgbuild.yaml": "policy: {providers: [painter, openai]}\n"}
    ).load()
    with pytest.raises(SpecError) as caught:
        bind_instead(project.drafts, "", "bfl/flux-2-pro", Model(provider="bfl", source="flux-2-pro"))
    assert (
        caught.value.message
        == "model 'bfl/flux-2-pro' is of provider 'bfl', which the project does not allow"
    )
    assert project.drafts.context.refusals == {}


def test_whatever_a_route_comes_to(bench, painter):
    spec = """\
        models:
          one: {provider: painter}
          two: {provider: painter, source: two}
          best: {provider: openai, source: gpt-image-2}
        assets:
          shots:
            prompt: a {{ thing }}
            matrix: {thing: [lamp, pen, cup]}
            size: 64x64
            route:
              - {when: "thing == 'lamp'", model: two}
              - {when: "thing == 'pen'", model: one}
              - {cheapest: [best, two]}
        """
    project = bench({"specs/shop.yaml": spec}).load()
    now = project.expansion.targets
    assert [target.recipe.model.alias for target in now] == ["two", "one", "two"]
    bound = bind_instead(project.drafts, "", "gpt", Model(provider="openai", source="gpt-image-2"))
    made = asked_instead(project.drafts, ("shop", "shots"), bound, now)
    assert [(target.cell, target.recipe.model) for target in made] == [(target.cell, bound) for target in now]
