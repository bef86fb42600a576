"""The graph as DOT, Mermaid and JSON."""

import json

import pytest

from imgbuild.commands.graph import as_dot, as_json, as_mermaid
from imgbuild.graph import build_graph
from imgbuild.select import handle
from imgbuild.types import Input

SPEC = """\
models: {paint: {provider: painter}}
assets:
  shots: {prompt: "{{ thing }}", matrix: {thing: [lamp, pen]}, models: [paint]}
  scene:
    prompt: a scene
    models: [paint]
    matrix: {thing: [lamp]}
    inputs: {image: {asset: shots}, mask: refs/mask.png, reference: refs/mask.png}
  cut: {from: refs/mask.png}
"""

DOT = """\
digraph imgbuild {
  rankdir=LR;
  node [shape=box];
  "shop/shots[thing=lamp]@paint#0";
  "shop/shots[thing=pen]@paint#0";
  "shop/scene[thing=lamp]@paint#0";
  "specs/refs/mask.png" [shape=note];
  "shop/shots[thing=lamp]@paint#0" -> "shop/scene[thing=lamp]@paint#0" [label="image"];
  "specs/refs/mask.png" -> "shop/scene[thing=lamp]@paint#0" [label="mask"];
  "specs/refs/mask.png" -> "shop/scene[thing=lamp]@paint#0" [label="reference"];
  "shop/cut#0";
  "specs/refs/mask.png" -> "shop/cut#0" [label="image"];
}
"""

MERMAID = f"""\
flowchart LR
  t{handle("shop/shots[thing=lamp]@paint#0")}["shop/shots[thing=lamp]@paint#0"]
  t{handle("shop/scene[thing=lamp]@paint#0")}["shop/scene[thing=lamp]@paint#0"]
  t{handle("shop/shots[thing=lamp]@paint#0")} --> t{handle("shop/scene[thing=lamp]@paint#0")}
  f{handle("specs/refs/mask.png")}(["specs/refs/mask.png"]) --> t{handle("shop/scene[thing=lamp]@paint#0")}
  f{handle("specs/refs/mask.png")}(["specs/refs/mask.png"]) --> t{handle("shop/scene[thing=lamp]@paint#0")}
"""

JSON = """\
{
  "nodes": [
    {
      "id": "shop/cut#0",
      "asset": "shop/cut",
      "model": null,
      "output": "cut/0.png"
    }
  ],
  "edges": [
    {
      "from": "specs/refs/mask.png",
      "to": "shop/cut#0",
      "role": "image",
      "kind": "file"
    }
  ]
}
"""


@pytest.fixture
def shop(bench, painter):
    return bench({"specs/shop.yaml": SPEC, "specs/refs/mask.png": b"read by nobody here"})


def test_dot(shop):
    assert shop.tell("graph") == (0, DOT, "")
    assert shop.tell("graph", "--format", "dot").out == DOT


def test_mermaid_of_a_selection_and_what_it_needs(shop):
    assert shop.tell("graph", "--format", "mermaid", "-s", "scene") == (0, MERMAID, "")


@pytest.mark.parametrize("flags", [("--format", "json"), ("--json",)])
def test_json(shop, flags):
    assert shop.tell("graph", "-s", "cut", *flags) == (0, JSON, "")


def test_edges_in_json_say_what_they_come_from(shop):
    edges = json.loads(shop.tell("graph", "--json").out)["edges"]
    assert [(edge["from"], edge["role"], edge["kind"]) for edge in edges] == [
        ("shop/shots[thing=lamp]@paint#0", "image", "target"),
        ("specs/refs/mask.png", "mask", "file"),
        ("specs/refs/mask.png", "reference", "file"),
        ("specs/refs/mask.png", "image", "file"),
    ]


def test_drawing_writes_nothing(shop):
    before = shop.state()
    shop.tell("graph")
    assert shop.state() == before


def test_an_unknown_form(shop):
    told = shop.tell("graph", "--format", "svg")
    assert (told.code, told.out) == (2, "")
    assert told.err == (
        "error: invalid value for '--format': 'svg' is not one of 'dot', 'mermaid', 'json'\n"
        "hint: `imgbuild graph --help` shows what there is\n"
    )


def test_quotes_in_names_are_escaped(target):
    odd = target("shop/a#0", inputs=(Input(role="image", file='a "b"\\c.png'),))
    graph = build_graph([odd])
    assert '"a \\"b\\"\\\\c.png" -> "shop/a#0" [label="image"];' in as_dot(graph, ["shop/a#0"])
    assert '(["a #quot;b#quot;\\c.png"])' in as_mermaid(graph, ["shop/a#0"])
    assert json.loads(as_json(graph, ["shop/a#0"]))["edges"][0]["from"] == 'a "b"\\c.png'


def test_nothing_is_an_empty_drawing():
    graph = build_graph([])
    assert as_dot(graph, []) == "digraph imgbuild {\n  rankdir=LR;\n  node [shape=box];\n}"
    assert as_mermaid(graph, []) == "flowchart LR"
    assert json.loads(as_json(graph, [])) == {"nodes": [], "edges": []}
