"""What the project's policy refuses, and what it points out: of models, chains, profiles, assets."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest

from imgbuild.errors import ImgbuildError
from imgbuild.expand import Expansion
from imgbuild.expand.licenses import TABLE, license_of
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.settings import Profile
from imgbuild.types import Capabilities, Grade, Model

Expanded = Callable[..., Expansion]


class Plain(Provider):
    """Takes pictures, and whatever parameter."""

    name = "plain"

    def capabilities(self, model: Model) -> Capabilities:
        return Capabilities(takes=frozenset({"image"}), grade=Grade.BITWISE, params={"*": {}})

    def generate(self, requests: Any) -> Any:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROVIDERS._loaded, "plain", Plain)


def told(expanded: Expanded, text: str, **settings: Any) -> str:
    with pytest.raises(ImgbuildError) as caught:
        expanded(dedent(text), {"specs/a.png": b""}, **settings)
    return "\n".join(caught.value.lines())


def warned(expanded: Expanded, text: str, **settings: Any) -> list[str]:
    return [notice.message for notice in expanded(dedent(text), {"specs/a.png": b""}, **settings).warnings]


CHAIN = """\
version: 1
models:
  one: {provider: plain, license: MIT, fallback: [two]}
  two: {provider: plain, license: cc-by-nc-4.0}
  three: {provider: plain}
  unused: {provider: plain, license: cc-by-nc-4.0}
assets:
  a: {prompt: x, models: [one]}
  b: {prompt: x, models: [three, two]}
"""


def test_all_faults_of_a_chain_and_of_all_assets_are_told_once(expanded: Expanded) -> None:
    assert (
        told(expanded, CHAIN, policy={"licenses": ["mit"], "providers": ["plain"]})
        == """\
specs/catalog.yaml:4:35: model 'two' has the licence 'cc-by-nc-4.0', which the project does not allow
    4 |   two: {provider: plain, license: cc-by-nc-4.0}
      |                                   ^^^^^^^^^^^^
hint: allowed: mit ('policy.licenses' in imgbuild.yaml)
specs/catalog.yaml:5:21: model 'three' states no licence, which the project does not allow
    5 |   three: {provider: plain}
      |                     ^^^^^
hint: add 'license: …' to it, as its maker names it; allowed: mit ('policy.licenses' in imgbuild.yaml)"""
    )


def test_commercial_use(expanded: Expanded) -> None:
    assert (
        told(expanded, CHAIN, policy={"commercial": True})
        == """\
specs/catalog.yaml:4:35: model 'two' has the licence 'cc-by-nc-4.0', which forbids commercial use
    4 |   two: {provider: plain, license: cc-by-nc-4.0}
      |                                   ^^^^^^^^^^^^
hint: as its text stood in 2026-11; take another model, or 'commercial' off 'policy' in imgbuild.yaml
specs/catalog.yaml:5:21: model 'three' states no licence, which the project does not allow
    5 |   three: {provider: plain}
      |                     ^^^^^
hint: add 'license: …' to it, as its maker names it ('policy.commercial' in imgbuild.yaml)"""
    )


def one(license: str) -> str:
    return f"version: 1\nmodels: {{m: {{provider: plain, license: '{license}'}}}}\nassets: {{a: {{prompt: x}}}}\n"


def test_conditions_and_unknown_licences_are_pointed_out(expanded: Expanded) -> None:
    policy = {"commercial": True}
    assert warned(expanded, one("Apache-2.0"), policy=policy) == []
    assert warned(expanded, one("StabilityAI-ai-community"), policy=policy) == [
        "model 'm' has the licence 'StabilityAI-ai-community', which allows commercial use on a condition: "
        "free below a yearly revenue of a million US dollars; above it, a licence must be bought"
    ]
    assert warned(expanded, one("house"), policy=policy) == [
        "model 'm' has the licence 'house', of which it is not known here whether it allows commercial use"
    ]
    assert warned(expanded, one("house"), policy={**policy, "licenses": ["House"]}) == []
    assert "forbids commercial use" in told(
        expanded, one("mit-nc"), policy={**policy, "licenses": ["mit-nc"]}
    )


def test_the_table_of_licences() -> None:
    assert all(name == name.lower() for name in TABLE)
    said = {
        name: license_of(name)
        for name in ("CC-BY-NC-SA-4.0", "FLUX-1-dev-Non-Commercial-License", "OpenRAIL++")
    }
    assert {name: known and known.commercial for name, known in said.items()} == {
        "CC-BY-NC-SA-4.0": "no",
        "FLUX-1-dev-Non-Commercial-License": "no",
        "OpenRAIL++": "yes",
    }
    assert license_of("gpl") is None


def test_what_a_profile_puts_in_a_models_place(expanded: Expanded) -> None:
    other = Profile(models={"m": Model(provider="plain", license="nc-only")})
    said = told(expanded, one("mit"), profile=other, policy={"licenses": ["MIT"]})
    assert said.splitlines()[0].endswith(
        "model 'm' has the licence 'nc-only', which the project does not allow"
    )
    stand_in = Profile(models={"*": "placeholder"})
    policy = {"licenses": ["mit"], "providers": ["plain"], "commercial": True, "rights": True}
    assert expanded(one("nc"), profile=stand_in, policy=policy)


RIGHTS = """\
version: 1
models:
  m: {provider: plain, params: {lora: ./a.png}}
  n: {provider: plain, fallback: [o]}
  o: {provider: plain, params: {ip_adapter: [{source: x}]}}
assets:
  cut: {from: a.png}
  art: {prompt: x, models: [m, n]}
  own: {prompt: x, models: [n], inputs: {image: a.png}}
  made: {prompt: x, models: [n], inputs: {image: {asset: cut}}}
"""


def test_rights_are_asked_for_where_others_work_goes_in(expanded: Expanded) -> None:
    assert expanded(RIGHTS, {"specs/a.png": b""})
    hint = "hint: add 'rights: …': who made them, and by which licence they are used ('policy.rights' in imgbuild.yaml)"
    said = told(expanded, RIGHTS, policy={"rights": True}).splitlines()
    assert said[:4] == [
        "specs/catalog.yaml:3:3: model 'm' has 'lora', and states no rights",
        "    3 |   m: {provider: plain, params: {lora: ./a.png}}",
        "      |   ^",
        hint,
    ]
    assert [line for line in said if line.startswith("specs/")] == [
        "specs/catalog.yaml:3:3: model 'm' has 'lora', and states no rights",
        "specs/catalog.yaml:5:3: model 'o' has 'ip_adapter', and states no rights",
        "specs/catalog.yaml:7:3: asset 'cut' has pictures from files, and states no rights",
        "specs/catalog.yaml:9:3: asset 'own' has pictures from files, and states no rights",
    ]
    stated = (
        RIGHTS.replace("{provider: plain, params", "{provider: plain, rights: ours, params")
        .replace("from: a.png", "from: a.png, rights: ours")
        .replace("image: a.png}", "image: a.png}, rights: CC0")
    )
    assert expanded(stated, {"specs/a.png": b""}, policy={"rights": True})
    assert "states no rights" in told(
        expanded, stated.replace("rights: CC0", "rights: ' '"), policy={"rights": True}
    )


READS = """\
version: 1
assets:
  over: {prompt: x, process: [{overlay: {image: logo.png}}]}
  text: {prompt: x, process: [blur, {overlay: {text: x, font: a.ttf}}]}
  layer: {prompt: x, process: [{compose: {layers: [{picture: true}, {image: logo.png}]}}]}
  tone: {prompt: x, process: [{color: {match: logo.png}}]}
  small: {prompt: x, renditions: {thumb: {process: [{overlay: {image: logo.png}}]}}}
  plain: {prompt: x, process: [blur, {compose: {layers: [{color: red}, {picture: true, scale: 0.5}]}}]}
  held: {prompt: x, validate: [{similar_to: {reference: logo.png}}]}
  taken: {prompt: x, process: [{compose: {layers: [{asset: plain}, {picture: true}]}}]}
"""


def test_rights_are_asked_for_where_operations_read_files(expanded: Expanded) -> None:
    files = {"specs/logo.png": b"", "specs/a.ttf": b""}
    assert expanded(READS, files)
    with pytest.raises(ImgbuildError) as caught:
        expanded(READS, files, policy={"rights": True})
    assert [line for line in str(caught.value).splitlines() if "states no rights" in line] == [
        "specs/catalog.yaml:3:3: asset 'over' has files that 'overlay' reads, and states no rights",
        "specs/catalog.yaml:4:3: asset 'text' has files that 'overlay' reads, and states no rights",
        "specs/catalog.yaml:5:3: asset 'layer' has files that 'compose' reads, and states no rights",
        "specs/catalog.yaml:6:3: asset 'tone' has files that 'color' reads, and states no rights",
        "specs/catalog.yaml:7:3: asset 'small' has files that 'overlay' reads, and states no rights",
    ]
    stated = READS.replace("prompt: x", "prompt: x, rights: ours")
    assert expanded(stated, files, policy={"rights": True})
