"""The list of prices, and what it says of sizes, tokens and dated names."""

from datetime import date

import pytest

from imgbuild.providers import PROVIDERS
from imgbuild.providers.prices import Price, is_snapshot, price_list, price_of


def test_the_list_says_when_and_where_it_was_read():
    listed = price_list()
    assert date.fromisoformat(listed.read) <= date.today()
    for provider, models in listed.models.items():
        assert PROVIDERS.get(provider).paid
        for name, price in models.items():
            assert price.source.startswith("https://"), name
            assert price.tokens or price.images, name
            assert all(cost > 0 for cost in price.tokens.values())


def test_a_size_that_is_not_listed_costs_its_share_of_the_square():
    price = Price(source="", images={"low": {"1024x1024": 0.01, "1536x1024": 0.012}})
    assert price.of_image("low", 1536, 1024) == 0.012
    assert price.of_image("low", 512, 1024) == pytest.approx(0.005)
    assert price.of_image("high", 512, 1024) is None


def test_tokens_cost_by_their_kind():
    price = Price(source="", tokens={"text": 5, "output": 30})
    assert price.of_tokens({"text": 1000, "output": 2000}) == pytest.approx(0.065)
    assert price.of_tokens({"text": 1000, "image": 0}) == pytest.approx(0.005)
    assert price.of_tokens({"text": 1000, "image": 1}) is None
    assert price.of_tokens({}) is None


@pytest.mark.parametrize(
    ("model", "name", "is_one"),
    [
        ("gpt-image-2", "gpt-image-2", True),
        ("gpt-image-2-2026-04-21", "gpt-image-2", True),
        ("gpt-image-2-mini", "gpt-image-2", False),
        ("gpt-image-20", "gpt-image-2", False),
        ("gpt-image-2.5", "gpt-image-2", False),
    ],
)
def test_dated_names_are_those_of_their_model(model, name, is_one):
    assert is_snapshot(model, name) is is_one


def test_models_that_are_not_listed_have_no_price():
    assert price_of("openai", "gpt-image-99") is None
    assert price_of("nobody", "gpt-image-2") is None
