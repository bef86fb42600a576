import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as pillow

from imgbuild.credentials.claim import Claim, Ingredient
from imgbuild.credentials.reader import UNREAD, Credentials, read_credentials
from imgbuild.credentials.signer import Signer
from imgbuild.provenance.xmp import SOURCES
from tests.credentials.chains import chain


def file(color="red"):
    out = io.BytesIO()
    pillow.new("RGB", (16, 16), color).save(out, format="PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def signed():
    photo = file("blue")
    placed = Ingredient(
        label="picture-1",
        title="photo.png",
        mime="image/png",
        relationship="componentOf",
        digest="",
        read=lambda: photo,
    )
    actions = [
        {
            "action": "c2pa.created",
            "digitalSourceType": f"{SOURCES}trainedAlgorithmicMedia",
            "parameters": {"imgbuild": {"prompt": "a lämp", "seed": 7}},
        },
        {"action": "c2pa.placed", "parameters": {"ingredientIds": ["picture-1"]}},
    ]
    claim = Claim(title="a.png", mime="image/png", actions=actions, ingredients=[placed])
    return Signer(chain().certificates, chain().key).sign(file(), claim)


def test_what_was_claimed_is_read_back(signed):
    found = read_credentials(signed, "png")
    assert found.time == ""
    assert found == Credentials(
        state="valid",
        signer="Signer, The Shop",
        tool=found.tool,
        source="trainedAlgorithmicMedia",
        actions=("c2pa.created", "c2pa.placed"),
        ingredients=("photo.png",),
        generation={"prompt": "a lämp", "seed": 7},
    )
    assert found.tool.startswith("imgbuild ")


def test_a_changed_picture_is_told(signed):
    at = signed.rindex(b"IDAT") + 8
    changed = signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :]
    found = read_credentials(changed, "png")
    assert (found.state, found.faults) == ("invalid", ("assertion.dataHash.mismatch",))


def test_files_without_any_have_none():
    assert read_credentials(file(), "png") is None
    assert read_credentials(b"", "png") is None
    assert read_credentials(b"jumb c2pa", "bmp") is None


@given(st.data())
def test_any_damage_is_read_past(signed, data):
    at = data.draw(st.integers(0, len(signed) - 1))
    end = data.draw(st.integers(at, len(signed)))
    found = read_credentials(signed[:at] + data.draw(st.binary(max_size=8)) + signed[end:], "png")
    assert found is None or found.state in ("invalid", "valid")


def test_without_the_library_it_is_said_that_there_are_some(signed, monkeypatch):
    monkeypatch.setattr("imgbuild.credentials.reader.find_spec", lambda name: None)
    assert read_credentials(signed, "png") == UNREAD
    assert read_credentials(file(), "png") is None
