"""A zoo of broken specs: what is said of each, whole, as its author reads it.

Each text points at the character that is wrong, says so in one sentence, and hints at the way out.
"""

from dataclasses import dataclass, field
from textwrap import dedent, indent

import pytest

from imgbuild.providers import PROVIDERS
from imgbuild.types import Capabilities, Grade

SPEC = """\
version: 1
models:
  paint: {provider: painter}
templates:
  product: {prompt: "Photo of {{ name }}"}
assets:
  shots:
    template: product
    matrix:
      name: [lamp, chair]
    models: [paint]
"""


@dataclass(frozen=True)
class Fault:
    """What is wrong: a spec of its own; or SPEC after an edit (or several), with more in its asset, or beside it.

    files: beside the spec. call: the command. told: what it writes to stderr.
    """

    told: str
    spec: str = ""
    edit: tuple[str, str] = ("", "")
    edits: list[tuple[str, str]] = field(default_factory=list)
    more: str = ""
    beside: str = ""
    files: dict[str, str | bytes] = field(default_factory=dict)
    call: tuple[str, ...] = ("plan",)

    def text(self):
        if self.spec:
            return dedent(self.spec)
        text = SPEC
        for old, new in [*self.edits, self.edit]:
            assert old in text
            text = text.replace(old, new)
        return text + indent(dedent(self.more), "    ") + indent(dedent(self.beside), "  ")


# --- YAML ---------------------------------------------------------------------------------------------------

YAML = {
    "tab": Fault(
        spec="assets:\n\tshots: {}\n",
        told="""\
            specs/catalog.yaml:2:1: a tab can't indent YAML
                2 |  shots: {}
                  | ^
            hint: indent with spaces
            """,
    ),
    "bad indentation": Fault(
        spec="""\
            assets:
              shots:
                prompt: a lamp
               tags: [a]
            """,
        told="""\
            specs/catalog.yaml:4:4: this does not fit the lines above
                4 |    tags: [a]
                  |    ^
            hint: check its indentation, and quotes before it
            """,
    ),
    "unclosed quote": Fault(
        spec="""\
            assets:
              shots:
                prompt: "a lamp
                tags: [a]
            """,
        told="""\
            specs/catalog.yaml:3:13: the quoted text is not closed
                3 |     prompt: "a lamp
                  |             ^
            hint: end it with the same quote
            """,
    ),
    "a colon in text": Fault(
        edit=('{prompt: "Photo of {{ name }}"}', "\n    prompt: Photo: a lamp"),
        told="""\
            specs/catalog.yaml:6:18: a ':' is not expected here
                6 |     prompt: Photo: a lamp
                  |                  ^
            hint: put text that holds ': ' in quotes
            """,
    ),
    "no space after a colon, and more below": Fault(
        spec="""\
            assets:
              shots:
                prompt:a lamp
                tags: [a]
            """,
        told="""\
            specs/catalog.yaml:3:11: a space is missing after the ':'
                3 |     prompt:a lamp
                  |           ^
            hint: write 'key: value'
            """,
    ),
    "apostrophe": Fault(
        spec="""\
            assets:
              shots:
                prompt: 'a woman's lamp'
            """,
        told=r"""
            specs/catalog.yaml:3:22: text follows the closing quote
                3 |     prompt: 'a woman's lamp'
                  |                      ^
            hint: write '' for a quote inside single quotes, \" for one inside double quotes
            """,
    ),
    "a comment in place of a value": Fault(
        more="""\
            vars:
              background: #ff0000
            """,
        told="""\
            specs/catalog.yaml:13:18: 'background' must be text, a number, true, false, a list or a mapping
               13 |       background: #ff0000
                  |                  ^
            hint: '#' begins a comment: text that holds it needs quotes
            """,
    ),
    "braces without quotes": Fault(
        edit=('{prompt: "Photo of {{ name }}"}', "\n    prompt: {{ name }} on white"),
        told="""\
            specs/catalog.yaml:6:13: text that begins with '{{' needs quotes
                6 |     prompt: {{ name }} on white
                  |             ^^
            hint: put the whole text in quotes: "{{ name }} …"
            """,
    ),
    "braces without quotes, alone": Fault(
        edit=('{prompt: "Photo of {{ name }}"}', "\n    prompt: {{ name }}"),
        told="""\
            specs/catalog.yaml:6:13: text that begins with '{{' needs quotes
                6 |     prompt: {{ name }}
                  |             ^^
            hint: put the whole text in quotes: "{{ name }} …"
            """,
    ),
    "a star": Fault(
        more="inputs: {image: *.png}\n",
        told="""\
            specs/catalog.yaml:12:22: this is no name
               12 |     inputs: {image: *.png}
                  |                      ^
            hint: text that begins with '*', '&' or '!' needs quotes
            """,
    ),
    "duplicate key": Fault(
        more="template: other\n",
        told="""\
            specs/catalog.yaml:12:5: 'template' is defined twice
               12 |     template: other
                  |     ^^^^^^^^
            hint: it stands in line 8 already; remove one of the two
            """,
    ),
    "control character": Fault(
        spec="""\
            assets:
              shots: {prompt: "ab"}
            """,
        told="""\
            specs/catalog.yaml:2:21: the control character U+0007 can't stand in text
            hint: remove it
            """,
    ),
}

# --- keys and names -----------------------------------------------------------------------------------------

NAMES = {
    "unknown key of a spec": Fault(
        spec="""\
            asets:
              shots: {prompt: a lamp}
            """,
        told="""\
            specs/catalog.yaml:1:1: unknown key 'asets'
                1 | asets:
                  | ^^^^^
            hint: did you mean 'assets'? Keys here: assets, include, models, rules, templates, version
            """,
    ),
    "unknown key of an asset": Fault(
        spec="""\
            assets:
              shots:
                prompt: a lamp
                seed: 4
            """,
        told="""\
            specs/catalog.yaml:4:5: unknown key 'seed'
                4 |     seed: 4
                  |     ^^^^
            hint: did you mean 'seeds'? Keys here: attempts, forbid, format, from, inputs, matrix, metadata, models, negative, output, …
            """,
    ),
    "unknown key of a model": Fault(
        spec="""\
            models:
              paint:
                provider: painter
                guidance: 7
            assets: {shots: {prompt: a lamp}}
            """,
        told="""\
            specs/catalog.yaml:4:5: unknown key 'guidance'
                4 |     guidance: 7
                  |     ^^^^^^^^
            hint: what a model itself takes stands under 'params'. Keys here: fallback, license, params, price, provider, revision, rights, size, source, traits, …
            """,
    ),
    "unknown model": Fault(
        edit=("models: [paint]", "models: [paint, pant]"),
        told="""\
            specs/catalog.yaml:11:21: unknown model 'pant'
               11 |     models: [paint, pant]
                  |                     ^^^^
            hint: did you mean 'paint'? Models here: paint
            """,
    ),
    "unknown fallback": Fault(
        edit=("{provider: painter}", "{provider: painter, fallback: [hero]}"),
        told="""\
            specs/catalog.yaml:3:41: unknown model 'hero'
                3 |   paint: {provider: painter, fallback: [hero]}
                  |                                         ^^^^
            hint: Models here: paint
            """,
    ),
    "fallback circle": Fault(
        edit=(
            "{provider: painter}",
            "{provider: painter, fallback: [b]}\n  b: {provider: painter, fallback: [paint]}",
        ),
        told="""\
            specs/catalog.yaml:4:37: fallbacks go round in a circle: paint → b → paint
                4 |   b: {provider: painter, fallback: [paint]}
                  |                                     ^^^^^
            hint: each model of a chain may stand in it once
            """,
    ),
    "unknown template": Fault(
        edit=("template: product", "template: produkt"),
        told="""\
            specs/catalog.yaml:8:15: unknown template 'produkt'
                8 |     template: produkt
                  |               ^^^^^^^
            hint: did you mean 'product'? Templates here: product
            """,
    ),
    "unknown provider": Fault(
        edit=("provider: painter", "provider: placehoder"),
        told="""\
            specs/catalog.yaml:3:21: unknown provider 'placehoder'
                3 |   paint: {provider: placehoder}
                  |                     ^^^^^^^^^^
            hint: did you mean 'placeholder'? Providers here: automatic1111, bfl, comfyui, diffusers, fal, google, http, huggingface, ideogram, openai, …
            """,
    ),
    "unknown rule": Fault(
        more="""\
            validate:
              - sharpnes: {min: 3}
            """,
        told="""\
            specs/catalog.yaml:13:9: unknown rule 'sharpnes'
               13 |       - sharpnes: {min: 3}
                  |         ^^^^^^^^
            hint: did you mean 'sharpness'? Rules here: aesthetic, aspect_ratio, background, banding, brightness, command, contrast, differs_from, dimensions, edges, …
            """,
    ),
    "a rule that is a verb": Fault(
        more="validate: [reproduces]\n",
        told="""\
            specs/catalog.yaml:12:16: unknown rule 'reproduces'
               12 |     validate: [reproduces]
                  |                ^^^^^^^^^^
            hint: no rule makes an image again; `imgbuild verify` does, and compares it with the lock
            """,
    ),
    "a rule that is a verb, with parameters": Fault(
        more="validate: [reproduces: {on_fail: warn}]\n",
        told="""\
            specs/catalog.yaml:12:16: unknown rule 'reproduces'
               12 |     validate: [reproduces: {on_fail: warn}]
                  |                ^^^^^^^^^^
            hint: no rule makes an image again; `imgbuild verify` does, and compares it with the lock
            """,
    ),
    "unknown operation": Fault(
        more="process: [resise]\n",
        told="""\
            specs/catalog.yaml:12:15: unknown operation 'resise'
               12 |     process: [resise]
                  |               ^^^^^^
            hint: did you mean 'resize'? Operations here: adjust, blur, color, command, compose, convert, crop, grayscale, overlay, pad, …
            """,
    ),
    "unknown profile": Fault(
        call=("plan", "--profile", "fast"),
        told="""\
            error: unknown profile 'fast'
            hint: there are no profiles here
            """,
    ),
    "neither prompt nor template": Fault(
        spec="""\
            assets:
              shots:
                tags: [a]
            """,
        told="""\
            specs/catalog.yaml:2:3: asset 'shots' has neither a template nor a prompt
                2 |   shots:
                  |   ^^^^^
            hint: add 'template', 'prompt' or, for existing pictures, 'from'
            """,
    ),
    "both prompt and template": Fault(
        more="prompt: a lamp\n",
        told="""\
            specs/catalog.yaml:12:5: asset 'shots' has both a template and a prompt
               12 |     prompt: a lamp
                  |     ^^^^^^
            hint: remove one of the two
            """,
    ),
    "from and prompt": Fault(
        spec="""\
            assets:
              shots:
                from: a.png
                prompt: a lamp
            """,
        told="""\
            specs/catalog.yaml:4:5: 'prompt' has no meaning beside 'from'
                4 |     prompt: a lamp
                  |     ^^^^^^
            hint: existing pictures are not generated; remove one of the two
            """,
    ),
    "two models no choice": Fault(
        edits=[
            ("{provider: painter}", "{provider: painter}\n  hero: {provider: painter}"),
            ("    models: [paint]\n", ""),
        ],
        told="""\
            specs/catalog.yaml:8:3: asset 'shots' does not say which model makes it
                8 |   shots:
                  |   ^^^^^
            hint: add 'models: [paint]'. Models here: hero, paint
            """,
    ),
}

# --- kinds of values ----------------------------------------------------------------------------------------

VALUES = {
    "in place of a list": Fault(
        edit=("models: [paint]", "models: paint"),
        told="""\
            specs/catalog.yaml:11:13: 'models' must be a list of texts
               11 |     models: paint
                  |             ^^^^^
            hint: write it as a list: [paint]
            """,
    ),
    "in place of a number": Fault(
        more="attempts: many\n",
        told="""\
            specs/catalog.yaml:12:15: 'attempts' must be a whole number
               12 |     attempts: many
                  |               ^^^^
            """,
    ),
    "in place of text": Fault(
        edit=('prompt: "Photo of {{ name }}"', "prompt: 12"),
        told="""\
            specs/catalog.yaml:5:21: 'prompt' must be text
                5 |   product: {prompt: 12}
                  |                     ^^
            hint: put it in quotes
            """,
    ),
    "in place of null": Fault(
        edit=("models: [paint]", "models:"),
        told="""\
            specs/catalog.yaml:11:12: 'models' must be a list of texts
               11 |     models:
                  |            ^
            hint: it is empty: give it a value, or leave the key out
            """,
    ),
    "text where a mapping is needed": Fault(
        spec="""\
            assets:
              shots: a lamp
            """,
        told="""\
            specs/catalog.yaml:2:10: 'shots' must be a mapping
                2 |   shots: a lamp
                  |          ^^^^^^
            hint: give it keys of its own: attempts, forbid, format, from, inputs, matrix, metadata, models, negative, output, …
            """,
    ),
    "a list where a mapping is needed": Fault(
        spec="""\
            assets:
              - shots
            """,
        told="""\
            specs/catalog.yaml:2:3: 'assets' must be a mapping
                2 |   - shots
                  |   ^^^^^^^
            hint: write 'name: value' lines in place of a list
            """,
    ),
    "missing dash": Fault(
        more="""\
            validate:
              sharpness: {min: 3}
            """,
        told="""\
            specs/catalog.yaml:13:7: 'validate' must be a list
               13 |       sharpness: {min: 3}
                  |       ^^^^^^^^^^^^^^^^^^^
            hint: begin each item with '- '
            """,
    ),
    "no space after a colon": Fault(
        spec="""\
            assets:
              shots:
                prompt:a lamp
            """,
        told="""\
            specs/catalog.yaml:3:5: 'shots' must be a mapping
                3 |     prompt:a lamp
                  |     ^^^^^^^^^^^^^
            hint: a space is missing after the ':'
            """,
    ),
    "axis scalar": Fault(
        edit=("[lamp, chair]", "lamp"),
        told="""\
            specs/catalog.yaml:10:13: 'name' must be a list or a mapping
               10 |       name: lamp
                  |             ^^^^
            hint: write it as a list: [lamp]
            """,
    ),
    "axis name": Fault(
        edit=("name: [lamp, chair]", "product name: [lamp, chair]"),
        told="""\
            specs/catalog.yaml:10:7: 'product name' can't be a variable: use letters, digits and '_'
               10 |       product name: [lamp, chair]
                  |       ^^^^^^^^^^^^
            """,
    ),
    "bad size": Fault(
        more="size: 1024\n",
        told="""\
            specs/catalog.yaml:12:11: 'size' must be WIDTHxHEIGHT in pixels, such as 1024x768
               12 |     size: 1024
                  |           ^^^^
            """,
    ),
}

# --- operations, rules and formats --------------------------------------------------------------------------

STEPS = {
    "unknown parameter of an operation": Fault(
        more="""\
            process:
              - resize: {width: 10, hight: 10}
            """,
        told="""\
            specs/catalog.yaml:13:29: unknown key 'hight'
               13 |       - resize: {width: 10, hight: 10}
                  |                             ^^^^^
            hint: did you mean 'height'? Keys here: anchor, fit, height, upscale, width
            """,
    ),
    "missing parameters of an operation": Fault(
        more="process: [resize]\n",
        told="""\
            specs/catalog.yaml:12:15: operation 'resize' needs width, height or both
               12 |     process: [resize]
                  |               ^^^^^^
            hint: write it as 'resize: {width: …}'; parameters of 'resize': width, height, fit, anchor, upscale
            """,
    ),
    "bad value of an operation": Fault(
        more="""\
            process:
              - resize: {width: 0}
            """,
        told="""\
            specs/catalog.yaml:13:25: operation 'resize': width must be 1 to 65535 pixels, not 0
               13 |       - resize: {width: 0}
                  |                         ^
            hint: parameters of 'resize': width, height, fit, anchor, upscale
            """,
    ),
    "bad crop": Fault(
        more="""\
            process:
              - crop: {aspect: wide}
            """,
        told="""\
            specs/catalog.yaml:13:24: operation 'crop': 'wide' is no ratio: write 'width:height' or a number, between 1:1000 and 1000:1
               13 |       - crop: {aspect: wide}
                  |                        ^^^^
            hint: parameters of 'crop': aspect, width, height, x, y, anchor
            """,
    ),
    "rule without limit": Fault(
        more="validate: [sharpness]\n",
        told="""\
            specs/catalog.yaml:12:16: rule 'sharpness' has nothing to check: give min, max or both
               12 |     validate: [sharpness]
                  |                ^^^^^^^^^
            hint: write it as 'sharpness: {min: …}'; parameters of 'sharpness': on_fail, adjust, min, max
            """,
    ),
    "a rule that needs its parameters": Fault(
        more="validate: [similar_to]\n",
        told="""\
            specs/catalog.yaml:12:16: item 1 of 'validate' needs its parameters: write 'similar_to: {reference: …}'
               12 |     validate: [similar_to]
                  |                ^^^^^^^^^^
            """,
    ),
    "two rules in one item": Fault(
        more="""\
            validate:
              - sharpness: {min: 3}
                contrast: {min: 1}
            """,
        told="""\
            specs/catalog.yaml:14:9: item 1 of 'validate' must hold one key
               14 |         contrast: {min: 1}
                  |         ^^^^^^^^
            hint: begin each with '- ', and indent what belongs to 'sharpness' further than it
            """,
    ),
    "unknown on_fail": Fault(
        more="""\
            validate:
              - sharpness: {min: 3, on_fail: retry}
            """,
        told="""\
            specs/catalog.yaml:13:38: 'on_fail' can't be 'retry'
               13 |       - sharpness: {min: 3, on_fail: retry}
                  |                                      ^^^^^
            hint: Values here: fail, reroll, review, warn
            """,
    ),
    "a layer's image missing": Fault(
        more="""\
            process:
              - compose:
                  layers:
                    - {picture: true}
                    - {image: want.png, anchor: top}
            """,
        told="""\
            specs/catalog.yaml:16:23: file 'want.png' does not exist
               16 |             - {image: want.png, anchor: top}
                  |                       ^^^^^^^^
            hint: it was looked for at specs/want.png
            """,
    ),
    "a program's file missing": Fault(
        more="""\
            process:
              - command: {run: [python3, ./want.py, "{image}", "{output}"]}
            """,
        told="""\
            specs/catalog.yaml:13:34: file './want.py' does not exist
               13 |       - command: {run: [python3, ./want.py, "{image}", "{output}"]}
                  |                                  ^^^^^^^^^
            hint: it was looked for at specs/want.py
            """,
    ),
    "reference image missing": Fault(
        more="""\
            validate:
              - similar_to: {reference: want.png}
            """,
        told="""\
            specs/catalog.yaml:13:33: file 'want.png' does not exist
               13 |       - similar_to: {reference: want.png}
                  |                                 ^^^^^^^^
            hint: it was looked for at specs/want.png
            """,
    ),
    "unknown format": Fault(
        more="format: jpg\n",
        told="""\
            specs/catalog.yaml:12:13: unknown type 'jpg'
               12 |     format: jpg
                  |             ^^^
            hint: did you mean 'jpeg'? Types here: avif, ico, jpeg, png, tiff, webp
            """,
    ),
}

# --- tables -------------------------------------------------------------------------------------------------

TABLES = {
    "missing table": Fault(
        edit=("name: [lamp, chair]", "product: {csv: product.csv, key: sku}"),
        files={
            "specs/products.csv": """\
            sku,name
            A1,lamp
            A2,chair
            """
        },
        told="""\
            specs/catalog.yaml:10:22: there is no file 'specs/product.csv'
               10 |       product: {csv: product.csv, key: sku}
                  |                      ^^^^^^^^^^^
            hint: did you mean 'specs/products.csv'? The path is relative to the spec that names it
            """,
    ),
    "table without rows": Fault(
        edit=("name: [lamp, chair]", "product: {csv: products.csv, key: sku}"),
        files={"specs/products.csv": "sku,name\n"},
        told="""\
            specs/catalog.yaml:10:22: the table specs/products.csv has no rows
               10 |       product: {csv: products.csv, key: sku}
                  |                      ^^^^^^^^^^^^
            hint: add at least one row
            """,
    ),
    "empty table": Fault(
        edit=("name: [lamp, chair]", "product: {csv: products.csv, key: sku}"),
        files={"specs/products.csv": ""},
        told="""\
            specs/catalog.yaml:10:22: the table specs/products.csv is empty
               10 |       product: {csv: products.csv, key: sku}
                  |                      ^^^^^^^^^^^^
            hint: begin it with a line of column names
            """,
    ),
    "ragged table": Fault(
        edit=("name: [lamp, chair]", "product: {csv: products.csv, key: sku}"),
        files={
            "specs/products.csv": """\
            sku,name
            A1,lamp, small
            A2
            """
        },
        told="""\
            specs/products.csv:2:1: this row has 3 cells, the header has 2 cells
                2 | A1,lamp, small
                  | ^^^^^^^^^^^^^^
            hint: quote cells that hold the delimiter
            specs/products.csv:3:1: this row has 1 cell, the header has 2 cells
                3 | A2
                  | ^^
            hint: write the delimiter for an empty cell too
            """,
    ),
    "keys of a table twice": Fault(
        edit=("name: [lamp, chair]", "product: {csv: products.csv, key: sku}"),
        files={
            "specs/products.csv": """\
            sku,name
            A1,lamp
            A2,bed
            A1,chair
            """
        },
        told="""\
            specs/products.csv:4:1: two rows have the sku 'A1'
                4 | A1,chair
                  | ^^
            hint: line 2 has it already; each row needs a key of its own
            """,
    ),
    "table without key": Fault(
        edit=("name: [lamp, chair]", "product: {csv: products.csv}"),
        files={
            "specs/products.csv": """\
            sku,name
            A1,lamp
            A2,chair
            """
        },
        told="""\
            specs/catalog.yaml:10:7: 'product' needs 'key'
               10 |       product: {csv: products.csv}
                  |       ^^^^^^^
            hint: key: the column that names the row in target ids
            """,
    ),
    "unknown key column": Fault(
        edit=("name: [lamp, chair]", "product: {csv: products.csv, key: id}"),
        files={
            "specs/products.csv": """\
            sku,name
            A1,lamp
            A2,chair
            """
        },
        told="""\
            specs/catalog.yaml:10:41: the table specs/products.csv has no column 'id'
               10 |       product: {csv: products.csv, key: id}
                  |                                         ^^
            hint: Columns here: name, sku
            """,
    ),
    "a spreadsheet": Fault(
        edit=("name: [lamp, chair]", "product: {csv: products.xlsx, key: sku}"),
        files={"specs/products.xlsx": b"PK\x03\x04\xff\xfe\x00\x01"},
        told="""\
            specs/catalog.yaml:10:22: specs/products.xlsx is a spreadsheet or an archive, not text
               10 |       product: {csv: products.xlsx, key: sku}
                  |                      ^^^^^^^^^^^^^
            hint: export it as CSV
            """,
    ),
    "json syntax": Fault(
        edit=("name: [lamp, chair]", "product: {json: products.json, key: sku}"),
        files={
            "specs/products.json": """\
            [
              {"sku": "A1"},
              {"sku": A2}
            ]
            """
        },
        told="""\
            specs/products.json:3:11: this is not JSON: expecting value
                3 |   {"sku": A2}
                  |           ^
            hint: rows are written like {"name": "lamp", "stock": 3}
            """,
    ),
    "unknown variable in where": Fault(
        edit=("name: [lamp, chair]", 'product: {csv: products.csv, key: sku, where: "stock > 0"}'),
        files={
            "specs/products.csv": """\
            sku,name
            A1,lamp
            A2,chair
            """
        },
        told="""\
            specs/catalog.yaml:10:54: unknown variable 'stock'
               10 |       product: {csv: products.csv, key: sku, where: "stock > 0"}
                  |                                                      ^^^^^
            hint: Variables here: name, sku
            """,
    ),
    "where of another kind": Fault(
        edit=("name: [lamp, chair]", 'product: {csv: products.csv, key: sku, where: "stock > 0"}'),
        files={
            "specs/products.csv": """\
            sku,name,stock
            A1,lamp,4
            A2,chair,none
            """
        },
        told="""\
            specs/catalog.yaml:10:53: text and a number can't be compared with '>', as in specs/products.csv:3:1
               10 |       product: {csv: products.csv, key: sku, where: "stock > 0"}
                  |                                                     ^^^^^^^^^^^
            hint: conditions are Jinja: stock > 0, color == 'red', name in ['lamp', 'desk'], not sale
            """,
    ),
    "axis named as column": Fault(
        edit=("name: [lamp, chair]", "name: {csv: products.csv, key: sku}"),
        files={
            "specs/products.csv": """\
            sku,name
            A1,lamp
            A2,chair
            """
        },
        told="""\
            specs/catalog.yaml:10:7: axis 'name' has a column of the same name
               10 |       name: {csv: products.csv, key: sku}
                  |       ^^^^
            hint: rename the axis; its columns are sku, name
            """,
    ),
}

# --- templates ----------------------------------------------------------------------------------------------

TEMPLATES = {
    "unknown variable": Fault(
        edit=("{{ name }}", "{{ nmae }} on white"),
        told="""\
            specs/catalog.yaml:5:34: unknown variable 'nmae'
                5 |   product: {prompt: "Photo of {{ nmae }} on white"}
                  |                                  ^^^^
            hint: did you mean 'name'? Variables here: name
            """,
    ),
    "unknown column": Fault(
        edits=[
            ("name: [lamp, chair]", "product: {csv: products.csv, key: sku}"),
            ("{{ name }}", "{{ product.nam }}"),
        ],
        files={
            "specs/products.csv": """\
            sku,name
            A1,lamp
            A2,chair
            """
        },
        told="""\
            specs/catalog.yaml:5:42: 'product' has no 'nam'
                5 |   product: {prompt: "Photo of {{ product.nam }}"}
                  |                                          ^^^
            hint: did you mean 'name'? Names in 'product' here: label, name, sku
            """,
    ),
    "hole not closed": Fault(
        edit=("{{ name }}", "{{ name }"),
        told="""\
            specs/catalog.yaml:5:31: a '{{' is not closed
                5 |   product: {prompt: "Photo of {{ name }"}
                  |                               ^^
            hint: write two braces on each side: {{ name }}
            """,
    ),
    "if without end": Fault(
        edit=("{{ name }}", "{% if name %}x"),
        told="""\
            specs/catalog.yaml:5:31: '{% if … %}' has no end
                5 |   product: {prompt: "Photo of {% if name %}x"}
                  |                               ^^^^^
            hint: end it with {% endif %}
            """,
    ),
    "unknown filter": Fault(
        edit=("{{ name }}", "{{ name | uper }}"),
        told="""\
            specs/catalog.yaml:5:41: unknown filter 'uper'
                5 |   product: {prompt: "Photo of {{ name | uper }}"}
                  |                                         ^^^^
            hint: did you mean 'upper'? Filters here: capitalize, default, first, float, int, join, last, length, lower, replace, …
            """,
    ),
    "two words in a hole": Fault(
        edit=("{{ name }}", "{{ product name }}"),
        told="""\
            specs/catalog.yaml:5:42: 'name' is not expected here
                5 |   product: {prompt: "Photo of {{ product name }}"}
                  |                                          ^^^^
            hint: a hole names one value: {{ name }}, or a column of a row as {{ product.name }}
            """,
    ),
    "unknown variable in folded text": Fault(
        edit=(
            '{prompt: "Photo of {{ name }}"}',
            "\n    prompt: >-\n      Photo of {{ name }},\n      in {{ colour }} light,\n      {{ x }}\n",
        ),
        told="""\
            specs/catalog.yaml:8:13: unknown variable 'colour'
                8 |       in {{ colour }} light,
                  |             ^^^^^^
            hint: Variables here: name
            """,
    ),
    "hole not closed in literal text": Fault(
        edit=(
            '{prompt: "Photo of {{ name }}"}',
            "\n    prompt: |\n      Photo of {{ name }},\n      in {{ colour } light\n",
        ),
        told="""\
            specs/catalog.yaml:8:10: a '{{' is not closed
                8 |       in {{ colour } light
                  |          ^^
            hint: write two braces on each side: {{ name }}
            """,
    ),
    "template syntax in when": Fault(
        edit=("models: [paint]", 'route: [{when: "name ==", model: paint}, {model: paint}]'),
        told="""\
            specs/catalog.yaml:11:20: the expression ends too early
               11 |     route: [{when: "name ==", model: paint}, {model: paint}]
                  |                    ^^^^^^^^^
            hint: conditions are Jinja: stock > 0, color == 'red', name in ['lamp', 'desk'], not sale
            """,
    ),
    "when braces": Fault(
        edit=("models: [paint]", 'route: [{when: "{{ name }} == 1", model: paint}, {model: paint}]'),
        told="""\
            specs/catalog.yaml:11:21: a condition stands without braces
               11 |     route: [{when: "{{ name }} == 1", model: paint}, {model: paint}]
                  |                     ^^
            hint: conditions are Jinja: stock > 0, color == 'red', name in ['lamp', 'desk'], not sale
            """,
    ),
    "no line of the route holds": Fault(
        edit=("models: [paint]", "route: [{when: \"name == 'lamp'\", model: paint}]"),
        told="""\
            specs/catalog.yaml:11:5: no line of the route holds for cell [name=chair]
               11 |     route: [{when: "name == 'lamp'", model: paint}]
                  |     ^^^^^
            hint: end the route with a line without 'when'
            """,
    ),
    "required variable": Fault(
        edit=('{prompt: "Photo of {{ name }}"}', '{prompt: "Photo of {{ name }}", requires: [material]}'),
        told="""\
            specs/catalog.yaml:5:55: required variable 'material' is bound nowhere in 'shots'
                5 |   product: {prompt: "Photo of {{ name }}", requires: [material]}
                  |                                                       ^^^^^^^^
            hint: Variables here: name
            """,
    ),
    "forbidden word in literal text": Fault(
        edit=(
            '{prompt: "Photo of {{ name }}"}',
            "\n    forbid: [person]\n    prompt: |\n      Photo of {{ name }},\n      and a person\n",
        ),
        told="""\
            specs/catalog.yaml:9:13: the prompt holds the forbidden word 'person'
                9 |       and a person
                  |             ^^^^^^
            hint: take it out, or take it off 'forbid' or the project's 'policy.blocked'
            """,
    ),
}

# --- matrices and seeds -------------------------------------------------------------------------------------

MATRICES = {
    "duplicate value": Fault(
        edit=("[lamp, chair]", "[lamp, chair, lamp]"),
        told="""\
            specs/catalog.yaml:10:27: 'name' has the value 'lamp' twice, first in line 10
               10 |       name: [lamp, chair, lamp]
                  |                           ^^^^
            hint: ids are made of it: make each different, or leave one out
            """,
    ),
    "variable bound twice": Fault(
        more="vars: {name: bed}\n",
        told="""\
            specs/catalog.yaml:10:7: variable 'name' is bound twice, by 'vars' and by axis 'name'
               10 |       name: [lamp, chair]
                  |       ^^^^
            hint: rename one of them
            """,
    ),
    "exclude unknown": Fault(
        edit=("name: [lamp, chair]", "name: [lamp, chair]\n      exclude: [{nam: lamp}]"),
        told="""\
            specs/catalog.yaml:11:18: unknown variable 'nam'
               11 |       exclude: [{nam: lamp}]
                  |                  ^^^
            hint: did you mean 'name'? Variables here: name
            """,
    ),
    "include there already": Fault(
        edit=("name: [lamp, chair]", "name: [lamp, chair]\n      include: [{name: lamp}]"),
        told="""\
            specs/catalog.yaml:11:17: cell [name=lamp] is there already
               11 |       include: [{name: lamp}]
                  |                 ^^^^^^^^^^^^
            hint: leave it out, or exclude the other one
            """,
    ),
    "huge matrix": Fault(
        edits=[
            (
                "name: [lamp, chair]",
                "a: [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60,61,62,63,64,65,66,67,68,69,70,71,72,73,74,75,76,77,78,79,80,81,82,83,84,85,86,87,88,89,90,91,92,93,94,95,96,97,98,99]\n      b: [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60,61,62,63,64,65,66,67,68,69,70,71,72,73,74,75,76,77,78,79,80,81,82,83,84,85,86,87,88,89,90,91,92,93,94,95,96,97,98,99]\n      c: [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60,61,62,63,64,65,66,67,68,69,70,71,72,73,74,75,76,77,78,79,80,81,82,83,84,85,86,87,88,89,90,91,92,93,94,95,96,97,98,99]\n      d: [1, 2]",
            ),
            ("{{ name }}", "{{ a }}"),
        ],
        told="""\
            specs/catalog.yaml:9:5: the project has 2,000,000 targets, 2,000,000 of them in 'catalog/shots'; at most 1,000,000 can be built
                9 |     matrix:
                  |     ^^^^^^
            hint: leave out an axis, list fewer values, or split the project
            """,
    ),
    "seed twice": Fault(
        more="seeds: [7, 11, 7]\n",
        told="""\
            specs/catalog.yaml:12:20: seed 7 is listed twice
               12 |     seeds: [7, 11, 7]
                  |                    ^
            hint: each seed of a list makes one image; leave one out
            """,
    ),
    "seeds per unknown": Fault(
        more="seeds: {count: 4, per: [nam]}\n",
        told="""\
            specs/catalog.yaml:12:29: unknown variable 'nam'
               12 |     seeds: {count: 4, per: [nam]}
                  |                             ^^^
            hint: did you mean 'name'? Variables here: name
            """,
    ),
}

# --- what a model takes -------------------------------------------------------------------------------------

MODELS = {
    "unsupported parameter": Fault(
        edit=("provider: painter}", "provider: narrow, params: {guidence: 7}}"),
        told="""\
            specs/catalog.yaml:3:38: model 'paint' takes no parameter 'guidence'
                3 |   paint: {provider: narrow, params: {guidence: 7}}
                  |                                      ^^^^^^^^
            hint: leave it out, or let the model say 'unsupported: {guidence: drop}'; its parameters: steps
            """,
    ),
    "unsupported negative": Fault(
        edit=("provider: painter", "provider: narrow"),
        more="negative: blurry\n",
        told="""\
            specs/catalog.yaml:12:15: model 'paint' takes no negative prompt
               12 |     negative: blurry
                  |               ^^^^^^
            hint: leave it out, or let the model say 'unsupported: {negative: drop}' or '{negative: fold}'
            """,
    ),
    "unsupported in a fallback": Fault(
        edit=("{provider: painter}", "{provider: painter, fallback: [thin]}\n  thin: {provider: narrow}"),
        more="negative: blurry\n",
        told="""\
            specs/catalog.yaml:13:15: model 'thin', which takes over from 'paint', takes no negative prompt
               13 |     negative: blurry
                  |               ^^^^^^
            hint: leave it out, or let the model say 'unsupported: {negative: drop}' or '{negative: fold}'
            """,
    ),
    "parameter out of range": Fault(
        edit=("{provider: painter}", "{provider: placeholder, params: {steps: 0}}"),
        told="""\
            specs/catalog.yaml:3:50: parameter 'steps' of model 'paint' must be at least 1
                3 |   paint: {provider: placeholder, params: {steps: 0}}
                  |                                                  ^
            hint: it takes a whole number from 1 to 1000
            """,
    ),
    "size not made": Fault(
        edit=("provider: painter", "provider: narrow"),
        more="size: 100x100\n",
        told="""\
            specs/catalog.yaml:12:11: model 'paint' makes no images of 100x100
               12 |     size: 100x100
                  |           ^^^^^^^
            hint: leave it out, or let the model say 'unsupported: {size: drop}'; its sizes: 16x16, 32x16
            """,
    ),
    "size too large": Fault(
        edit=("provider: painter", "provider: placeholder"),
        more="size: 20000x100\n",
        told="""\
            specs/catalog.yaml:12:11: model 'paint' makes no images of 20000x100
               12 |     size: 20000x100
                  |           ^^^^^^^^^
            hint: leave it out, or let the model say 'unsupported: {size: drop}'; sides must be 8 to 8192 pixels
            """,
    ),
    "policy provider": Fault(
        files={"imgbuild.yaml": "policy: {providers: [openai]}\n"},
        told="""\
            specs/catalog.yaml:3:21: model 'paint' is of provider 'painter', which the project does not allow
                3 |   paint: {provider: painter}
                  |                     ^^^^^^^
            hint: allowed: openai ('policy.providers' in imgbuild.yaml)
            """,
    ),
    "policy license": Fault(
        files={"imgbuild.yaml": "policy: {licenses: [mit]}\n"},
        told="""\
            specs/catalog.yaml:3:21: model 'paint' states no licence, which the project does not allow
                3 |   paint: {provider: painter}
                  |                     ^^^^^^^
            hint: add 'license: …' to it, as its maker names it; allowed: mit ('policy.licenses' in imgbuild.yaml)
            """,
    ),
}

# --- inputs -------------------------------------------------------------------------------------------------

INPUTS = {
    "unknown input role": Fault(
        more="inputs: {picture: a.png}\n",
        told="""\
            specs/catalog.yaml:12:14: unknown key 'picture'
               12 |     inputs: {picture: a.png}
                  |              ^^^^^^^
            hint: Keys here: control, image, mask, reference, strength
            """,
    ),
    "edge circle": Fault(
        spec="""\
            assets:
              a: {prompt: a, inputs: {image: {asset: b}}}
              b: {prompt: b, inputs: {image: {asset: a}}}
            """,
        told="""\
            specs/catalog.yaml:2:3: targets need each other in a circle: catalog/a@placeholder#0 → catalog/b@placeholder#0 → catalog/a@placeholder#0
                2 |   a: {prompt: a, inputs: {image: {asset: b}}}
                  |   ^
            hint: an input must not depend on what is made from it; break the circle in 'inputs' or 'process'
            """,
    ),
    "edge to unknown asset": Fault(
        more="inputs: {image: {asset: shot}}\n",
        told="""\
            specs/catalog.yaml:12:29: unknown asset 'shot'
               12 |     inputs: {image: {asset: shot}}
                  |                             ^^^^
            hint: did you mean 'shots'? Assets here: shots
            """,
    ),
    "edge ambiguous": Fault(
        beside="""\
            next:
              prompt: next
              models: [paint]
              inputs: {image: {asset: shots}}
            """,
        told="""\
            specs/catalog.yaml:15:21: 2 targets of 'shots' go with 'catalog/next@paint#0': catalog/shots[name=lamp]@paint#0, catalog/shots[name=chair]@paint#0
               15 |     inputs: {image: {asset: shots}}
                  |                     ^^^^^^^^^^^^^^
            hint: choose one: give this asset the axis 'name' too
            """,
    ),
    "edge match unknown": Fault(
        beside="""\
            next:
              prompt: next
              matrix: {name: [lamp]}
              models: [paint]
              inputs: {image: {asset: shots, match: [nam]}}
            """,
        told="""\
            specs/catalog.yaml:16:44: 'nam' in 'match' is not a variable of both assets
               16 |     inputs: {image: {asset: shots, match: [nam]}}
                  |                                            ^^^
            hint: did you mean 'name'? Shared variables here: name
            """,
    ),
    "edge without partner": Fault(
        beside="""\
            next:
              prompt: next
              matrix: {name: [lamp, desk]}
              models: [paint]
              inputs: {image: {asset: shots}}
            """,
        told="""\
            specs/catalog.yaml:16:21: no target of 'shots' goes with 'catalog/next[name=desk]@paint#0'
               16 |     inputs: {image: {asset: shots}}
                  |                     ^^^^^^^^^^^^^^
            hint: name fewer variables in 'match', or give that asset the missing cell
            """,
    ),
    "edge unknown key": Fault(
        beside="""\
            next:
              prompt: next
              models: [paint]
              inputs: {image: {aset: shots}}
            """,
        told="""\
            specs/catalog.yaml:15:22: unknown key 'aset'
               15 |     inputs: {image: {aset: shots}}
                  |                      ^^^^
            hint: did you mean 'asset'? Keys here: asset, index, match, model
            """,
    ),
    "pattern input": Fault(
        more="inputs: {image: 'photos/*.png'}\n",
        told="""\
            specs/catalog.yaml:12:21: 'photos/*.png' is a pattern, and a path is needed
               12 |     inputs: {image: 'photos/*.png'}
                  |                     ^^^^^^^^^^^^^^
            hint: list the files in a table, and name them with its columns: photos/{{ sku }}.jpg
            """,
    ),
}

# --- outputs ------------------------------------------------------------------------------------------------

OUTPUTS = {
    "output clash by variable": Fault(
        more='output: "shots/picture.png"\n',
        told="""\
            specs/catalog.yaml:12:13: 'catalog/shots[name=lamp]@paint#0' and 'catalog/shots[name=chair]@paint#0' would both be 'shots/picture.png'
               12 |     output: "shots/picture.png"
                  |             ^^^^^^^^^^^^^^^^^^^
            hint: the output does not use 'name': add {{ name }}
            """,
    ),
    "output clash by case": Fault(
        edit=("[lamp, chair]", "[lamp, Lamp]"),
        told="""\
            specs/catalog.yaml:7:3: 'catalog/shots[name=lamp]@paint#0' and 'catalog/shots[name=Lamp]@paint#0' would both be 'shots/lamp_0.png' and 'shots/Lamp_0.png', one file where case is folded
                7 |   shots:
                  |   ^^^^^
            hint: their values of name differ too little for file names: change one, or set 'output'
            """,
    ),
    "output clash of assets": Fault(
        more='output: "{{ name }}.png"\n',
        beside="""\
            more:
              prompt: "a {{ name }}"
              matrix: {name: [lamp]}
              models: [paint]
              output: "{{ name }}.png"
            """,
        told="""\
            specs/catalog.yaml:17:13: 'catalog/shots[name=lamp]@paint#0' and 'catalog/more[name=lamp]@paint#0' would both be 'lamp.png'
               17 |     output: "{{ name }}.png"
                  |             ^^^^^^^^^^^^^^^^
            hint: the output does not use 'asset': add {{ asset }}
            """,
    ),
    "output outside": Fault(
        more='output: "../{{ name }}.png"\n',
        told="""\
            specs/catalog.yaml:12:13: '../lamp.png' can't be an output: it leads out of its folder
               12 |     output: "../{{ name }}.png"
                  |             ^^^^^^^^^^^^^^^^^^^
            hint: write a path of names that every system takes; is a value to blame, use another in its place
            """,
    ),
    "output type": Fault(
        more='output: "{{ name }}.gif"\n',
        told="""\
            specs/catalog.yaml:12:13: '.gif' is no type that images are published in
               12 |     output: "{{ name }}.gif"
                  |             ^^^^^^^^^^^^^^^^
            hint: types: .png, .jpg, .jpeg, .webp, .avif, .tif, .tiff, .ico
            """,
    ),
    "output type against format": Fault(
        more="""\
            format: webp
            output: "{{ name }}.png"
            """,
        told="""\
            specs/catalog.yaml:13:13: the format is webp, and the output's name says png
               13 |     output: "{{ name }}.png"
                  |             ^^^^^^^^^^^^^^^^
            hint: end the name in '.webp', or leave the format out
            """,
    ),
    "output placeholder unknown": Fault(
        more='output: "{{ sku }}.png"\n',
        told="""\
            specs/catalog.yaml:12:17: unknown variable 'sku'
               12 |     output: "{{ sku }}.png"
                  |                 ^^^
            hint: Variables here: asset, ext, index, model, name, spec
            """,
    ),
}

# --- files --------------------------------------------------------------------------------------------------

FILES = {
    "include circle": Fault(
        spec="include: [other.yaml]\n",
        files={"specs/other.yaml": "include: [catalog.yaml]\n"},
        told="""\
            specs/other.yaml:1:11: includes go round in a circle: specs/catalog.yaml:1 → specs/other.yaml:1 → specs/catalog.yaml
                1 | include: [catalog.yaml]
                  |           ^^^^^^^^^^^^
            hint: move what they share into a file that includes neither
            """,
    ),
    "include missing": Fault(
        spec="include: [shared/models.yaml]\n",
        told="""\
            specs/catalog.yaml:1:11: there is no file 'specs/shared/models.yaml'
                1 | include: [shared/models.yaml]
                  |           ^^^^^^^^^^^^^^^^^^
            hint: paths are relative to the file that includes them
            """,
    ),
    "same model in two includes": Fault(
        spec="""\
            include: [a/one.yaml, a/two.yaml]
            assets: {shots: {prompt: a lamp}}
            """,
        files={
            "specs/a/one.yaml": "models: {paint: {provider: painter}}\n",
            "specs/a/two.yaml": "models: {paint: {provider: placeholder}}\n",
        },
        told="""\
            specs/a/one.yaml:1:10: model 'paint' is defined twice
                1 | models: {paint: {provider: painter}}
                  |          ^^^^^
            hint: it is defined at specs/a/two.yaml:1:10 too; rename one of the two
            """,
    ),
    "several files": Fault(
        edit=("[paint]", "[pant]"),
        files={
            "specs/banner.yaml": """\
            assets:
              hero:
                prompt: 'a {{ thing }}'
                sise: 10x10
            """,
            "specs/zoo.yaml": """\
            assets:
              lion:
                template: animal
              tiger:
                prompt: a tiger
                models: [sdxl]
            """,
        },
        told="""\
            specs/banner.yaml:4:5: unknown key 'sise'
                4 |     sise: 10x10
                  |     ^^^^
            hint: did you mean 'size'? Keys here: attempts, forbid, format, from, inputs, matrix, metadata, models, negative, output, …
            specs/catalog.yaml:11:14: unknown model 'pant'
               11 |     models: [pant]
                  |              ^^^^
            hint: did you mean 'paint'? Models here: paint
            specs/zoo.yaml:3:15: unknown template 'animal'
                3 |     template: animal
                  |               ^^^^^^
            hint: there are no templates here
            specs/zoo.yaml:6:14: unknown model 'sdxl'
                6 |     models: [sdxl]
                  |              ^^^^
            hint: there are no models here
            """,
    ),
    "no such file": Fault(
        call=("plan", "specs/catalogue.yaml"),
        told="""\
            error: there is no file 'specs/catalogue.yaml'
            hint: did you mean 'specs/catalog.yaml'? Give a spec, or a folder that holds specs
            """,
    ),
}

# --- settings -----------------------------------------------------------------------------------------------

SETTINGS = {
    "settings unknown key": Fault(
        files={"imgbuild.yaml": "outptu: out\n"},
        told="""\
            imgbuild.yaml:1:1: unknown key 'outptu'
                1 | outptu: out
                  | ^^^^^^
            hint: did you mean 'output'? Keys here: budget, cache, cost, credentials, devices, jobs, limits, metadata, notify, output, …
            """,
    ),
    "a value where a rule's mapping is needed": Fault(
        spec="""\
            assets:
              shots:
                prompt: a lamp
                validate: [format: webp, mode: "1", unique: 6, similar_to: a.png, sharpness: 100]
            """,
        told="""\
            specs/catalog.yaml:4:24: 'format' must be a mapping
                4 |     validate: [format: webp, mode: "1", unique: 6, similar_to: a.png, sharpness: 100]
                  |                        ^^^^
            hint: write {type: webp}
            specs/catalog.yaml:4:36: 'mode' must be a mapping
                4 |     validate: [format: webp, mode: "1", unique: 6, similar_to: a.png, sharpness: 100]
                  |                                    ^^^
            hint: write {mode: "1"}
            specs/catalog.yaml:4:49: 'unique' must be a mapping
                4 |     validate: [format: webp, mode: "1", unique: 6, similar_to: a.png, sharpness: 100]
                  |                                                 ^
            hint: write {distance: 6}
            specs/catalog.yaml:4:64: 'similar_to' must be a mapping
                4 |     validate: [format: webp, mode: "1", unique: 6, similar_to: a.png, sharpness: 100]
                  |                                                                ^^^^^
            hint: write {reference: "a.png"}
            specs/catalog.yaml:4:82: 'sharpness' must be a mapping
                4 |     validate: [format: webp, mode: "1", unique: 6, similar_to: a.png, sharpness: 100]
                  |                                                                                  ^^^
            hint: give it keys of its own: adjust, max, min, on_fail
            """,
    ),
    "settings bad budget": Fault(
        files={"imgbuild.yaml": "budget: 5\n"},
        told="""\
            imgbuild.yaml:1:9: 'budget' must be a mapping
                1 | budget: 5
                  |         ^
            hint: give it keys of its own: build, month
            """,
    ),
    "unknown provider of a profile": Fault(
        files={"imgbuild.yaml": "profiles: {a: {models: {paint: {provider: pianter}}}}\n"},
        call=("plan", "--profile", "a"),
        told="""\
            imgbuild.yaml:1:43: unknown provider 'pianter'
                1 | profiles: {a: {models: {paint: {provider: pianter}}}}
                  |                                           ^^^^^^^
            hint: did you mean 'replicate'? Providers here: automatic1111, bfl, comfyui, diffusers, fal, google, http, huggingface, ideogram, openai, …
            """,
    ),
}

FAULTS = {
    f"{section}: {name}": fault
    for section, faults in (
        ("yaml", YAML),
        ("names", NAMES),
        ("values", VALUES),
        ("steps", STEPS),
        ("tables", TABLES),
        ("templates", TEMPLATES),
        ("matrices", MATRICES),
        ("models", MODELS),
        ("inputs", INPUTS),
        ("outputs", OUTPUTS),
        ("files", FILES),
        ("settings", SETTINGS),
    )
    for name, fault in faults.items()
}


@pytest.fixture
def narrow(painter, monkeypatch):
    """A provider that takes little."""

    class Narrow(painter):
        name = "narrow"

        def capabilities(self, model):
            return Capabilities(
                takes=frozenset({"seed"}),
                grade=Grade.BITWISE,
                params={"steps": {"type": "integer", "minimum": 1, "maximum": 100}},
                sizes=((16, 16), (32, 16)),
                default_size=(16, 16),
            )

    monkeypatch.setitem(PROVIDERS._loaded, "narrow", Narrow)


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_said_of(bench, narrow, name):
    fault = FAULTS[name]
    project = bench({"specs/catalog.yaml": fault.text(), **fault.files})
    told = project.tell(*fault.call)
    assert told.err == dedent(fault.told).lstrip("\n")
    assert (told.out, told.code) == ("", 2)


def test_a_build_says_the_same_and_touches_nothing(bench, painter):
    fault = NAMES["unknown model"]
    project = bench({"specs/catalog.yaml": SPEC})
    assert project.build().finished.exit_code == 0
    before = project.state()
    project.write({"specs/catalog.yaml": fault.text()})
    told = project.tell("build")
    assert (told.err, told.out, told.code) == (dedent(fault.told), "", 2)
    project.write({"specs/catalog.yaml": SPEC})
    now = project.state()
    assert {name for name in now if now[name][0] != before[name][0]} == set()
