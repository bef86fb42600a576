"""Builds through OpenAI's API: each image paid once, whatever the server does in between, and no key anywhere."""

import errno
import json
import subprocess

import pytest

from imgbuild.report.events import NearBudget
from imgbuild.store.journal import Journal
from tests.vendors.openai import KEY, OpenAI, busy, failure, used_up
from tests.vendors.server import serving

SPEC = """\
    version: 1
    models:
      api: {provider: openai, source: gpt-image-2, size: 64x32, params: {quality: low}, fallback: [placeholder]}
    assets:
      heroes:
        prompt: "a {{ color }} lamp"
        matrix: {color: [red, blue, green, gold, grey, teal]}
        models: [api]
    """
ALL = [f"heroes[color={color}]@api#0" for color in ("red", "blue", "green", "gold", "grey", "teal")]
COST = (40 * 5 + 10 * 8 + 1000 * 30) / 1e6


@pytest.fixture
def vendor(monkeypatch):
    vendor = OpenAI(refused=("gold",))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(vendor) as address:
        vendor.address = f"{address}/v1"
        monkeypatch.setattr("imgbuild.providers.openai.provider.ADDRESS", vendor.address)
        yield vendor
    assert vendor.faults == []


@pytest.fixture
def shop(bench, vendor):
    vendor.refused = ()
    return bench({"specs/catalog.yaml": SPEC})


def test_every_image_is_asked_for_and_paid_once(shop, vendor):
    ended = shop.build()
    assert ended.failures == ()
    assert (vendor.billed, len(vendor.asked)) == (6, 6)
    assert ended.finished.cost == pytest.approx(6 * COST)
    lines = shop.lines()
    assert {(line.grade, line.via) for line in lines.values()} == {("stored", "")}
    assert sorted(lines) == sorted(ALL)
    assert not any("seed" in asked.fields for asked in vendor.asked)
    assert dict(shop.build().ran) == {}
    assert vendor.billed == 6
    told = shop.tell("cost", "--spent").out
    assert "6" in told.splitlines()[-1]


def test_a_limit_that_is_told_is_kept_without_being_tried(shop, vendor):
    answer, came = used_up(vendor, 600)
    vendor.first = [answer] * 6
    (shop.root / "imgbuild.yaml").write_text("limits: {openai: {concurrency: 1}}\n")
    assert shop.build().failures == ()
    assert vendor.billed == 6
    assert came[-1] - came[0] >= 4 * 0.1  # ten a second, and one that may come a little early


def test_without_a_journal_nothing_is_sent_and_nobody_takes_over(shop, vendor, monkeypatch):
    """What the disk refuses is no fault of the vendor's."""

    def write(journal, text):
        raise OSError(errno.ENOSPC, "No space left on device", ".imgbuild/journal")

    with monkeypatch.context() as full:
        full.setattr(Journal, "_write", write)
        told = shop.tell("build")
    assert (told.code, told.err) == (
        2,
        "error: .imgbuild/journal: No space left on device\n"
        "hint: see to its owner, its permissions, and free space\n",
    )
    assert (vendor.asked, shop.outputs()) == ([], {})
    assert shop.build().failures == ()
    assert vendor.billed == 6


def test_four_variants_are_four_requests(shop, vendor):
    shop.edit("specs/catalog.yaml", ("models: [api]", "models: [api]\n    seeds: 4"))
    shop.edit("specs/catalog.yaml", ("[red, blue, green, gold, grey, teal]", "[red]"))
    assert shop.build().failures == ()
    assert vendor.billed == 4
    assert len(set(shop.outputs().values())) == 4


def test_what_was_turned_down_is_asked_for_again_and_paid_once(shop, vendor):
    vendor.first = [
        busy(0.01),
        failure(500, "The server had an error."),
        busy(),
        failure(503, "Overloaded.", headers={"retry-after": "0.01"}),
    ]
    ended = shop.build()
    assert ended.failures == ()
    assert (vendor.billed, len(vendor.asked)) == (6, 10)
    assert ended.finished.cost == pytest.approx(6 * COST)


def test_a_refusal_is_told_and_a_fallback_takes_over(shop, vendor):
    vendor.refused = ("gold",)
    ended = shop.build()
    assert ended.failures == ()
    assert {name: line.via for name, line in shop.lines().items() if line.via} == {
        "heroes[color=gold]@api#0": "placeholder"
    }
    assert vendor.billed == 5
    assert "placeholder" in shop.why("catalog/heroes[color=gold]@api#0")


def test_without_a_key_nothing_is_sent_and_no_fallback_takes_over(shop, vendor, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    ended = shop.build()
    assert [failure.cause for failure in ended.failures] == [
        "'openai' needs a key, and OPENAI_API_KEY is not set"
    ] * 6
    assert (vendor.asked, shop.lines(), ended.finished.cost) == ([], {}, 0)


def test_a_key_that_is_not_taken_is_not_shown_and_not_tried_for_every_image(shop, vendor, monkeypatch):
    secret = "sk-wrong-ABCDEFGH"
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    shop.write({"imgbuild.yaml": "limits: {openai: {concurrency: 1}}\n"})
    told = shop.tell("build", "--json")
    assert told.code == 1
    causes = [row["cause"] for row in map(json.loads, told.out.splitlines()) if row["event"] == "failure"]
    assert causes == ["the key is not taken: Incorrect API key provided: (key)."] * 6
    assert len(vendor.asked) == 1
    assert secret not in told.out + told.err


def test_the_key_is_nowhere(shop, vendor):
    told = [
        shop.tell("build", "--json"),
        shop.tell("doctor"),
        shop.tell("why", f"catalog/{ALL[0]}"),
        shop.tell("manifest"),
    ]
    assert {item.code for item in told} == {0}
    assert not any(KEY in item.out + item.err for item in told)
    files = [path for path in shop.root.rglob("*") if path.is_file()]
    assert len(files) > 12
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_a_server_that_keeps_failing_is_left_alone_and_the_rest_goes_on(shop, vendor, monkeypatch):
    monkeypatch.setattr("imgbuild.providers.openai.provider.TIMEOUT", 0.2)
    shop.write({"imgbuild.yaml": "limits: {openai: {concurrency: 1}}\n"})
    shop.edit(
        "specs/catalog.yaml",
        ("  heroes:", '  plain: {prompt: "a plain ground", models: [placeholder], size: 16x16}\n  heroes:'),
        (", fallback: [placeholder]", ""),
    )
    vendor.first = [failure(504, "Gateway Timeout")] * 6
    ended = shop.build()
    assert len(vendor.asked) == 5
    causes = [failure.cause for failure in ended.failures]
    assert causes[:5] == ["the server did not answer: Gateway Timeout"] * 5
    assert causes[5:] == [
        "'openai' failed 5 times in a row, and is left alone: the server did not answer: Gateway Timeout"
    ]
    assert list(shop.lines()) == ["plain@placeholder#0"]


def test_a_lost_answer_is_not_paid_again_unasked(shop, vendor):
    shop.edit("specs/catalog.yaml", ("[red, blue, green, gold, grey, teal]", "[red]"))
    vendor.first = [failure(504, "Gateway Timeout")]
    (failed,) = shop.build().failures
    assert failed.hint == "send it again with --resend"
    (failed,) = shop.build().failures
    assert failed.cause == "this request was sent before and its answer was lost; it may have been paid for"
    assert len(vendor.asked) == 1
    assert shop.build(resend=True).failures == ()
    assert vendor.billed == 1


def test_another_host_needs_consent_and_then_has_its_own_key(shop, vendor, monkeypatch):
    monkeypatch.setattr("imgbuild.providers.openai.provider.ADDRESS", "https://api.openai.com/v1")
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", KEY)
    monkeypatch.delenv("OPENAI_API_KEY")
    house = f"params: {{base_url: '{vendor.address}', key: IMGBUILD_HOUSE_KEY, quality: low}}"
    shop.edit("specs/catalog.yaml", ("params: {quality: low}", house))
    told = shop.tell("build")
    assert (told.code, vendor.asked) == (2, [])
    host = vendor.address.split("/")[2]
    assert (
        f"sends prompts, pictures and what IMGBUILD_HOUSE_KEY holds to {host}, which is not the vendor's own host"
        in told.err
    )
    assert shop.tell("build", "--trust", "-q").code == 0
    assert vendor.billed == 6
    shop.edit("specs/catalog.yaml", ("IMGBUILD_HOUSE_KEY", "AWS_SECRET_ACCESS"))
    told = shop.tell("plan")
    assert told.code == 2
    assert "AWS_SECRET_ACCESS" in told.err


def test_a_budget_wants_a_price_and_keeps_it(shop, vendor, monkeypatch):
    monkeypatch.setattr("imgbuild.providers.openai.provider.ADDRESS", "https://api.openai.com/v1")
    house = f"params: {{base_url: '{vendor.address}', quality: low}}"
    shop.edit("specs/catalog.yaml", ("params: {quality: low}", house))
    failures = shop.build(budget=1.0).failures
    assert {(failure.cause, failure.hint) for failure in failures} == {
        (
            "there is a budget, and it is not known what this image costs",
            "state the model's 'price', in US dollars an image",
        )
    }
    assert vendor.asked == []
    shop.edit("specs/catalog.yaml", ("size: 64x32", "size: 64x32, price: 0.25"))
    assert "$1.50" in shop.tell("cost").out
    ended = shop.build(budget=2.0)
    assert (ended.failures, ended.finished.cost, vendor.billed) == ((), 1.5, 6)


STATED = {
    "by tokens": ("{tokens: {text: 10, image: 10, output: 60}}", None, (50 * 10 + 1000 * 60) / 1e6),
    "by quality and size": ("{images: {low: {64x32: 0.5}, high: {64x32: 2}}}", 0.5, 0.5),
    "by the megapixel": ("{first_megapixel: 0.5, megapixel: 0.1}", 0.5, 0.5),
    "for another quality": ("{images: {high: {64x32: 0.5}}}", None, COST),
    "for each image": ("0.25", 0.25, 0.25),
}


@pytest.mark.parametrize(("price", "estimate", "cost"), STATED.values(), ids=STATED)
def test_what_a_model_states_goes_before_the_list(shop, vendor, price, estimate, cost):
    """It is an entry of the list, in place of the one that is there: what that does not say, nobody says."""
    shop.edit("specs/catalog.yaml", ("size: 64x32", f"size: 64x32, price: {price}"))
    shop.edit("specs/catalog.yaml", ("[red, blue, green, gold, grey, teal]", "[red]"))
    row = json.loads(shop.tell("plan", "--json").out.splitlines()[0])
    assert row["cost"] == estimate
    ended = shop.build()
    assert ended.failures == ()
    assert ended.finished.cost == pytest.approx(cost)
    shop.edit("specs/catalog.yaml", (f", price: {price}", ""))
    assert dict(shop.build().ran) == {}  # a price is in no key


@pytest.mark.parametrize("bill", [0.25, 0.2, 0.3], ids=["as estimated", "less", "more"])
def test_no_budget_is_crossed_by_sixty_four_threads(shop, vendor, monkeypatch, bill):
    """What is reserved holds; where a vendor takes more than it said, nothing more is sent once that is known."""
    from imgbuild.providers.openai import OpenAI as Adapter

    monkeypatch.setattr(Adapter, "price", lambda self, request: 0.25)
    monkeypatch.setattr("imgbuild.providers.openai.answers._tokens", lambda answer: {"output": bill / 30e-6})
    shop.write({"imgbuild.yaml": "limits: {openai: {concurrency: 64}}\n"})
    numbers = ", ".join(map(str, range(100)))
    shop.edit("specs/catalog.yaml", ("[red, blue, green, gold, grey, teal]", f"[{numbers}]"))
    shop.edit("specs/catalog.yaml", (", fallback: [placeholder]", ""))
    monkeypatch.setattr("imgbuild.pipeline.Estimates.total", lambda *_: 0.0)  # else the build does not begin
    ended = shop.build(budget=5.0)
    under_way = 64 * max(0.0, bill - 0.25)
    assert ended.finished.cost == pytest.approx(vendor.billed * bill)
    assert ended.finished.cost <= 5.0 + under_way + 1e-9
    assert vendor.billed >= 5.0 / max(bill, 0.25) - 1
    assert len(ended.failures) == 100 - vendor.billed
    near = [event for event in shop.events if isinstance(event, NearBudget)]
    assert [(event.of, event.limit) for event in near] == [("build", 5.0)]
    assert near[0].spent >= 4.0


def test_prices_are_estimated_by_the_list(shop):
    told = shop.tell("plan", "--json").out
    (row,) = [json.loads(line) for line in told.splitlines() if json.loads(line).get("event") == "plan"][:1]
    assert row["cost"] == pytest.approx(0.006 * 64 * 32 / 1024**2)


def test_limits_of_the_settings_are_kept(shop, vendor):
    shop.write({"imgbuild.yaml": "limits: {openai: {per_second: 20, concurrency: 2}}\n"})
    ended = shop.build()
    assert ended.failures == ()
    assert ended.finished.seconds >= 5 / 20 - 0.1


ERRORS = {
    "a negative prompt": (
        ("models: [api]", "models: [api]\n    negative: blurry"),
        """\
specs/catalog.yaml:9:15: model 'api' takes no negative prompt
    9 |     negative: blurry
      |               ^^^^^^
hint: leave it out, or let the model say 'unsupported: {negative: drop}' or '{negative: fold}'
""",
    ),
    "a size it does not have": (
        ("size: 64x32", "size: 65x32"),
        """\
specs/catalog.yaml:3:3: model 'api' makes no images of 65x32
    3 |   api: {provider: openai, source: gpt-image-2, size: 65x32, params: {quality: low}, fallback: [placeholder]}
      |   ^^^
hint: leave it out, or let the model say 'unsupported: {size: drop}'; sides must be multiples of 16
""",
    ),
    "a quality that there is none of": (
        ("quality: low", "quality: best"),
        """\
specs/catalog.yaml:3:79: parameter 'quality' of model 'api' can't be 'best'
    3 |   api: {provider: openai, source: gpt-image-2, size: 64x32, params: {quality: best}, fallback: [placeholder]}
      |                                                                               ^^^^
hint: it takes one of low, medium, high, auto
""",
    ),
    "steps": (
        ("quality: low", "steps: 30"),
        """\
specs/catalog.yaml:3:70: model 'api' takes no parameter 'steps'
    3 |   api: {provider: openai, source: gpt-image-2, size: 64x32, params: {steps: 30}, fallback: [placeholder]}
      |                                                                      ^^^^^
hint: leave it out, or let the model say 'unsupported: {steps: drop}'; its parameters: api_version, background, base_url, input_fidelity, key, moderation, quality, timeout
""",
    ),
    "an empty price": (
        ("size: 64x32", "size: 64x32, price: {}"),
        """\
specs/catalog.yaml:3:61: 'price' must not be empty
    3 |   api: {provider: openai, source: gpt-image-2, size: 64x32, price: {}, params: {quality: low}, fallback: [placeholder]}
      |                                                             ^^^^^
hint: give it a value, or leave the key out
""",
    ),
    "a misspelt price": (
        ("size: 64x32", "size: 64x32, price: {megapixels: 1}"),
        """\
specs/catalog.yaml:3:69: unknown key 'megapixels'
    3 |   api: {provider: openai, source: gpt-image-2, size: 64x32, price: {megapixels: 1}, params: {quality: low}, fallback: [placeholder]}
      |                                                                     ^^^^^^^^^^
hint: did you mean 'megapixel'? Keys here: first_megapixel, image, images, input_megapixel, megapixel, source, tokens
""",
    ),
    "a price of no size": (
        ("size: 64x32", "size: 64x32, price: {images: {low: {1024: 1}}}"),
        """\
specs/catalog.yaml:3:84: '1024' is no size, such as 1024x768
    3 |   api: {provider: openai, source: gpt-image-2, size: 64x32, price: {images: {low: {1024: 1}}}, params: {quality: low}, fallback: [placeholder]}
      |                                                                                    ^^^^
""",
    ),
    "a price that is a word": (
        ("size: 64x32", "size: 64x32, price: {images: {low: {64x32: cheap}}}"),
        """\
specs/catalog.yaml:3:91: '64x32' must be a number
    3 |   api: {provider: openai, source: gpt-image-2, size: 64x32, price: {images: {low: {64x32: cheap}}}, params: {quality: low}, fallback: [placeholder]}
      |                                                                                           ^^^^^
""",
    ),
    "a negative price": (
        ("size: 64x32", "size: 64x32, price: -1"),
        """\
specs/catalog.yaml:3:68: 'price' must be at least 0
    3 |   api: {provider: openai, source: gpt-image-2, size: 64x32, price: -1, params: {quality: low}, fallback: [placeholder]}
      |                                                                    ^^
""",
    ),
}


@pytest.mark.parametrize(("edit", "said"), ERRORS.values(), ids=ERRORS)
def test_what_it_does_not_take_is_an_error_before_anything_is_sent(shop, vendor, edit, said):
    shop.edit("specs/catalog.yaml", edit)
    told = shop.tell("build")
    assert (told.code, told.err, vendor.asked) == (2, said, [])


def test_a_key_of_the_file_is_used_and_is_nowhere_else(shop, vendor, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    shop.write({".env": f"OPENAI_API_KEY={KEY}\n"})
    told = [
        shop.tell("build", "--json"),
        shop.tell("doctor"),
        shop.tell("why", f"catalog/{ALL[0]}"),
        shop.tell("manifest"),
        shop.tell("plan", "--json"),
        shop.tell("models", "--json"),
    ]
    assert {item.code for item in told} == {0}
    assert vendor.billed == 6
    assert not any(KEY in item.out + item.err for item in told)
    files = [path for path in shop.root.rglob("*") if path.is_file()]
    assert [path.name for path in files if KEY.encode() in path.read_bytes()] == [".env"]


def test_a_key_that_git_could_give_away_is_not_used(shop, vendor, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    shop.write({".env": f"OPENAI_API_KEY={KEY}\n"})
    subprocess.run(["git", "init", "-q"], cwd=shop.root, check=True)
    ended = shop.build()
    assert {(failure.cause, failure.hint) for failure in ended.failures} == {
        (
            "OPENAI_API_KEY is in .env, which git does not ignore: a commit could give it away",
            "list .env in .gitignore",
        )
    }
    assert (vendor.asked, shop.lines()) == ([], {})
    shop.write({".gitignore": ".env\n"})
    assert shop.build().failures == ()
