"""`doctor --keys`: each key asked about once, what is said of it, and nobody asked without consent."""

import json
import os
import subprocess

import pytest

from imgbuild.commands.starter import KEYS
from imgbuild.errors import Unavailable
from imgbuild.providers import PROVIDERS
from imgbuild.types import Account
from tests.vendors import bfl, openai
from tests.vendors.house import CLIENT, SECRET, House
from tests.vendors.server import Answer, serving

SPEC = """\
models:
  hero: {provider: openai, source: gpt-image-2, size: 64x64}
  more: {provider: openai, source: gpt-image-1-mini, size: 1024x1024}
assets:
  lamps: {prompt: hi, models: [hero, more]}
"""
OAUTH = """\
models:
  house:
    provider: http
    size: 64x64
    params:
      request: {url: "ADDRESS/v1/url", json: {prompt: "{{ prompt }}"}}
      auth: {oauth: {url: "ADDRESS/token", client_id: IMGBUILD_HOUSE_ID, client_secret: IMGBUILD_HOUSE_SECRET}}
      answer: {url: "images[0].url"}
assets:
  lamps: {prompt: hi, models: [house]}
"""
HOUSE = """\
models:
  house: {provider: openai, source: flux, size: 64x64, params: {base_url: "ADDRESS", key: IMGBUILD_HOUSE_KEY}}
assets:
  lamps: {prompt: hi, models: [house]}
"""


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """A machine without keys and without a GPU."""
    for name in [*KEYS, "IDEOGRAM_API_KEY", "GOOGLE_API_KEY"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


@pytest.fixture
def vendor(monkeypatch):
    vendor = openai.OpenAI()
    with serving(vendor) as address:
        vendor.address = f"{address}/v1"
        monkeypatch.setattr("imgbuild.providers.openai.provider.ADDRESS", vendor.address)
        yield vendor


@pytest.fixture
def desk(monkeypatch):
    """A function: answers of an account, or what it raises → a vendor `house` that gives them, and what it was asked."""

    def make(answer, **kind):
        asked = []

        def account(self, model):
            asked.append(model)
            if isinstance(answer, Exception):
                raise answer
            return answer

        base = PROVIDERS.get("placeholder")
        own = type("House", (base,), {"name": "house", "env": ("HOUSE_API_KEY",), "account": account, **kind})
        monkeypatch.setitem(PROVIDERS._loaded, "house", own)
        monkeypatch.setitem(PROVIDERS._built_in, "house", "nowhere:House")
        monkeypatch.setenv("HOUSE_API_KEY", "secret-value")
        return asked

    return make


def keys(project, *flags, code=0):
    """What is said of keys, but which there are."""
    told = project.tell("doctor", "--json", *flags)
    assert (told.code, told.err) == (code, "")
    rows = [json.loads(line) for line in told.out.splitlines()]
    return [(row["state"], row["text"]) for row in rows if row["part"] == "keys"][1:]


def test_a_key_is_asked_about_once_however_many_models_have_it(bench, vendor, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", openai.KEY)
    project = bench({"specs/a.yaml": SPEC})
    assert keys(project) == []
    assert vendor.asked == []
    assert keys(project, "--keys") == [
        ("ok", "openai (OPENAI_API_KEY): taken"),
        ("note", "model 'more' (gpt-image-1-mini) ends on 2026-12-01, by the server's own list"),
    ]
    assert [asked.path for asked in vendor.asked] == ["/v1/models"]
    assert openai.KEY not in project.tell("doctor", "--keys").out


def test_a_model_that_the_vendor_has_not(bench, vendor, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", openai.KEY)
    vendor.first = [Answer(200, {"object": "list", "data": [openai.listed("gpt-image-2", None)]})]
    assert keys(bench({"specs/a.yaml": SPEC}), "--keys") == [
        ("ok", "openai (OPENAI_API_KEY): taken"),
        ("note", "model 'more' (gpt-image-1-mini) is not in the server's own list"),
    ]


def test_the_snapshot_that_is_pinned_counts(bench, vendor, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", openai.KEY)
    project = bench({"specs/a.yaml": SPEC})
    assert project.build().failures == ()
    dated = openai.listed("gpt-image-2-2026-04-21", "2027-01-01")
    vendor.first = [Answer(200, {"object": "list", "data": [dated, openai.listed("gpt-image-1-mini", None)]})]
    assert keys(project, "--keys")[1:] == [
        ("note", "model 'hero' (gpt-image-2-2026-04-21) ends on 2027-01-01, by the server's own list")
    ]


def test_a_key_that_is_not_taken(bench, vendor, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    project = bench({"specs/a.yaml": SPEC})
    assert keys(project, "--keys", code=1) == [
        ("broken", "openai (OPENAI_API_KEY): not taken: Incorrect API key provided: (key).")
    ]
    told = project.tell("doctor", "--keys", "-q")
    assert told == (
        1,
        "broken  keys         openai (OPENAI_API_KEY): not taken: Incorrect API key provided: (key).\n",
        "",
    )


def test_the_key_of_the_file_is_tested(bench, vendor):
    project = bench({"specs/a.yaml": SPEC, ".env": f"OPENAI_API_KEY={openai.KEY}\n"})
    (project.root / ".env").chmod(0o600)
    assert keys(project, "--keys")[0] == ("ok", "openai (OPENAI_API_KEY): taken")


def test_a_key_that_git_could_give_away_is_not_sent(bench, vendor, monkeypatch):
    monkeypatch.setenv("PATH", os.defpath)
    project = bench({"specs/a.yaml": SPEC, ".env": f"OPENAI_API_KEY={openai.KEY}\n"})
    subprocess.run(["git", "init", "-q"], cwd=project.root, check=True)
    (project.root / ".env").chmod(0o600)
    assert [state for state, _ in keys(project, "--keys", code=1)] == ["broken"]
    assert vendor.asked == []


def test_offline_nothing_is_asked(bench, vendor, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", openai.KEY)
    project = bench({"specs/a.yaml": SPEC})
    assert keys(project, "--keys", "--offline") == [("note", "not tested: --offline")]
    assert keys(project, "--offline") == []
    assert vendor.asked == []


def test_a_key_that_nothing_here_uses_is_tested_too(bench, monkeypatch):
    vendor = bfl.BFL()
    monkeypatch.setenv("BFL_API_KEY", bfl.KEY)
    project = bench({"specs/a.yaml": "assets: {x: {prompt: hi, size: 16x16}}\n"})
    with serving(vendor) as address:
        monkeypatch.setattr("imgbuild.providers.bfl.ADDRESS", address)
        assert keys(project, "--keys") == [("ok", "bfl (BFL_API_KEY): taken, 1,234 credits left ($12.34)")]
        project.write({"specs/a.yaml": "assets: [\n"})
        assert keys(project, "--keys", code=1)[0][0] == "ok"  # a broken spec keeps nobody from it


def test_another_host_is_asked_with_consent_alone(bench, vendor, monkeypatch):
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", openai.KEY)
    monkeypatch.setattr("imgbuild.providers.openai.provider.ADDRESS", "https://api.openai.com/v1")
    host = vendor.address.split("/")[2]
    project = bench({"specs/a.yaml": HOUSE.replace("ADDRESS", vendor.address)})
    whom = f"openai (IMGBUILD_HOUSE_KEY at {host})"
    needs = ("ok", "model 'house' needs IMGBUILD_HOUSE_KEY, which is set")
    assert keys(project, "--keys") == [
        needs,
        ("note", f"{whom}: not asked without your consent; `imgbuild trust` shows why"),
    ]
    assert vendor.asked == []
    assert project.tell("trust", "--yes").code == 0
    assert keys(project, "--keys") == [
        needs,
        ("ok", f"{whom}: taken"),
        ("note", "model 'house' (flux) is not in the server's own list"),
    ]


def test_a_server_that_wants_no_key(bench):
    spec = "models: {m: {provider: automatic1111, source: any, params: {base_url: 'http://127.0.0.1:9'}}}\n"
    project = bench({"specs/a.yaml": f"{spec}assets: {{x: {{prompt: hi, size: 64x64}}}}\n"})
    ((state, text),) = keys(project, "--keys")
    assert state == "note"
    assert text.startswith("automatic1111 (127.0.0.1:9): can't be tested: the server can't be reached: ")


@pytest.fixture
def house(monkeypatch):
    """A server that gives tokens. All that its client needs is set."""
    monkeypatch.setenv("IMGBUILD_HOUSE_ID", CLIENT)
    monkeypatch.setenv("IMGBUILD_HOUSE_SECRET", SECRET)
    house = House()
    with serving(house) as address:
        house.address = address
        yield house
    assert house.wrong == []


def at(house, names="IMGBUILD_HOUSE_ID, IMGBUILD_HOUSE_SECRET"):
    """How it is called."""
    return f"http ({names} at {house.address.split('/')[2]})"


def paths(vendor):
    return [asked.path for asked in vendor.asked]


def test_a_client_of_oauth_asks_for_a_token_and_for_nothing_else(bench, house):
    project = bench({"specs/a.yaml": OAUTH.replace("ADDRESS", house.address)})
    assert keys(project, "--keys") == [
        ("ok", "model 'house' needs IMGBUILD_HOUSE_ID, which is set"),
        ("ok", "model 'house' needs IMGBUILD_HOUSE_SECRET, which is set"),
        ("note", f"{at(house)}: not asked without your consent; `imgbuild trust` shows why"),
    ]
    assert house.asked == []
    assert project.tell("trust", "--yes").code == 0
    assert keys(project, "--keys")[2:] == [("ok", f"{at(house)}: taken")]
    assert (paths(house), house.billed) == (["/token"], 0)
    told = project.tell("doctor", "--keys", "--json").out
    assert SECRET not in told
    assert not any(token in told for token in house.tokens)


def test_a_client_of_oauth_that_is_not_known(bench, house, monkeypatch):
    monkeypatch.setenv("IMGBUILD_HOUSE_SECRET", "another-secret")
    project = bench({"specs/a.yaml": OAUTH.replace("ADDRESS", house.address)})
    project.tell("trust", "--yes")
    assert keys(project, "--keys", code=1)[2:] == [
        ("broken", f"{at(house)}: no token is given: invalid_client")
    ]
    assert "another-secret" not in project.tell("doctor", "--keys").out


def test_a_client_of_oauth_that_is_half_set_is_not_asked_for(bench, house, monkeypatch):
    monkeypatch.delenv("IMGBUILD_HOUSE_SECRET")
    project = bench({"specs/a.yaml": OAUTH.replace("ADDRESS", house.address)})
    project.tell("trust", "--yes")
    assert keys(project, "--keys") == [
        ("ok", "model 'house' needs IMGBUILD_HOUSE_ID, which is set"),
        ("note", "model 'house' needs IMGBUILD_HOUSE_SECRET, which is not set"),
    ]
    assert house.asked == []


def test_a_key_of_a_declaration_can_not_be_tested(bench, house, monkeypatch):
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", "secret-value")
    spec = OAUTH.replace("ADDRESS", house.address).replace(
        " auth: {", " key: IMGBUILD_HOUSE_KEY\n      auth: {header: x-api-key, "
    )
    project = bench({"specs/a.yaml": spec})
    project.tell("trust", "--yes")
    names = "IMGBUILD_HOUSE_KEY, IMGBUILD_HOUSE_ID, IMGBUILD_HOUSE_SECRET"
    said = f"{at(house, names)}: taken, and IMGBUILD_HOUSE_KEY can't be tested without paying"
    assert keys(project, "--keys")[3:] == [("ok", said)]
    assert paths(house) == ["/token"]
    lines = [line for line in spec.splitlines() if " auth: " not in line]
    project.write({"specs/a.yaml": "\n".join(lines)})
    project.tell("trust", "--yes")
    assert keys(project, "--keys")[1:] == [
        ("note", f"{at(house, 'IMGBUILD_HOUSE_KEY')}: can't be tested without paying")
    ]
    project.write({"specs/a.yaml": "\n".join(line for line in lines if " key: " not in line)})
    project.tell("trust", "--yes")
    assert keys(project, "--keys") == []
    assert paths(house) == ["/token"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, ("note", "can't be tested without paying")),
        (Account(), ("ok", "taken")),
        (Account(credits=0), ("ok", "taken, 0 credits left")),
        (Account(credits=12.5, dollars=0.125), ("ok", "taken, 12.5 credits left ($0.12)")),
        (Account(note="it is a trial"), ("ok", "taken, and it is a trial")),
        (
            Unavailable("the account has no credit left: pay"),
            ("broken", "the account has no credit left: pay"),
        ),
        (KeyError("x"), ("note", "can't be tested: provider 'house' broke: KeyError: 'x'")),
    ],
)
def test_what_is_said(bench, desk, answer, said):
    asked = desk(answer)
    project = bench({"specs/a.yaml": "assets: {x: {prompt: hi, size: 16x16}}\n"})
    state, text = said
    found = keys(project, "--keys", code=int(state == "broken"))
    assert found == [(state, f"house (HOUSE_API_KEY): {text}")]
    assert [model.provider for model in asked] == ["house"]
