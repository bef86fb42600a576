"""Pictures that a vendor's service judges: each asked about once, at the service's pace, and never without a key."""

import json
import threading

import pytest
from PIL import Image as pillow

from imgbuild.images import encode
from imgbuild.types import Format
from tests.vendors.openai import KEY, OpenAI, busy, failure
from tests.vendors.server import serving

SPEC = """\
    version: 1
    models:
      paint: {provider: painter}
      judge: {provider: openai_moderation, source: omni-moderation-latest}
    assets:
      lamps:
        prompt: "a {{ color }} lamp"
        matrix: {color: [red, blue, gold]}
        models: [paint]
        attempts: 1
        validate:
          - nsfw: {model: judge, labels: [sexual], max: 0.3}
          - nsfw: {model: judge, labels: [violence, violence/graphic], max: 0.6}
    """
NO_KEY = "'openai_moderation' needs a key, and OPENAI_API_KEY is not set"


@pytest.fixture
def vendor(monkeypatch):
    vendor = OpenAI()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(vendor) as address:
        vendor.address = f"{address}/v1"
        monkeypatch.setattr("imgbuild.providers.openai.moderation.ADDRESS", vendor.address)
        yield vendor
    assert vendor.faults == []


@pytest.fixture
def shop(bench, vendor, painter):
    return bench({"specs/catalog.yaml": SPEC})


def png(color):
    return encode(pillow.new("RGB", (16, 16), color), Format())


def verdicts(project, code=0):
    told = project.tell("check", "--json")
    assert (told.code, told.err) == (code, "")
    rows = [json.loads(line) for line in told.out.splitlines()]
    return [
        (row["status"], row["rule"], row["figure"], row["limit"]) for row in rows if row["event"] == "verdict"
    ]


def test_every_picture_is_asked_about_once_whatever_is_held_against_it(shop, vendor, monkeypatch):
    vendor.scores = {"sexual": 0.2, "violence": 0.5}
    ended = shop.build()
    assert (ended.failures, len(vendor.shown)) == ((), 3)
    assert {asked.path for asked in vendor.asked} == {"/v1/moderations"}
    pin = json.loads((shop.root / "specs/catalog.lock").read_text())["models"]["judge"]
    assert pin["revision"] == "omni-moderation-2024-09-26"
    assert dict(shop.build().ran) == {}
    shop.edit("specs/catalog.yaml", ("max: 0.3", "max: 0.1"), ("[sexual]", "[sexual, self-harm]"))
    monkeypatch.delenv("OPENAI_API_KEY")  # what is known wants no key
    assert dict(shop.build().ran) == {}
    found = verdicts(shop, 3)
    assert (
        found
        == [("fail", "nsfw", 0.200001, "at most 0.1")] * 3 + [("pass", "nsfw", 0.500001, "at most 0.6")] * 3
    )
    assert len(vendor.asked) == 3


def test_who_judges_otherwise_is_asked_anew(shop, vendor):
    shop.build()
    before = shop.outputs()
    shop.edit("specs/catalog.yaml", ("omni-moderation-latest", "omni-moderation-2027-01-01"))
    assert shop.build().failures == ()
    assert [asked.fields["model"] for asked in vendor.asked[3:]] == ["omni-moderation-2027-01-01"] * 3
    assert shop.outputs() == before


def test_what_is_judged_too_high_fails(shop, vendor):
    vendor.scores = {"violence/graphic": 0.9}
    ended = shop.build()
    assert ended.finished.exit_code == 3
    assert {failed.cause for failed in ended.failures} == {"nsfw 0.900001 (at most 0.6)"}


def test_without_a_key_nothing_is_drawn(shop, vendor, painter, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    ended = shop.build()
    assert {(failed.cause, failed.hint) for failed in ended.failures} == {(NO_KEY, "set it, and build again")}
    assert (painter.asked, vendor.asked) == ([], [])
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert shop.build().failures == ()


def test_offline_nothing_is_asked(shop, vendor, painter):
    shop.build()
    shop.edit("specs/catalog.yaml", ("[red, blue, gold]", "[red, teal]"))
    ended = shop.build(offline=True)
    assert [(failed.cause, failed.hint) for failed in ended.failures] == [
        ("'openai_moderation' needs the network", "build without --offline")
    ]
    assert (len(painter.asked), len(vendor.asked)) == (3, 3)


def test_pictures_that_are_there_need_a_key_where_they_are_not_judged_yet(shop, vendor, monkeypatch):
    shop.build()
    shop.write({"specs/found.yaml": SPEC.partition("    assets:")[0] + "    assets: {}\n"})
    lamp = next((shop.root / "out").rglob("*.png")).read_bytes()
    shop.write(
        {
            "specs/photos/lamp.png": lamp,
            "specs/found.yaml": """\
                models: {judge: {provider: openai_moderation, source: omni-moderation-latest}}
                assets:
                  found:
                    from: photos/lamp.png
                    process: [grayscale: {}]
                    validate: [{nsfw: {model: judge, labels: [sexual]}}]
                """,
        }
    )
    monkeypatch.delenv("OPENAI_API_KEY")
    assert [failed.cause for failed in shop.build().failures] == [NO_KEY]
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert shop.build().failures == ()
    assert len(vendor.shown) == 4


def test_it_is_asked_as_fast_as_it_bears_and_no_image_is_drawn_twice(shop, vendor, painter):
    (shop.root / "imgbuild.yaml").write_text("limits: {openai_moderation: {concurrency: 1}}\n")
    vendor.first = [busy(0.01), failure(500, "oops"), failure(502, "gone"), failure(400, "no picture")]
    ended = shop.build()
    assert [failed.cause for failed in ended.failures] == ["the request is not taken: no picture"]
    assert (len(vendor.shown), len(painter.asked)) == (2, 3)
    assert shop.build().failures == ()
    assert (len(vendor.shown), len(painter.asked)) == (3, 3)


def test_a_stopped_build_waits_for_no_answer(shop, vendor, painter):
    stop = threading.Event()

    def late(asked):
        stop.set()
        return failure(503, "later", headers={"Retry-After": "60"})

    vendor.first = [late] * 8
    shop.build(stop=stop)
    vendor.first = []
    assert shop.build().failures == ()
    assert len(painter.asked) == 3


def test_another_host_is_shown_nothing_without_consent(shop, vendor):
    shop.edit(
        "specs/catalog.yaml",
        (
            "omni-moderation-latest}",
            "omni-moderation-latest, params: {base_url: 'https://judge.example/v1'}}",
        ),
    )
    sends = (
        "model 'judge' sends prompts, pictures and what OPENAI_API_KEY holds to judge.example, "
        "which is not the vendor's own host\n"
    )
    for command in ("build", "check"):
        told = shop.tell(command)
        assert (told.code, vendor.asked) == (2, [])
        assert sends in told.err


def test_any_pictures_are_held_against_it(shop, vendor, monkeypatch):
    shop.write(
        {
            **{f"photos/{color}.png": png(color) for color in ("red", "blue")},
            "rules.yaml": """\
                models: {judge: {provider: openai_moderation, source: omni-moderation-latest}}
                rules:
                  safe: [{nsfw: {model: judge, labels: [sexual], max: 0.5}}, {nsfw: {model: judge, labels: [violence]}}]
                """,
        }
    )
    vendor.first = [busy(0.01)]
    told = shop.tell("check", "--rules", "rules.yaml", "photos")
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines()[-1] == "2 images: 2 pass"
    assert (len(vendor.asked), len(vendor.shown)) == (3, 2)
    monkeypatch.delenv("OPENAI_API_KEY")
    assert shop.tell("check", "--rules", "rules.yaml", "photos").code == 0
    shop.write({"photos/gold.png": png("gold")})
    told = shop.tell("check", "--rules", "rules.yaml", "photos")
    assert (told.code, told.out.count(NO_KEY), len(vendor.asked)) == (1, 1, 3)


def test_doctor_tells_of_it(shop, vendor, monkeypatch):
    assert "openai_moderation (OPENAI_API_KEY): taken" in shop.tell("doctor", "--keys").out
    monkeypatch.delenv("OPENAI_API_KEY")
    assert "model 'judge' needs OPENAI_API_KEY, which is not set" in shop.tell("doctor", "--keys").out


def test_the_key_is_nowhere(shop, vendor):
    vendor.first = [failure(400, f"what is {KEY}?")]
    told = [shop.tell("build", "--json"), shop.tell("build"), shop.tell("check"), shop.tell("manifest")]
    assert not any(KEY in item.out + item.err for item in told)
    assert not [path for path in shop.root.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


FAULTS = {
    "a label that it has not": (
        ("labels: [sexual]", "labels: [porn]"),
        "specs/catalog.yaml:12:39: 'nsfw' asks for the label 'porn', which its model has not\n"
        "   12 |       - nsfw: {model: judge, labels: [porn], max: 0.3}\n"
        "      |                                       ^^^^\n"
        "hint: its labels: self-harm, self-harm/instructions, self-harm/intent, sexual, violence, violence/graphic\n",
    ),
    "a label that looks at no picture": (
        ("labels: [sexual]", "labels: [hate]"),
        "specs/catalog.yaml:12:39: 'nsfw' asks for the label 'hate', which its model has not\n"
        "   12 |       - nsfw: {model: judge, labels: [hate], max: 0.3}\n"
        "      |                                       ^^^^\n"
        "hint: its labels: self-harm, self-harm/instructions, self-harm/intent, sexual, violence, violence/graphic\n",
    ),
    "a rule that needs weights": (
        ("nsfw: {model: judge, labels: [sexual], max: 0.3}", "faces: {model: judge, max: 0}"),
        "specs/catalog.yaml:12:24: 'faces' looks through weights, and a service has none\n"
        "   12 |       - faces: {model: judge, max: 0}\n"
        "      |                        ^^^^^\n"
        "hint: name a model of provider 'weights'\n",
    ),
    "an operation": (
        ("attempts: 1", "process: [{upscale: {factor: 2, model: judge}}]"),
        "specs/catalog.yaml:10:44: operation 'upscale' works with weights, and a service has none\n"
        "   10 |     process: [{upscale: {factor: 2, model: judge}}]\n"
        "      |                                            ^^^^^\n"
        "hint: name a model of provider 'weights'\n",
    ),
    "an asset": (
        ("models: [paint]", "models: [judge]"),
        "specs/catalog.yaml:9:14: model 'judge' is of provider 'openai_moderation', which makes no images\n"
        "    9 |     models: [judge]\n"
        "      |              ^^^^^\n"
        "hint: rules and operations name it; an asset needs a model that draws\n",
    ),
}


@pytest.mark.parametrize(("change", "said"), FAULTS.values(), ids=FAULTS)
def test_faults_are_told_at_their_place(shop, vendor, change, said):
    shop.edit("specs/catalog.yaml", change)
    told = shop.tell("build")
    assert (told.code, told.err) == (2, said)
    assert vendor.asked == []
