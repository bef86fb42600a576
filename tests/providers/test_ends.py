"""The list of models that end: when and where it was read, and which declared models it is about."""

from datetime import date

import pytest

from imgbuild.providers import PROVIDERS
from imgbuild.providers.ends import End, EndList, end_list, end_named, end_of, instead_of, vendor_of
from imgbuild.types import Model, Pin


def test_the_list_says_when_and_where_it_was_read():
    listed = end_list()
    assert listed.read <= date.today()
    for provider, models in listed.models.items():
        assert PROVIDERS.get(provider).paid
        assert vendor_of(provider)
        for name, end in models.items():
            assert end.source.startswith("https://"), name


def test_whatever_is_named_instead_is_not_known_to_end():
    ends = [end for models in end_list().models.values() for end in models.values()]
    named = [name for end in ends for name in instead_of(end)]
    assert named
    assert [name for name in named if end_named(name)] == []
    assert all(instead_of(end) for end in ends)


def day(provider, source, revision="", **params):
    end = end_of(Model(provider=provider, source=source, revision=revision, params=params))
    return end.day.isoformat() if end else None


@pytest.mark.parametrize(
    ("source", "revision", "known"),
    [
        ("gpt-image-1", "", "2026-10-23"),
        ("gpt-image-1-mini", "", "2026-12-01"),
        ("gpt-image-1.5", "", "2026-12-01"),
        ("gpt-image-1.5-2025-12-16", "", "2026-12-01"),
        ("gpt-image-1.5", "gpt-image-1.5-2025-12-16", "2026-12-01"),
        ("gpt-image-2", "gpt-image-1-mini", "2026-12-01"),
        ("gpt-image-2", "", None),
        ("gpt-image-10", "", None),
        ("", "", None),
    ],
)
def test_models_and_their_snapshots(source, revision, known):
    assert day("openai", source, revision) == known


def test_another_server_and_another_vendor_have_models_of_their_own():
    assert day("openai", "gpt-image-1", base_url="https://images.example.com/v1") is None
    assert day("placeholder", "gpt-image-1") is None


def test_a_snapshot_may_end_before_its_name_does(monkeypatch):
    end = End(day=date(2027, 1, 1), source="https://example.com")
    listed = EndList(read=date(2026, 1, 1), vendors={}, models={"openai": {"draw-2-2026-04-21": end}})
    monkeypatch.setattr("imgbuild.providers.ends.end_list", lambda: listed)
    model = Model(provider="openai", source="draw-2")
    assert end_of(model) is None
    assert end_of(model, Pin(provider="openai", source="draw-2", revision="draw-2-2026-04-21")) == end


def test_models_that_name_each_other_lead_nowhere(monkeypatch):
    ends = {
        name: End(day=date(2027, 1, 1), source="https://example.com", instead=others)
        for name, others in {"a": ["b"], "b": ["a", "c"], "c": ["d", "d"]}.items()
    }
    listed = EndList(read=date(2026, 1, 1), vendors={}, models={"house": ends})
    monkeypatch.setattr("imgbuild.providers.ends.end_list", lambda: listed)
    assert [instead_of(ends[name]) for name in "abc"] == [["d"], ["d"], ["d"]]
