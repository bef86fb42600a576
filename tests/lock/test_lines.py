"""One line of a lock: which fields it has, and what its sum guards."""

import pytest

from imgbuild.digest import digest_bytes
from imgbuild.lock.lines import (
    LineText,
    PinText,
    flaw_of,
    line_texts,
    lines_of,
    pin_texts,
    pins_of,
    seal_line,
)
from imgbuild.types import Grade, Line, Pin

A = digest_bytes(b"a")


def sealed(name: str, text: LineText) -> LineText:
    written = seal_line(name, text)
    return LineText(**{**fields(text), "sum": written[-10:-2].decode()})


def fields(text: LineText) -> dict[str, object]:
    return {name: getattr(text, name) for name in text.__struct_fields__}


def test_a_line_is_written_with_every_field_of_the_noun_in_its_order() -> None:
    assert LineText.__struct_fields__ == (*Line.__struct_fields__, "sum")
    assert PinText.__struct_fields__ == (*Pin.__struct_fields__, "sum")


def test_a_pin_and_a_line_go_to_text_and_back() -> None:
    lines = {"a@m#0": Line(intent=A, seed=1, attempt=2, image=A, grade=Grade.STORED, via="hero")}
    pins = {"m": Pin(provider="diffusers", source="x/y", revision="r", weights="w", declared="d", adapter=3)}
    assert lines_of(line_texts(lines)) == lines
    assert pins_of(pin_texts(pins)) == pins


def test_a_sealed_line_has_no_flaw_under_its_own_name_only() -> None:
    text = sealed("a@m#0", LineText(intent=A, seed=1, attempt=0, grade=Grade.BITWISE))
    assert flaw_of("a@m#0", text) == ""
    assert flaw_of("b@m#0", text) == "its sum does not fit its text"


def test_a_line_without_sum_is_flawed() -> None:
    text = LineText(seed=1, attempt=0, grade=Grade.BITWISE)
    assert flaw_of("a@m#0", text) == "its sum does not fit its text"


@pytest.mark.parametrize(
    "wrong",
    [
        {"image": "../../../../etc/passwd"},
        {"raw": A[:42]},
        {"pixels": A[:42] + "B"},
        {"intent": A[:42] + "\n"},
        {"inputs": A[:20] + "+" + A[21:]},
        {"phash": "00FF00FF00FF00FF"},
        {"phash": "\n"},
    ],
)
def test_a_malformed_digest_is_a_flaw_even_with_a_fitting_sum(wrong: dict[str, str]) -> None:
    text = sealed("a@m#0", LineText(seed=1, attempt=0, grade=Grade.BITWISE, **wrong))
    assert flaw_of("a@m#0", text) == "one of its digests is malformed"


def test_a_line_needs_a_name() -> None:
    text = sealed("", LineText(seed=1, attempt=0, grade=Grade.BITWISE))
    assert flaw_of("", text) == "it has no name"
