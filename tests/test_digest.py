"""Digests: literal values that must never change by accident, and what they may not depend on."""

import hashlib
from unicodedata import normalize

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.digest import (
    canonical,
    digest_bytes,
    digest_file,
    digest_of,
    fingerprint,
    from_hex,
    seal,
    to_hex,
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs",))),
)
NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.dictionaries(NAMES, VALUES, max_size=5)

GOLDEN = {
    "nothing": ({}, "H-m-iMfC103r82n0W_cz4ocxggMN0xvzJQ0Xcb_lxJI"),
    "scalars": (
        {"a": 1, "b": 1.5, "c": "text", "d": None, "e": True},
        "DyF_D6U40k70b3r0uW1jk6i5J0payVKKtcxKia12OIg",
    ),
    "nested": ({"z": {"b": [1, {"y": 2, "x": 3}], "a": []}}, "gSUA5GEykdsPDdMQJVFx3xYmfNpWbYPZ6_Kn_ckkFCg"),
    "beyond ASCII": ({"prompt": "Café — 名前"}, "89ug41lG4icD3gOG-hlp-ToP2rWknv0sxoutz69aDag"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_digests_stay_what_they_are(name):
    fields, digest = GOLDEN[name]
    assert digest_of("golden/1", fields) == digest


def test_the_domain_is_part_of_the_digest_and_of_the_manifest():
    digest, manifest = seal("one/1", {"a": 1})
    assert manifest == {"domain": "one/1", "a": 1}
    assert digest != digest_of("two/1", {"a": 1})
    assert digest != digest_of("one/2", {"a": 1})


def test_the_manifest_is_what_was_hashed():
    digest, manifest = seal("one/1", {"b": {"y": 1, "x": [2]}, "a": "text"})
    text = msgspec.json.encode(manifest, order="sorted")
    assert text == b'{"a":"text","b":{"x":[2],"y":1},"domain":"one/1"}'
    assert digest_bytes(text) == digest


def turned(value):
    """The same value, its mappings written in the other order."""
    if isinstance(value, dict):
        return {key: turned(item) for key, item in reversed(value.items())}
    return [turned(item) for item in value] if isinstance(value, list) else value


@given(FIELDS)
def test_the_order_of_keys_never_matters(fields):
    assert digest_of("test/1", canonical(turned(fields))) == digest_of("test/1", canonical(fields))


@given(FIELDS, FIELDS)
def test_other_fields_have_another_digest(one, other):
    ours, theirs = canonical(one), canonical(other)
    same = msgspec.json.encode(ours, order="sorted") == msgspec.json.encode(theirs, order="sorted")
    assert (digest_of("test/1", ours) == digest_of("test/1", theirs)) is same


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_a_whole_float_is_its_integer(number):
    assert canonical(float(number)) == number
    assert type(canonical(float(number))) is int


@pytest.mark.parametrize("number", [6.5, 0.1, -2.5, 1e300, 2.0**53, -(2.0**60)])
def test_other_floats_stay(number):
    assert canonical(number) == number
    assert type(canonical(number)) is float


def test_true_is_not_one_and_a_number_is_not_its_text():
    digests = {
        digest_of("test/1", canonical({"a": value})) for value in (True, 1, "1", None, False, 0, "", [])
    }
    assert len(digests) == 8


@given(NAMES, st.text(st.characters(exclude_categories=("Cs",))))
def test_text_is_one_however_it_is_composed(name, text):
    forms = [{normalize(form, name): [normalize(form, text)]} for form in ("NFC", "NFD")]
    assert canonical(forms[0]) == canonical(forms[1])


@given(VALUES)
def test_what_is_canonical_stays(value):
    once = canonical(value)
    assert msgspec.json.encode(canonical(once)) == msgspec.json.encode(once)


def test_sets_are_sorted_and_tuples_are_lists():
    assert canonical({"a": frozenset({"b", "a"}), "c": (1.0, "d")}) == {"a": ["a", "b"], "c": [1, "d"]}


@pytest.mark.parametrize("value", [object(), {1: object()}, {"a": {"b": print}}])
def test_what_json_cant_hold_is_refused(value):
    with pytest.raises(TypeError):
        seal("test/1", {"value": canonical(value)})


@given(st.binary(max_size=200))
def test_a_digest_is_sha256_in_43_characters(data):
    digest = digest_bytes(data)
    assert len(digest) == 43
    assert to_hex(digest) == hashlib.sha256(data).hexdigest()
    assert from_hex(to_hex(digest)) == digest


def test_a_file_has_the_digest_of_its_bytes(tmp_path):
    for data in (b"", b"some bytes", bytes(300_000)):
        (tmp_path / "file").write_bytes(data)
        assert digest_file(tmp_path / "file") == digest_bytes(data)
    with pytest.raises(FileNotFoundError):
        digest_file(tmp_path / "absent")


def test_known_digests_of_bytes():
    assert digest_bytes(b"") == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
    assert fingerprint(b"") == "99aa06d3014798d86001c324468d497f"
