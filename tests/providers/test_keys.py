"""Keys, and what is no key."""

import os

import pytest

from imgbuild.errors import Unavailable
from imgbuild.providers.keys import key_of


def test_the_first_variable_that_is_set_holds_the_key(monkeypatch):
    monkeypatch.setenv("HOUSE_API_KEY", "  ")
    monkeypatch.setenv("OTHER_API_KEY", " key-1\n")
    assert key_of(["HOUSE_API_KEY", "OTHER_API_KEY"], "house", os.environ) == "key-1"
    monkeypatch.delenv("OTHER_API_KEY")
    with pytest.raises(Unavailable) as raised:
        key_of(["HOUSE_API_KEY", "OTHER_API_KEY"], "house", os.environ)
    assert raised.value.message == "'house' needs a key, and HOUSE_API_KEY or OTHER_API_KEY is not set"


@pytest.mark.parametrize("text", ["first\nsecond", "bell\x07", "shortened…"])
def test_what_no_header_could_hold_is_no_key_and_is_not_shown(monkeypatch, text):
    monkeypatch.setenv("HOUSE_API_KEY", text)
    with pytest.raises(Unavailable) as raised:
        key_of(["HOUSE_API_KEY"], "house", os.environ)
    assert (raised.value.message, raised.value.hint) == (
        "what HOUSE_API_KEY holds is no key",
        "was it copied whole?",
    )
