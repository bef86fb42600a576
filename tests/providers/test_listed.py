"""Which entry of a list a model's name stands for."""

import pytest

from imgbuild.providers.listed import find_listed, is_snapshot


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


def test_the_nearest_name_is_found():
    listed = {"gpt-image-2": "any", "gpt-image-2-2026-04-21": "that"}
    assert find_listed(listed, "gpt-image-2-2026-04-21") == "that"
    assert find_listed(listed, "gpt-image-2-2026-09-08") == "any"
    assert find_listed(listed, "gpt-image-3") is None
