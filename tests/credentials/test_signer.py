import io
import json
from datetime import UTC, datetime, timedelta

import c2pa
import pytest
from PIL import Image as pillow

from imgbuild.credentials.claim import MIMES, Claim
from imgbuild.credentials.reader import read_credentials
from imgbuild.credentials.signer import LIBRARY, Signer
from imgbuild.errors import TargetError, UsageError
from tests.credentials.chains import KINDS, NOT_ALLOWED, authority, chain, pem

CREATED = {
    "action": "c2pa.created",
    "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
}


def file(format="PNG", color="red"):
    out = io.BytesIO()
    pillow.new("RGB", (16, 16), color).save(out, format=format)
    return out.getvalue()


def signer(known=None):
    known = known or chain()
    return Signer(known.certificates, known.key)


def judged(data, mime, root):
    """What the library says of a file, where that root is trusted."""
    anchors = {"trust": {"trust_anchors": root.decode()}}
    context = c2pa.Context(settings=c2pa.Settings.from_dict({**LIBRARY, **anchors}))
    return c2pa.Reader(mime, io.BytesIO(data), context=context)


@pytest.mark.parametrize("kind", KINDS)
def test_keys_of_every_kind_sign_so_that_their_root_is_found(kind):
    known = chain(kind)
    signed = signer(known).sign(file(), Claim(title="a.png", mime="image/png", actions=[CREATED]))
    reader = judged(signed, "image/png", known.root)
    assert reader.get_validation_state() == "Trusted"
    assert "validation_status" not in json.loads(reader.json())


@pytest.mark.parametrize("format", MIMES)
def test_files_of_every_format_keep_their_pixels(format):
    data = file(format)
    signed = signer().sign(data, Claim(title=f"a.{format}", mime=MIMES[format], actions=[CREATED]))
    assert read_credentials(signed, format).state == "valid"
    one, other = (pillow.open(io.BytesIO(found)).convert("RGB") for found in (data, signed))
    assert one.tobytes() == other.tobytes()
    assert len(signed) - len(data) < 12_000


def test_two_signatures_of_one_file_differ():
    """Why signed files stand in no lock."""
    claim, by = Claim(title="a.png", mime="image/png", actions=[CREATED]), signer()
    assert by.sign(file(), claim) != by.sign(file(), claim)


FAULTS = {
    "no certificate": (
        lambda: (b"none", chain().key),
        "the certificate can't be read",
        "give the chain as PEM, the signer's certificate first",
    ),
    "no key": (
        lambda: (chain().certificates, b"none"),
        "the private key can't be read",
        "give it as PEM, beginning with -----BEGIN PRIVATE KEY-----",
    ),
    "an encrypted key": (
        lambda: (chain().certificates, pem(KINDS["P-256"](), b"secret")),
        "the private key is encrypted",
        "decrypt it: `openssl pkey -in key.pem -out plain.pem`",
    ),
    "another's key": (
        lambda: (chain().certificates, chain("P-384").key),
        "the private key is not that of the certificate",
        "the signer's certificate comes first in the chain, then that which signed it",
    ),
    "the root first": (
        lambda: (chain().root + chain().certificates, chain().key),
        "the private key is not that of the certificate",
        "the signer's certificate comes first in the chain, then that which signed it",
    ),
}


@pytest.mark.parametrize(("given", "message", "hint"), FAULTS.values(), ids=FAULTS)
def test_what_can_not_sign_says_why(given, message, hint):
    with pytest.raises(UsageError) as raised:
        Signer(*given())
    assert (raised.value.message, raised.value.hint) == (message, hint)


def test_a_certificate_that_ran_out():
    old = chain(days_ago=100)
    with pytest.raises(UsageError) as raised:
        signer(old)
    assert raised.value.message.startswith("the certificate was valid from 20")
    assert raised.value.hint == "get a new one"


@pytest.mark.parametrize("kind", NOT_ALLOWED)
def test_a_key_of_a_kind_that_is_not_allowed(kind):
    with pytest.raises(UsageError) as raised:
        signer(chain(kind))
    assert (raised.value.message, raised.value.hint) == (
        "the private key is of a kind that content credentials don't allow",
        "make one on P-256, P-384 or P-521, of Ed25519, or of RSA with 2048 bits or more",
    )


def test_an_authority_confirms_when_it_was_signed(tmp_path):
    claim = Claim(title="a.png", mime="image/png", actions=[CREATED])
    with authority(tmp_path) as address:
        signed = Signer(chain().certificates, chain().key, address).sign(file(), claim)
    found = read_credentials(signed, "png")
    assert found.state == "valid"
    assert abs(datetime.fromisoformat(found.time) - datetime.now(UTC)) < timedelta(minutes=5)


def test_an_authority_that_is_not_there():
    with pytest.raises(TargetError) as raised:
        Signer(chain().certificates, chain().key, "http://127.0.0.1:9/").sign(
            file(), Claim(title="a.png", mime="image/png", actions=[CREATED])
        )
    assert raised.value.message.startswith("a.png can't be signed: ")
    assert raised.value.hint == "is the authority for timestamps there?"


def test_a_damaged_file_is_named():
    with pytest.raises(TargetError) as raised:
        signer().sign(b"no picture", Claim(title="a.png", mime="image/png", actions=[CREATED]))
    assert raised.value.message.startswith("a.png can't be signed: ")


def test_without_the_library(monkeypatch):
    monkeypatch.setattr("imgbuild.extras.find_spec", lambda name: None)
    with pytest.raises(TargetError) as raised:
        signer()
    assert (raised.value.message, raised.value.hint) == (
        "signing needs c2pa-python, which is not installed",
        "install it with `pip install 'imgbuild[c2pa]'`",
    )
