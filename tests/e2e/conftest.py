"""The catalog that several of these projects are: three products in two colours; and what counts measurements."""

from collections import Counter
from textwrap import dedent, indent

import pytest

from imgbuild.providers.web import Web
from imgbuild.rules import RULES

CSV = "sku,name\nA1,lamp\nA2,chair\nA3,table\n"
SPEC = """
models:
  paint: {provider: painter}
assets:
  shots:
    prompt: "Photo of {{ name }}, {{ color }}"
    matrix:
      product: {csv: products.csv, key: sku}
      color: [red, blue]
    models: [paint]
"""


@pytest.fixture(scope="session")
def catalog():
    """A function: what else the asset says → the files of the project."""

    def write(text):
        return {
            "specs/catalog.yaml": SPEC + indent(dedent(text), "    "),
            "specs/products.csv": CSV,
        }

    return write


@pytest.fixture
def measured(monkeypatch):
    """How often each rule measured a picture."""
    times: Counter[str] = Counter()
    for name in RULES.names():
        kind = RULES.get(name)

        def counted(self, picture, files, name=name, measure=kind.measure):
            times[name] += 1
            return measure(self, picture, files)

        monkeypatch.setattr(kind, "measure", counted)
    return times


@pytest.fixture
def webs(monkeypatch):
    """All clients that adapters make; the connections that they keep end with the test."""
    made = []
    make = Web.__init__

    def remember(self, *args):
        make(self, *args)
        made.append(self)

    monkeypatch.setattr(Web, "__init__", remember)
    yield made
    for web in made:
        web.close()
