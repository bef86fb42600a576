"""Routes that take the cheapest of several models: by needs, by what is asked, by price, and as the lock has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgbuild.errors import SpecError
from imgbuild.expand import Expansion, expand, read_drafts
from imgbuild.expand.cheapest import Choice
from imgbuild.files import Files
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.settings import Profile, Settings
from imgbuild.spec import load
from imgbuild.types import Capabilities, Grade, Image, Model, Pin, Request, Target

Targets = Callable[..., list[Target]]


class Priced(Provider):
    """By its source, what an image costs: as given, or by its thousand pixels. Nobody knows it of `unknown`."""

    name = "priced"
    prices: ClassVar[dict[str, float]] = {"low": 0.01, "mid": 0.03, "high": 0.17}

    def capabilities(self, model: Model) -> Capabilities:
        small = model.source == "low"
        return Capabilities(
            takes=frozenset() if small else frozenset({"image", "negative"}),
            grade=Grade.STORED,
            params={"quality": {"enum": ["draft", "fine"]}},
            multiple_of=8,
            max_side=512 if small else 2048,
            default_size=(256, 256),
        )

    def price(self, request: Request) -> float | None:
        if request.pin.source == "pixels":
            return request.width * request.height / 1e6
        if request.pin.source == "broken":
            raise ValueError("no idea")
        fine = 10 if request.params.get("quality") == "fine" and request.pin.source == "low" else 1
        known = self.prices.get(request.pin.source)
        return None if known is None else known * fine

    def generate(self, requests: Sequence[Request]) -> Sequence[Image]:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def priced(monkeypatch: pytest.MonkeyPatch) -> type[Priced]:
    own = type("Priced", (Priced,), {"prices": dict(Priced.prices)})
    monkeypatch.setitem(PROVIDERS._loaded, "priced", own)
    return own


MODELS = {
    "sketch": "provider: placeholder, traits: {text: false}",
    "low": "provider: priced, source: low, traits: [people]",
    "mid": "provider: priced, source: mid, traits: [text, people], license: mit",
    "high": "provider: priced, source: high, traits: {text: true, photorealism: true}, license: cc-by-nc-4.0",
}


def spec(body: str, **models: str) -> str:
    declared = "".join(f"  {name}: {{{text}}}\n" for name, text in {**MODELS, **models}.items())
    return f"models:\n{declared}assets:\n  a:\n    prompt: a lamp\n    {body}\n"


def taken(targets: list[Target]) -> list[str]:
    return [target.recipe.model.alias for target in targets if target.recipe.model]


NEEDED = {
    "nothing": ("[low, mid, high]", "", "low"),
    "nothing, and one is free": ("[low, mid, sketch]", "", "sketch"),
    "text": ("[sketch, low, mid, high]", "text: true", "mid"),
    "no text": ("[low, mid]", "text: false", "low"),
    "photorealism": (
        "[sketch, low, mid, high]",
        "photorealism: true",
        "sketch",
    ),  # nothing is said of it there
    "photorealism, of models that are none": ("[low, mid, high]", "photorealism: true", "high"),
    "two traits": ("[low, mid, high]", "text: true, people: true", "mid"),
    "commercial use": ("[low, mid, high]", "license: commercial", "mid"),
    "one licence": ("[low, mid, high]", "license: CC-BY-NC-4.0", "high"),
    "one of two licences": ("[low, mid, high]", "license: [cc-by-nc-4.0, mit]", "mid"),
    "commercial use, or one licence": ("[low, high]", "license: [commercial, cc-by-nc-4.0]", "high"),
    "a price": ("[high, mid]", "max_price: 0.03", "mid"),
}


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_needed(targets: Targets, name: str) -> None:
    listed, needs, model = NEEDED[name]
    assert taken(targets(spec(f"route: {{cheapest: {listed}, needs: {{{needs}}}}}"))) == [model]


ASKED = {
    "a small size": ("size: 512x512", "low"),
    "a large size": ("size: 1024x512", "mid"),
    "a negative prompt": ("negative: dark", "mid"),
    "a picture": ("inputs: {image: i.png}", "mid"),
    "a parameter that makes one dearer": ("params: {quality: fine}", "mid"),
    "a parameter that does not": ("params: {quality: draft}", "low"),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_is_asked(targets: Targets, name: str) -> None:
    body, model = ASKED[name]
    text = spec(f"{body}\n    route: {{cheapest: [low, mid, high]}}")
    assert taken(targets(text, {"specs/i.png": b""})) == [model]


def test_what_a_model_drops_or_folds_keeps_it_in(targets: Targets) -> None:
    low = "provider: priced, source: low, unsupported: {negative: fold}"
    (made,) = targets(spec("negative: dark\n    route: {cheapest: [low, mid]}", low=low))
    assert (made.asks[0].alias, made.asks[0].prompt) == ("low", "a lamp. Avoid: dark")


def test_a_fallback_must_be_able_to_take_over(targets: Targets) -> None:
    first = "provider: priced, source: mid, price: 0.001, fallback: [low]"
    made = targets(spec("negative: dark\n    route: {cheapest: [first, mid]}", first=first))
    assert taken(made) == ["mid"]
    made = targets(spec("route: {cheapest: [first, mid]}", first=first))
    assert (taken(made), [bound.alias for bound in made[0].recipe.fallbacks]) == (["first"], ["low"])


def test_what_is_needed_is_needed_of_fallbacks_too(targets: Targets) -> None:
    models = {
        "first": "provider: priced, source: low, traits: [text], license: mit, fallback: [mid, high]",
        "second": "provider: priced, source: mid, price: 0.001, traits: [text], license: mit, fallback: [low]",
    }
    route = "route: {cheapest: [first, second, mid], needs: {text: true, %s}}"
    assert told(targets, spec(route.replace(", mid]", "]") % "license: mit", **models)).splitlines()[0] == (
        "specs/catalog.yaml:11:13: no model of the route can make this: "
        "'first': its fallback 'high': licence 'cc-by-nc-4.0'; "
        "'second': its fallback 'low': not known for text, no licence stated"
    )
    assert taken(targets(spec(route % "license: mit", **models))) == ["mid"]
    assert taken(targets(spec(route % "max_price: 0.1", **models))) == ["mid"]
    assert "'first': its fallback 'high': $0.17, more than $0.10; 'second'" in told(
        targets, spec(route.replace(", mid]", "]") % "max_price: 0.1", **models)
    )


def test_a_price_may_be_stated_as_the_list_has_it(targets: Targets) -> None:
    def cheapest(price: str, body: str = "") -> list[str]:
        own = f"provider: priced, source: high, price: {price}"
        text = spec(f"{body}\n    route: {{cheapest: [mid, own]}}", own=own)
        return taken(targets(text, {"specs/i.png": b""}))

    assert cheapest("{megapixel: 0.02}") == ["own"]
    assert cheapest("{megapixel: 0.02}", "size: 2048x1024") == ["mid"]
    assert cheapest("{image: 0.01, input_megapixel: 0.03}") == ["own"]
    assert cheapest("{image: 0.01, input_megapixel: 0.03}", "inputs: {image: i.png}") == ["mid"]
    assert cheapest("{tokens: {output: 30}}") == ["mid"]  # nobody knows it before


def test_at_equal_prices_the_first_one_is_taken(targets: Targets) -> None:
    models = {"one": "provider: priced, source: mid", "two": "provider: priced, source: mid"}
    for listed in ("one, two", "two, one"):
        made = targets(spec(f"route: {{cheapest: [{listed}]}}", **models))
        assert taken(made) == [listed.partition(",")[0]]


def test_what_a_model_states_goes_before_its_provider(targets: Targets) -> None:
    assert taken(
        targets(spec("route: {cheapest: [low, own]}", own="provider: placeholder, price: 0.02"))
    ) == ["low"]
    assert taken(targets(spec("route: {cheapest: [low, own]}", own="provider: priced, price: 0.002"))) == [
        "own"
    ]


def test_a_price_that_nobody_knows_comes_last_and_is_told(expanded: Callable[..., Expansion]) -> None:
    models = {"dark": "provider: priced, source: unknown", "odd": "provider: priced, source: broken"}
    made = expanded(spec("route: {cheapest: [dark, high, odd]}", **models))
    assert taken(made.targets) == ["high"]
    assert [notice.message for notice in made.warnings] == [
        f"what an image of model '{name}' costs is not known, so that the route takes it last"
        for name in ("dark", "odd")
    ]
    assert made.warnings[0].where is not None
    assert made.warnings[0].where.text == "    route: {cheapest: [dark, high, odd]}"
    made = expanded(spec("route: {cheapest: [dark, odd]}", **models))
    assert taken(made.targets) == ["dark"]
    made = expanded(spec("route: {cheapest: [dark, high], needs: {max_price: 1}}", **models))
    assert (taken(made.targets), made.warnings) == (["high"], [])


def test_each_cell_by_its_own_size_and_parameters(targets: Targets) -> None:
    body = (
        "matrix: {s: [256x256, 1024x256], q: [draft, fine]}\n    size: '{{ s }}'\n"
        "    params: {quality: '{{ q }}'}\n    route: {cheapest: [low, mid]}"
    )
    made = targets(spec(body))
    assert taken(made) == ["low", "mid", "mid", "mid"]
    assert [target.id for target in made][1:3] == [
        "catalog/a[s=256x256,q=fine]@mid#0",
        "catalog/a[s=1024x256,q=draft]@mid#0",
    ]
    assert {target.output for target in made} == {
        "a/256x256_draft_0.png", "a/256x256_fine_0.png", "a/1024x256_draft_0.png", "a/1024x256_fine_0.png"
    }  # fmt: skip


def test_a_price_by_the_size(targets: Targets) -> None:
    pixels = "provider: priced, source: pixels"
    body = "matrix: {w: [64, 128, 512]}\n    size: '{{ w }}x512'\n    route: {cheapest: [pixels, mid]}"
    assert taken(targets(spec(body, pixels=pixels))) == ["mid", "mid", "mid"]
    body = body.replace("512'", "128'")
    assert taken(targets(spec(body, pixels=pixels))) == ["pixels", "pixels", "mid"]


def test_a_choice_is_made_once_for_what_it_hangs_on(
    targets: Targets, priced: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def price(self: Provider, request: Request) -> float:
        asked.append((request.pin.source, request.width))
        return 0.01

    monkeypatch.setattr(priced, "price", price)
    body = (
        "matrix: {n: [1, 2, 3, 4], w: [64, 128]}\n    size: '{{ w }}x64'\n    route: {cheapest: [low, mid]}"
    )
    assert len(targets(spec(body))) == 8
    assert sorted(asked) == [("low", 64), ("low", 128), ("mid", 64), ("mid", 128)]


def test_lines_with_conditions_and_lists(targets: Targets) -> None:
    route = (
        "route: [{when: has_text, cheapest: [low, mid, high], needs: {text: true}}, {when: n > 1, model: high},"
        " {cheapest: [low, mid]}]"
    )
    body = f"matrix: {{n: [1, 2], has_text: [true, false]}}\n    {route}"
    made = targets(spec(body))
    assert taken(made) == ["mid", "low", "mid", "high"]
    assert made[0].output == "a/1_true_0.png"


def test_tags_in_conditions(targets: Targets) -> None:
    route = "route: [{when: \"'hero' in tags\", model: high}, {model: low}]"
    assert taken(targets(spec(f"tags: [web, hero]\n    {route}"))) == ["high"]
    assert taken(targets(spec(f"tags: [web]\n    {route}"))) == ["low"]
    assert taken(targets(spec(route))) == ["low"]
    both = route.replace("in tags", "in tags and n > 1")
    assert taken(targets(spec(f"tags: [hero]\n    matrix: {{n: [1, 2]}}\n    {both}"))) == ["low", "high"]
    own = f"tags: [hero]\n    matrix: {{tags: [x, hero]}}\n    {route}"  # a variable of that name goes before
    assert taken(targets(spec(own))) == ["low", "high"]


def told(targets: Targets, text: str, **given: Any) -> str:
    with pytest.raises(SpecError) as caught:
        targets(text, {"specs/i.png": b""}, **given)
    return str(caught.value)


def test_none_is_left(targets: Targets) -> None:
    body = (
        "negative: dark\n"
        "    route: {cheapest: [sketch, low, mid, high, dark], needs: {text: true, license: commercial, max_price: 0.02}}"
    )
    assert told(
        targets, spec(body, dark="provider: priced, source: unknown, traits: [text], license: commercial")
    ) == (
        "specs/catalog.yaml:11:13: no model of the route can make this: 'sketch': no text; 'low': not known for text, "
        "no licence stated; 'mid': $0.03, more than $0.02; 'high': licence 'cc-by-nc-4.0', which forbids commercial use; "
        "'dark': price not known\n"
        "   11 |     route: {cheapest: [sketch, low, mid, high, dark], needs: {text: true, license: commercial, "
        "max_price: 0.02}}\n"
        "      |             ^^^^^^^^\n"
        "hint: list another model, ask for less in 'needs', or declare a model's 'traits', 'license' or 'price'"
    )


def test_none_can_take_what_is_asked(targets: Targets) -> None:
    body = "inputs: {image: i.png}\n    size: 1000x500\n    route: [{cheapest: [low, mid], needs: {people: true}}]"
    assert told(targets, spec(body)).splitlines()[0] == (
        "specs/catalog.yaml:11:14: no model of the route can make this: 'low': takes no input 'image'; "
        "'mid': makes no images of 1000x500"
    )


LICENCES = {
    "a licence that is not known": ("license: house", "licence 'house', not known to allow commercial use"),
    "one that forbids it": ("license: flux-nc", "licence 'flux-nc', which forbids commercial use"),
    "none": ("size: 64x64", "no licence stated"),
}


@pytest.mark.parametrize("name", LICENCES)
def test_licences_that_are_not_enough(targets: Targets, name: str) -> None:
    declared, why = LICENCES[name]
    text = spec("route: {cheapest: [own], needs: {license: commercial}}", own=f"provider: priced, {declared}")
    assert f"no model of the route can make this: 'own': {why}\n" in told(targets, text)
    text = spec("route: {cheapest: [mid], needs: {license: [apache-2.0]}}")
    assert "no model of the route can make this: 'mid': licence 'mit'\n" in told(targets, text)


def test_a_licence_that_the_project_knows(targets: Targets) -> None:
    own = "provider: priced, source: low, license: house"
    text = spec("route: {cheapest: [own], needs: {license: commercial}}", own=own)
    assert taken(targets(text, policy={"licenses": ["House"]})) == ["own"]
    own = "provider: priced, source: low, license: commercial"
    assert taken(
        targets(spec("route: {cheapest: [own], needs: {license: commercial}}", own=own))
    ) == ["own"]  # fmt: skip


def test_a_licence_with_a_condition_is_pointed_out(expanded: Callable[..., Expansion]) -> None:
    own = "provider: priced, source: low, license: stabilityai-ai-community"
    made = expanded(spec("route: {cheapest: [own], needs: {license: commercial}}", own=own))
    assert [notice.message for notice in made.warnings] == [
        "model 'own' has the licence 'stabilityai-ai-community', which allows commercial use on a condition: "
        "free below a yearly revenue of a million US dollars; above it, a licence must be bought"
    ]


def test_a_row_that_no_model_can_make_fails_alone(targets: Targets) -> None:
    body = (
        "matrix: {s: [256x256, 100x100, big]}\n    size: '{{ s }}'\n    route: {cheapest: [sketch, low, mid], "
        "needs: {people: true, max_price: 0.02}}"
    )
    made = targets(spec(body, sketch="provider: placeholder, traits: {people: false}"))
    assert [target.fault for target in made] == [
        "",
        "no model of the route can make this: 'sketch': no people; 'low': makes no images of 100x100; "
        "'mid': makes no images of 100x100",
        "no model of the route can make this: 'sketch': no people; 'low': 'big' is not a size; "
        "'mid': 'big' is not a size",
    ]
    assert made[1].hint.startswith("list another model")
    assert taken(made) == ["low", "low", "low"]


WRONG = {
    "a model that is none": ("route: {cheapest: [mid, lo]}", "9:29: unknown model 'lo'"),
    "a model listed twice": ("route: {cheapest: [mid, low, mid]}", "9:34: model 'mid' is listed twice"),
    "no model": ("route: [{when: 'true'}]", "9:13: a line of a route names no model"),
    "a model and a list": (
        "route: [{model: low, cheapest: [mid]}]",
        "9:26: a line of a route has both a model and a list of them",
    ),
    "needs of one model": (
        "route: [{model: low, needs: {text: true}}]",
        "9:26: 'needs' has no meaning beside 'model'",
    ),
    "a trait that is none": ("route: {cheapest: [mid], needs: {txt: true}}", "9:38: unknown key 'txt'"),
    "an empty list": ("route: {cheapest: []}", "9:13: 'cheapest' must not be empty"),
    "a price below nothing": (
        "route: {cheapest: [low], needs: {max_price: -1}}",
        "9:49: 'max_price' must be at least 0",
    ),
    "a template that is none": (
        "params: {quality: '{{ x'}\n    route: {cheapest: [low, mid]}",
        "9:24: a '{{' is not closed",
    ),
    "an unknown variable": (
        "params: {quality: '{{ x }}'}\n    route: {cheapest: [low, mid]}",
        "9:27: unknown variable 'x'",
    ),
    "both models and a route": (
        "models: [low]\n    route: {cheapest: [low, mid]}",
        "10:5: asset 'a' has both models and a route",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_at_its_place(targets: Targets, name: str) -> None:
    body, head = WRONG[name]
    assert told(targets, spec(body)).splitlines()[0] == f"specs/catalog.yaml:{head}"


def test_what_is_wrong_with_a_models_own_declaration_is_told_there(targets: Targets) -> None:
    own = "provider: priced, source: mid, params: {quality: best}"
    said = told(targets, spec("route: {cheapest: [low, own]}", own=own)).splitlines()[0]
    assert said == "specs/catalog.yaml:6:58: parameter 'quality' of model 'own' can't be 'best'"
    said = told(targets, spec("route: {cheapest: [low, own]}", own="provider: nobody")).splitlines()[0]
    assert said == "specs/catalog.yaml:6:19: unknown provider 'nobody'"


TRAITS = {
    "traits: [txt]": "unknown trait 'txt'",
    "traits: {txt: true}": "unknown trait 'txt'",
    "traits: {text: yes}": "'text' must be true or false",
}


@pytest.mark.parametrize("traits", TRAITS)
def test_traits_that_are_none(targets: Targets, traits: str) -> None:
    said = told(targets, spec("models: [own]", own=f"provider: priced, {traits}")).splitlines()[0]
    assert said.endswith(TRAITS[traits])


# --- profiles ---------------------------------------------------------------------------------------------------


def test_a_profile_replaces_the_models_that_are_compared(targets: Targets) -> None:
    text = spec("route: {cheapest: [low, mid, high], needs: {text: true}}")
    assert taken(targets(text)) == ["mid"]
    swapped = Profile(models={"mid": "high", "high": "mid"})
    assert taken(targets(text, profile=swapped)) == ["high"]
    assert taken(targets(text, profile=Profile(models={"low": Model(provider="priced", source="low", traits=["text"])}))) == [
        "low"
    ]  # fmt: skip


def test_stand_ins_are_free_and_have_what_is_not_denied_of_them(targets: Targets) -> None:
    text = spec(
        "route: {cheapest: [sketch, low, mid, high], needs: {text: true, license: commercial, max_price: 0.01}}"
    )
    (made,) = targets(text, profile=Profile(models={"*": "placeholder"}))
    assert made.id == "catalog/a@low#0"
    assert made.recipe.model is not None
    assert (made.recipe.model.model.provider, made.recipe.model.model.price) == ("placeholder", None)


# --- what the lock has --------------------------------------------------------------------------------------------


def choose(
    root: Path, text: str, chosen: Mapping[str, Sequence[str]] = {}, profile: Profile | None = None
) -> tuple[list[str], dict[str, Choice]]:
    """The models that are taken, and all choices by their digests. chosen: what the pins hold, by alias."""
    (root / "specs").mkdir(exist_ok=True)
    (root / "specs/catalog.yaml").write_text(text)
    own = Settings(root=root, profile=profile)
    files = Files(root)

    def pins(home: str, alias: str, model: Model) -> Pin:
        return Pin(provider=model.provider, source=model.source, chosen=tuple(chosen.get(alias, ())))

    drafts = read_drafts(load(files, own), own, files, pins)
    made = taken(expand(drafts).targets)
    found = {digest: item for choices in drafts.context.chosen.values() for digest, item in choices.items()}
    return made, found


ROUTE = "route: {cheapest: [low, mid]}"


def test_what_the_lock_has_chosen_stays(tmp_path: Path, priced: Any) -> None:
    (model,), found = choose(tmp_path, spec(ROUTE))
    (digest,) = found
    assert (model, found[digest].cheaper) == ("low", None)
    priced.prices["low"] = 0.05
    assert choose(tmp_path, spec(ROUTE))[0] == ["mid"]
    (model,), again = choose(tmp_path, spec(ROUTE), {"low": [digest]})
    assert model == "low"
    cheaper = again[digest].cheaper
    assert cheaper is not None
    assert (cheaper.model, cheaper.price) == ("mid", 0.03)


EDITED = {
    "nothing": (ROUTE, {}, True),
    "a comment": (f"{ROUTE} # the cheapest", {}, True),
    "the prompt's place": (f"output: x.png\n    {ROUTE}", {}, True),
    "a line of a list": (f"route: [{ROUTE.removeprefix('route: ')}]", {}, True),
    "names": ("route: {cheapest: [a, b]}", {"a": MODELS["low"], "b": MODELS["mid"]}, True),
    "rights": (ROUTE, {"low": f"{MODELS['low']}, rights: ours"}, True),
    "seeds": (f"seeds: 3\n    {ROUTE}", {}, True),
    "the order": ("route: {cheapest: [mid, low]}", {}, False),
    "one more": ("route: {cheapest: [low, mid, high]}", {}, False),
    "a need": ("route: {cheapest: [low, mid], needs: {people: true}}", {}, False),
    "a price": (ROUTE, {"low": f"{MODELS['low']}, price: 0.05"}, False),
    "a parameter of a model": (ROUTE, {"mid": f"{MODELS['mid']}, params: {{quality: draft}}"}, False),
    "a trait": (ROUTE, {"mid": "provider: priced, source: mid, traits: [text], license: mit"}, False),
    "the size": (f"size: 64x64\n    {ROUTE}", {}, False),
    "a parameter": (f"params: {{quality: draft}}\n    {ROUTE}", {}, False),
}


@pytest.mark.parametrize("name", EDITED)
def test_an_edit_of_what_it_hangs_on_is_another_choice(tmp_path: Path, priced: Any, name: str) -> None:
    _, found = choose(tmp_path, spec(ROUTE))
    body, models, stays = EDITED[name]
    priced.prices["low"] = 0.05
    text = spec(body, **models)
    first = "a" if name == "names" else "low"
    made, _ = choose(tmp_path, text, {first: list(found)})
    assert (made[0] == first) is stays


def test_a_choice_that_can_not_stand_is_made_anew(tmp_path: Path, priced: Any, monkeypatch: Any) -> None:
    body = "size: 512x512\n    route: {cheapest: [low, mid], needs: {max_price: 0.04}}"
    _, found = choose(tmp_path, spec(body))
    priced.prices["low"] = 0.05  # more than it may cost
    assert choose(tmp_path, spec(body), {"low": list(found)})[0] == ["mid"]
    priced.prices["low"] = 0.035
    assert choose(tmp_path, spec(body), {"low": list(found)})[0] == ["low"]
    takes = priced.capabilities

    def less(self: Provider, model: Model) -> Capabilities:
        from msgspec.structs import replace

        known: Capabilities = takes(self, model)
        return replace(known, max_side=256) if model.source == "low" else known

    monkeypatch.setattr(priced, "capabilities", less)
    assert choose(tmp_path, spec(body), {"low": list(found)})[0] == ["mid"]


PRICES = st.fixed_dictionaries(
    dict.fromkeys(("low", "mid", "high"), st.sampled_from([0.0, 0.01, 0.03, 0.17]))
)


@given(before=PRICES, after=PRICES)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_prices_come_what_was_chosen_stays(
    tmp_path: Path, priced: Any, before: dict[str, float], after: dict[str, float]
) -> None:
    body = f"matrix: {{s: [256x256, 1024x256]}}\n    size: '{{{{ s }}}}'\n    {ROUTE.replace('mid', 'mid, high')}"
    priced.prices.update(before)
    made, found = choose(tmp_path, spec(body))
    least = min(("low", "mid", "high"), key=lambda name: before[name])
    assert made[0] == least
    held: dict[str, list[str]] = {}
    for digest, choice in found.items():
        held.setdefault(choice.taken.model, []).append(digest)
    priced.prices.update(after)
    again, same = choose(tmp_path, spec(body), held)
    assert (again, same.keys()) == (made, found.keys())
    would, _ = choose(tmp_path, spec(body))
    offers = {digest: choice.cheaper for digest, choice in same.items()}
    assert any(offers.values()) == any(
        after[now] < after[then] for now, then in zip(would, made, strict=True)
    )


def test_where_two_were_chosen_the_cheaper_stays(tmp_path: Path, priced: Any) -> None:
    route = "route: {cheapest: [low, mid, high]}"
    _, found = choose(tmp_path, spec(route))
    both = {"mid": list(found), "high": list(found)}
    assert choose(tmp_path, spec(route), both)[0] == ["mid"]
    priced.prices["mid"] = 0.5
    assert choose(tmp_path, spec(route), both)[0] == ["high"]


def test_each_distinct_cell_is_a_choice(tmp_path: Path) -> None:
    body = f"matrix: {{n: [1, 2], s: [256x256, 1024x256]}}\n    size: '{{{{ s }}}}'\n    {ROUTE}"
    made, found = choose(tmp_path, spec(body))
    assert made == ["low", "mid", "low", "mid"]
    assert sorted(choice.taken.model for choice in found.values()) == ["low", "mid"]
    assert all(len(digest) == 16 for digest in found)


def test_the_digest_of_a_choice(tmp_path: Path) -> None:
    """It stands in locks: another one would choose anew."""
    _, found = choose(tmp_path, spec("size: 64x64\n    route: {cheapest: [low, mid], needs: {people: true}}"))
    assert list(found) == ["qaG8Tr1V1OYRh4GU"]
