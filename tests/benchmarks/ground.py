"""The files that benchmarks run on: a project, and the same number of outputs for each peer."""

from __future__ import annotations

import re
from pathlib import Path

from tests.benchmarks import loop

COLOURS = ("red", "blue", "green", "black", "white", "pink", "teal", "navy", "gold", "grey")
SPEC = """\
version: 1
models:
  stand-in: {{provider: placeholder}}
assets:
  thumbnails:
    prompt: "{{{{ name }}}} in {{{{ colour }}}}, {{{{ style }}}}"
    matrix:
      product: {{csv: products.csv, key: sku}}
      colour: [{colours}]
      style: [{styles}]
    models: [stand-in]
    size: 64x64
  hero:
    prompt: "a {word} lamp"
    models: [stand-in]
    size: 64x64
"""
HERO = "hero/0.png"
LOCAL = """\
version: 1
models:
  tiny:
    provider: diffusers
    source: imgbuild/tiny-icons
    params: {{steps: {steps}, guidance: {guidance}, batch: {batch}, threads: {threads}}}
assets:
  icon:
    prompt: "a large {{{{ color }}}} {{{{ shape }}}} on a white background"
    matrix:
      color: [red, orange, green, blue]
      shape: [star, heart]
    models: [tiny]
    seeds: {seeds}
"""

RULES = """\
rules:
  web:
    - dimensions: {width: 1024, height: 1024}
    - aspect_ratio: {ratio: "1:1"}
    - not_blank
    - brightness: {min: 0.05, on_fail: warn}
    - contrast: {min: 0.01}
    - sharpness: {min: 1}
    - noise: {max: 50}
    - palette: {colors: [white, black], share: 0}
    - edges: {max: 1}
    - unique: {on_fail: warn}
"""


def write_project(root: Path, targets: int) -> int:
    """A spec of about so many targets of 64×64 in one big asset and one of a single target; how many there are.

    A table of a row a hundred targets, ten colours, ten styles; fewer where fewer are asked for.
    """
    rows = max(1, targets // 100)
    (root / "specs").mkdir(parents=True)
    (root / "imgbuild.yaml").write_text("output: out\n")
    write_table(root, rows)
    write_spec(root, "brass", targets)
    return rows * len(COLOURS) * styles_of(targets) + 1


def styles_of(targets: int) -> int:
    """Of how many styles a spec of about so many targets has each product in each colour."""
    return min(10, max(1, targets // len(COLOURS)))


def write_local(root: Path, targets: int) -> int:
    """A spec of about so many icons, all of the local model: eight prompts, a number of seeds each; how many there are."""
    seeds = max(1, targets // 8)
    (root / "specs").mkdir(parents=True)
    (root / "imgbuild.yaml").write_text("output: out\n")
    (root / "specs/icons.yaml").write_text(
        LOCAL.format(
            steps=loop.STEPS, guidance=loop.GUIDANCE, batch=loop.BATCH, threads=loop.THREADS, seeds=seeds
        )
    )
    return 8 * seeds


def write_api(root: Path, address: str, targets: int) -> None:
    """A spec of so many images, each of another prompt, through a server at this address."""
    (root / "specs").mkdir(parents=True)
    (root / "imgbuild.yaml").write_text("limits: {openai: {concurrency: 64}}\n")
    (root / "specs/lamps.yaml").write_text(
        "version: 1\n"
        "models:\n"
        f"  api: {{provider: openai, source: house, size: 64x64, params: {{base_url: '{address}/v1'}}}}\n"
        "assets:\n"
        '  lamps: {prompt: "lamp {{ number }}", models: [api], '
        f"matrix: {{number: [{', '.join(map(str, range(targets)))}]}}}}\n"
    )


def write_photos(root: Path, count: int) -> None:
    """So many photographs of 1024², each another crop with some noise, and ten rules that they keep."""
    import numpy as np
    from PIL import Image
    from skimage import data

    (root / "photos").mkdir(parents=True)
    (root / "rules.yaml").write_text(RULES)
    dice = np.random.default_rng(0)
    for number in range(count):
        photo = Image.fromarray((data.astronaut, data.coffee, data.chelsea, data.rocket)[number % 4]())
        side = min(photo.size) // 2
        left, top = (int(dice.integers(0, whole - side)) for whole in photo.size)
        crop = photo.convert("RGB").crop((left, top, left + side, top + side)).resize((1024, 1024))
        noisy = np.asarray(crop).astype(np.int16) + dice.integers(-3, 4, (1024, 1024, 1), dtype=np.int16)
        picture = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
        picture.save(root / f"photos/{number:04}.png", compress_level=1)


def prompt_of(name: str) -> str:
    """The prompt of a target of `write_local`: of "icon[color=red,shape=star]@tiny#0"."""
    found = re.fullmatch(r"icon\[color=(\w+),shape=(\w+)\]@tiny#\d+", name)
    assert found is not None
    return f"a large {found[1]} {found[2]} on a white background"


def write_table(root: Path, rows: int, edited: int = 0) -> None:
    """The table of products. edited: how often the first row's name was changed."""
    names = [f"thing {row}" if row or not edited else f"thing {row} mark {edited}" for row in range(rows)]
    lines = [f"S{row:06},{name}\n" for row, name in enumerate(names)]
    (root / "specs/products.csv").write_text("".join(["sku,name\n", *lines]))


def write_spec(root: Path, word: str, targets: int) -> None:
    """The spec file of about so many targets; `word` is in the prompt of the single one."""
    styles = ", ".join(f"s{style}" for style in range(styles_of(targets)))
    text = SPEC.format(colours=", ".join(COLOURS), styles=styles, word=word)
    (root / "specs/catalog.yaml").write_text(text)


def names(targets: int) -> list[str]:
    """What a peer's outputs are called: as many, of names as long, in one folder too."""
    return [
        f"out/thumbnails/S{at // 100:06}_{COLOURS[at // 10 % 10]}_s{at % 10}_0.png" for at in range(targets)
    ]


def write_ninja(root: Path, targets: int) -> None:
    """A build file of trivial commands that all depend on one source."""
    root.mkdir(parents=True)
    (root / "source").write_text("")
    rule = "rule make\n  command = touch $out\n"
    (root / "build.ninja").write_text(
        rule + "".join(f"build {name}: make source\n" for name in names(targets))
    )


def write_dvc(root: Path, targets: int) -> None:
    """A pipeline with a stage for each output."""
    root.mkdir(parents=True)
    (root / "source").write_text("")
    stages = [
        f"  s{at}:\n    cmd: mkdir -p out/thumbnails && touch {name}\n    deps: [source]\n    outs: [{name}]\n"
        for at, name in enumerate(names(targets))
    ]
    (root / "dvc.yaml").write_text("".join(["stages:\n", *stages]))


def write_snakemake(root: Path, targets: int) -> None:
    """A workflow of one rule, asked for all outputs."""
    root.mkdir(parents=True)
    (root / "source").write_text("")
    (root / "outputs").write_text("\n".join(names(targets)))
    (root / "Snakefile").write_text(
        'rule all:\n    input: open("outputs").read().split()\n\n'
        'rule make:\n    input: "source"\n    output: "out/thumbnails/{name}.png"\n    shell: "touch {output}"\n'
    )
