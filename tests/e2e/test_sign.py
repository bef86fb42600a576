"""Signed copies: what is claimed of them, what signing anew costs, and what is not given out."""

import io
import json

import pytest
from PIL import Image as pillow

from imgbuild import __version__
from imgbuild.credentials.reader import read_credentials
from tests.credentials.chains import authority, chain

SPEC = """\
    version: 1
    models: {paint: {provider: painter, source: house/lamps}}
    assets:
      lamps:
        prompt: "a {{ color }} lamp"
        matrix: {color: [red, blue]}
        models: [paint]
        size: 32x32
        metadata: {level: full, sidecar: true}
        process: [{resize: {width: 16}}, grayscale]
        renditions:
          web: {formats: [jpeg, webp, avif, tiff]}
          icon: {format: ico}
      dusk:
        prompt: "a lamp at dusk"
        models: [paint]
        inputs: {image: {asset: lamps, match: [color]}}
        vars: {}
        matrix: {color: [red]}
        validate: [{dimensions: {min_width: 16, on_fail: review}}]
      packshot:
        from: photo.jpg
        process: [{compose: {layers: [{asset: lamps, match: []}, {picture: true, scale: 0.5}, {image: logo.png}]}}]
        matrix: {color: [red]}
    """.replace("match: []", "match: [color]").replace("        vars: {}\n", "")
FORMATS = {"png": "png", "jpg": "jpeg", "webp": "webp", "avif": "avif", "tif": "tiff"}
SIGNED, COPIED = 2 * 5 + 1 + 1, 2 * 2


def picture(color, format="PNG", size=(16, 16)):
    out = io.BytesIO()
    pillow.new("RGB", size, color).save(out, format=format)
    return out.getvalue()


@pytest.fixture
def shop(bench, painter, monkeypatch):
    monkeypatch.setenv("IMGBUILD_C2PA_KEY", chain().key.decode())
    built = bench(
        {
            "specs/catalog.yaml": SPEC,
            "specs/photo.jpg": picture("green", "JPEG"),
            "specs/logo.png": picture("white", size=(4, 4)),
            "certs/chain.pem": chain().certificates,
            "imgbuild.yaml": "credentials: {certificate: certs/chain.pem}\n",
        }
    )
    assert built.build().failures == ()
    return built


def said(project, name):
    suffix = name.rpartition(".")[2]
    return read_credentials((project.root / "signed" / name).read_bytes(), FORMATS[suffix])


def test_every_format_is_signed_and_what_holds_no_credentials_copied(shop):
    published, locks = shop.state("out"), shop.locks()
    told = shop.tell("sign")
    assert told == (
        0,
        f"signed/: {SIGNED} signed, {COPIED} copied, as they hold no credentials\n",
        "",
    )
    assert set(shop.outputs("signed")) == set(shop.outputs())
    for name in shop.outputs():
        one, other = (shop.root / folder / name for folder in ("out", "signed"))
        if name.endswith((".ico", ".json")):
            assert one.read_bytes() == other.read_bytes()
            continue
        assert said(shop, name).state == "valid"
        with pillow.open(one) as ours, pillow.open(other) as theirs:
            assert ours.convert("RGBA").tobytes() == theirs.convert("RGBA").tobytes()
            assert ours.info.get("xmp") == theirs.info.get("xmp")
    assert (shop.state("out"), shop.locks()) == (published, locks)


def test_the_claim_tells_what_was_done_and_of_what(shop):
    shop.tell("sign")
    lamp = said(shop, "lamps/red_0.png")
    line = shop.lines()["lamps[color=red]@paint#0"]
    assert lamp.source == "trainedAlgorithmicMedia"
    assert lamp.actions == ("c2pa.created", "c2pa.resized", "c2pa.color_adjustments")
    assert (lamp.generation["prompt"], lamp.generation["seed"]) == ("a red lamp", line.seed)
    assert lamp.ingredients == ()
    dusk = said(shop, "dusk/red_0.png")
    assert (dusk.source, dusk.actions) == ("compositeWithTrainedAlgorithmicMedia", ("c2pa.created",))
    assert (dusk.ingredients, dusk.generation) == (("red_0.png",), {})
    packshot = said(shop, "packshot/red_0.png")
    assert (packshot.source, packshot.actions) == ("", ("c2pa.opened", "c2pa.placed"))
    assert packshot.ingredients == ("photo.jpg", "red_0.png", "logo.png")


def manifests(project, name):
    """All claims that a file carries, its own last."""
    import c2pa

    from imgbuild.credentials.signer import LIBRARY

    context = c2pa.Context(settings=c2pa.Settings.from_dict(dict(LIBRARY)))
    data = (project.root / "signed" / name).read_bytes()
    whole = json.loads(c2pa.Reader("image/png", io.BytesIO(data), context=context).json())
    return whole["manifests"][whole["active_manifest"]], len(whole["manifests"])


def test_credentials_of_what_went_in_go_along(shop):
    shop.tell("sign", "-s", "catalog/dusk*")
    own, count = manifests(shop, "dusk/red_0.png")
    assert count == 2
    (lamp,) = own["ingredients"]
    assert (lamp["relationship"], lamp["validation_results"]["activeManifest"]["failure"]) == (
        "inputTo",
        [
            {
                "code": "signingCredential.untrusted",
                "url": lamp["validation_results"]["activeManifest"]["failure"][0]["url"],
                "explanation": "signing certificate untrusted",
            }
        ],
    )
    shop.write({"specs/photo.jpg": (shop.root / "signed/dusk/red_0.png").read_bytes()})
    shop.build()
    shop.tell("sign", "-s", "catalog/packshot*")
    own, count = manifests(shop, "packshot/red_0.png")
    assert [item["relationship"] for item in own["ingredients"]] == ["parentOf", "componentOf", "componentOf"]
    assert count == 3  # its own, the photograph's with its own ingredient, which is the ground as well


def test_what_is_signed_is_not_signed_again(shop):
    shop.tell("sign")
    before = shop.state("signed")
    assert shop.tell("sign").out == f"signed/: {SIGNED + COPIED} as before\n"
    assert shop.state("signed") == before
    shop.edit("specs/catalog.yaml", ('"a lamp at dusk"', '"a lamp at dawn"'))
    assert shop.tell("sign") == (
        1,
        "state  file            why\n"
        "stale  dusk/red_0.png  changed\n"
        f"signed/: {SIGNED + COPIED - 1} as before, 1 not up to date\n",
        "",
    )
    shop.build()
    assert shop.tell("sign").out == f"signed/: 1 signed, {SIGNED + COPIED - 1} as before\n"
    changed = {name for name, seen in shop.state("signed").items() if before[name] != seen}
    assert changed == {"dusk/red_0.png"}


def test_lost_copies_come_from_the_store(shop):
    shop.tell("sign")
    before = shop.outputs("signed")
    (shop.root / "signed/lamps/red_0.png").unlink()
    assert shop.tell("sign").out == f"signed/: 1 signed, {SIGNED + COPIED - 1} as before\n"
    assert shop.outputs("signed") == before


def test_another_certificate_signs_anew(shop, monkeypatch):
    shop.tell("sign")
    monkeypatch.setenv("IMGBUILD_C2PA_KEY", chain("P-384").key.decode())
    monkeypatch.setenv("IMGBUILD_C2PA_CERTIFICATE", chain("P-384").certificates.decode())
    assert shop.tell("sign").out == f"signed/: {SIGNED} signed, {COPIED} as before\n"


def test_an_authority_confirms_the_time(shop, tmp_path):
    (tmp_path / "authority").mkdir()
    with authority(tmp_path / "authority") as address:
        assert shop.tell("sign", "-s", "catalog/dusk*", "--timestamp", address).code == 0
    assert said(shop, "dusk/red_0.png").time


def test_what_rules_hold_back_is_not_given_out(shop):
    shop.edit("specs/catalog.yaml", ("min_width: 16", "min_width: 99"))
    shop.build()
    told = shop.tell("sign", "-s", "catalog/dusk*")
    assert told == (
        3,
        "state  file            why\nheld   dusk/red_0.png  it waits for review\nsigned/: 1 held back\n",
        "",
    )
    assert not (shop.root / "signed/dusk").exists()


def test_files_that_are_not_ours_stay(shop):
    shop.write({"signed/dusk/red_0.png": b"mine"})
    told = shop.tell("sign", "-s", "catalog/dusk*")
    assert told == (
        1,
        "state   file            why\n"
        "failed  dusk/red_0.png  it was not written by imgbuild, or was edited since; move it away, or write over it "
        "with --force\n"
        "signed/: 1 failed\n",
        "",
    )
    assert (shop.root / "signed/dusk/red_0.png").read_bytes() == b"mine"
    assert shop.tell("sign", "-s", "catalog/dusk*", "--force").code == 0
    assert said(shop, "dusk/red_0.png").state == "valid"


def test_copies_of_what_is_declared_no_more_go(shop):
    shop.tell("sign")
    shop.edit("specs/catalog.yaml", ("formats: [jpeg, webp, avif, tiff]", "formats: [jpeg]"))
    shop.build()
    (shop.root / "signed/lamps/red_0-web.webp").write_bytes(b"mine")
    assert shop.tell("sign").out == f"signed/: {SIGNED + COPIED - 6} as before, 5 removed\n"
    assert (shop.root / "signed/lamps/red_0-web.webp").read_bytes() == b"mine"


def test_each_profile_has_its_own(shop):
    shop.edit("imgbuild.yaml", ("credentials:", "profiles: {draft: {size: 24x24}}\ncredentials:"))
    shop.build(profile="draft")
    shop.tell("sign")
    told = shop.tell("sign", "--profile", "draft")
    assert told.out == f"signed/draft/: {SIGNED} signed, {COPIED} copied, as they hold no credentials\n"
    assert shop.tell("sign").out == f"signed/: {SIGNED + COPIED} as before\n"


def test_the_key_may_be_a_file_and_is_nowhere_else(shop, tmp_path, monkeypatch):
    secret = tmp_path / "elsewhere.pem"
    secret.write_bytes(chain().key)
    monkeypatch.setenv("IMGBUILD_C2PA_KEY", str(secret))
    told = shop.tell("sign", "--json")
    assert told.code == 0
    rows = [json.loads(line) for line in told.out.splitlines()]
    assert {row["event"] for row in rows} == {"sign"}
    inner = chain().key.splitlines()[1]
    files = [path for path in shop.root.rglob("*") if path.is_file()]
    assert len(files) > 40
    assert not [path for path in files if inner in path.read_bytes()]
    assert inner.decode() not in told.out + told.err


def test_the_key_may_stand_among_those_of_the_project(shop, monkeypatch):
    monkeypatch.delenv("IMGBUILD_C2PA_KEY")
    assert shop.tell("sign").code == 2
    shop.write({".env": f'IMGBUILD_C2PA_KEY="{chain().key.decode()}"\n'})
    assert (
        shop.tell("sign").out == f"signed/: {SIGNED} signed, {COPIED} copied, as they hold no credentials\n"
    )


def test_inspect_reads_and_checks_them(shop, monkeypatch):
    shop.tell("sign", "-s", "catalog/packshot*")
    place = "signed/packshot/red_0.png"
    told = shop.tell("inspect", place).out
    assert told.endswith(
        "  content credentials: signed by Signer, The Shop: valid\n"
        f"  claimed by: imgbuild {__version__}\n"
        "  claimed ingredients: photo.jpg, red_0.png, logo.png\n"
        "  claimed actions: c2pa.opened, c2pa.placed\n"
    )
    data = (shop.root / place).read_bytes()
    at = data.rindex(b"IDAT") + 8
    shop.write({"changed.png": data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]})
    told = shop.tell("inspect", "changed.png").out
    assert (
        "  content credentials: signed by Signer, The Shop: invalid (assertion.dataHash.mismatch)\n" in told
    )
    found = json.loads(shop.tell("inspect", "--json", place).out)["credentials"]
    assert (found["state"], found["signer"]) == ("valid", "Signer, The Shop")
    monkeypatch.setattr("imgbuild.credentials.reader.find_spec", lambda name: None)
    assert shop.tell("inspect", place).out.endswith(
        "  content credentials: there are some; `pip install 'imgbuild[c2pa]'` reads them\n"
    )


ERRORS = {
    "no key": (
        {"IMGBUILD_C2PA_KEY": ""},
        [],
        "there is no private key to sign with\nhint: set IMGBUILD_C2PA_KEY to it, or to its file\n",
    ),
    "no file of the key": (
        {"IMGBUILD_C2PA_KEY": "nowhere.pem"},
        [],
        "the private key of IMGBUILD_C2PA_KEY can't be read: No such file or directory\nhint: name a PEM file\n",
    ),
    "another's key": (
        {"IMGBUILD_C2PA_KEY": chain("P-384").key.decode()},
        [],
        "the private key is not that of the certificate\n"
        "hint: the signer's certificate comes first in the chain, then that which signed it\n",
    ),
    "the output folder": (
        {},
        ["--to", "out/signed"],
        "'out/signed' can't take signed copies\nhint: name a folder of its own, such as 'signed'\n",
    ),
    "the store": (
        {},
        ["--to", ".imgbuild"],
        "'.imgbuild' can't take signed copies\nhint: name a folder of its own, such as 'signed'\n",
    ),
}


@pytest.mark.parametrize(("environ", "flags", "told"), ERRORS.values(), ids=ERRORS)
def test_errors(shop, monkeypatch, environ, flags, told):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert shop.tell("sign", *flags) == (2, "", f"error: {told}")


def test_a_project_that_names_no_certificate(shop):
    shop.edit("imgbuild.yaml", ("credentials: {certificate: certs/chain.pem}", ""))
    assert shop.tell("sign").err == (
        "error: no certificate is named to sign with\n"
        "hint: set 'credentials.certificate' in imgbuild.yaml, or IMGBUILD_C2PA_CERTIFICATE\n"
    )


def test_a_certificate_outside_of_the_project(shop):
    shop.edit("imgbuild.yaml", ("certs/chain.pem", "../chain.pem"))
    told = shop.tell("sign")
    assert (told.code, told.err.splitlines()[0]) == (
        2,
        "imgbuild.yaml:1:28: '../chain.pem' leads out of the project",
    )
