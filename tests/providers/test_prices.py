"""The list of prices, and what it says of dated names."""

from datetime import date

from imgbuild.providers import PROVIDERS
from imgbuild.providers.prices import price_list, price_of


def test_the_list_says_when_and_where_it_was_read():
    listed = price_list()
    assert date.fromisoformat(listed.read) <= date.today()
    for provider, models in listed.models.items():
        assert PROVIDERS.get(provider).paid
        for name, price in models.items():
            assert price.source.startswith("https://"), name
            known = price.of_image("any", 1024, 1024) or price.tokens or price.images
            assert known, name
            assert all(cost > 0 for cost in price.tokens.values())


def test_models_that_are_not_listed_have_no_price():
    assert price_of("openai", "gpt-image-99") is None
    assert price_of("nobody", "gpt-image-2") is None
