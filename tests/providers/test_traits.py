"""The list of traits has a date and sources, and what a model declares goes before it."""

import pytest

from imgbuild.providers.prices import price_list
from imgbuild.providers.traits import trait_list, traits_of
from imgbuild.types import Model


def test_the_list_is_dated_and_has_a_source_for_everything():
    listed = trait_list()
    assert len(listed.read) == 10
    known = [item for models in listed.models.values() for item in models.values()]
    assert known
    assert all(item.source and item.traits for item in known)
    assert list(listed.models) == sorted(listed.models)
    assert set(price_list().models) & set(listed.models)


def of(**declared):
    return traits_of(Model(**declared))


FLUX = {"provider": "bfl", "source": "flux-2-flex"}


@pytest.mark.parametrize(
    ("declared", "known"),
    [
        (FLUX, {"photorealism": True, "text": True}),
        ({**FLUX, "traits": ["people"]}, {"photorealism": True, "text": True, "people": True}),
        ({**FLUX, "traits": {"text": False}}, {"photorealism": True, "text": False}),
        ({**FLUX, "params": {"base_url": "https://example.com"}}, {}),
        ({"provider": "openai", "source": "gpt-image-2-2026-04-21"}, {"photorealism": True, "text": True}),
        ({"provider": "openai", "source": "gpt-image-22"}, {}),
        ({"provider": "placeholder", "traits": ["text"]}, {"text": True}),
    ],
)
def test_what_is_known_of_a_model(declared, known):
    assert of(**declared) == known
