"""Models that end soon, or have ended: what is said, and from when on."""

from datetime import date, timedelta

import pytest

from imgbuild.expand.ending import endings
from imgbuild.types import Pin

END = date(2026, 12, 1)
MINI = "model 'hero' (gpt-image-1-mini) "
INSTEAD = "; OpenAI names gpt-image-2.6-sunburst or gpt-image-2.6-flare in its place"


@pytest.fixture
def said(model):
    """A function: what is said on a day of a model that is declared so."""

    def run(today, provider="openai", source="gpt-image-1-mini", pins=None, **declared):
        bound = model("hero", provider, source=source, **declared)
        return [item.notice.message for item in endings([bound], pins or {}, today)]

    return run


@pytest.mark.parametrize(
    ("left", "when"),
    [
        (120, "ends on 2026-12-01, in 120 days"),
        (4, "ends on 2026-12-01, in 4 days"),
        (1, "ends on 2026-12-01, in 1 day"),
        (0, "ends on 2026-12-01, today"),
        (-1, "ended on 2026-12-01"),
        (-400, "ended on 2026-12-01"),
    ],
)
def test_it_is_told_ahead_and_ever_after(said, left, when):
    assert said(END - timedelta(days=left)) == [f"{MINI}{when}{INSTEAD}"]


def test_it_is_not_told_too_early(said):
    assert said(END - timedelta(days=121)) == []


def test_a_day_that_may_be_later(said):
    instead = "; Google names gemini-3.1-flash-image in its place"
    name = "model 'hero' (gemini-2.5-flash-image) "
    assert said(date(2026, 9, 30), "google", "gemini-2.5-flash-image") == [
        f"{name}ends on 2026-10-02 at the earliest, in 2 days{instead}"
    ]
    assert said(date(2026, 11, 27), "google", "gemini-2.5-flash-image") == [
        f"{name}was to end on 2026-10-02 at the earliest{instead}"
    ]


def test_the_snapshot_that_is_pinned_or_declared_counts(said):
    when = f"ends on 2026-12-01, today{INSTEAD}"
    assert said(END, source="gpt-image-1.5", revision="gpt-image-1.5-2025-12-16") == [
        f"model 'hero' (gpt-image-1.5-2025-12-16) {when}"
    ]
    pin = Pin(provider="openai", source="house", revision="gpt-image-1.5-2025-12-16")
    assert said(END, source="house", pins={("shop", "hero"): pin}) == [f"model 'hero' (house) {when}"]
    assert said(END, source="house", pins={("other", "hero"): pin}) == []


def test_it_stands_at_the_model_and_says_whether_it_is_past(model):
    bound = model("hero", "openai", source="gpt-image-1-mini")
    (today,) = endings([bound], {}, END)
    (tomorrow,) = endings([bound], {}, END + timedelta(days=1))
    assert today.notice.where == tomorrow.notice.where == bound.where
    assert today.name == ("shop", "hero")
    assert (today.is_past, tomorrow.is_past) == (False, True)
