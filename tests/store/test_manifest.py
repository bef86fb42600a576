"""A manifest file's lines are right or absent, whatever happens to its bytes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.store import manifest

FIELDS = [{"key": "a", "prompt": "a rot “Vase”", "seed": 7}, {"key": "b", "seed": None, "n": [1.5, {}]}]


def text_of(*fields: object) -> bytes:
    text = b""
    for one in fields:
        text = manifest.merge(text, msgspec.json.format(msgspec.json.encode(one)))
    return text


def test_what_was_merged_is_parsed() -> None:
    assert manifest.parse(text_of(*FIELDS)) == (FIELDS, 0)
    assert manifest.parse(b"") == ([], 0)


def test_merging_the_same_again_changes_nothing() -> None:
    assert text_of(FIELDS[0], FIELDS[0]) == text_of(FIELDS[0])


def test_merging_drops_damaged_lines() -> None:
    assert manifest.merge(b'torn{"\n' + text_of(FIELDS[0]), b'{"key":"c"}') == text_of(
        FIELDS[0], {"key": "c"}
    )


def test_only_objects_are_manifests() -> None:
    with pytest.raises(msgspec.DecodeError):
        manifest.merge(b"", b"[1]")


@settings(max_examples=150)
@given(st.integers(0, 10_000), st.integers(0, 255), st.booleans())
def test_altered_bytes_are_never_believed(where: int, value: int, cut: bool) -> None:
    text = bytearray(text_of(*FIELDS))
    where %= len(text)
    if cut:
        del text[where:]
    else:
        text[where] = value
    whole, _ = manifest.parse(bytes(text))
    assert all(fields in FIELDS for fields in whole)
