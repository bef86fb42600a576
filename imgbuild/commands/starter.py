"""What `imgbuild init` writes, as text: a first spec, settings for the machine it runs on, lines for git."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shutil import which

from msgspec import Struct

from imgbuild.providers.keyring import FILE

# Environment variables that hold vendors' keys → the provider they are for. Only their names are looked at.
KEYS = {
    "OPENAI_API_KEY": "openai",
    "REPLICATE_API_TOKEN": "replicate",
    "FAL_KEY": "fal",
    "BFL_API_KEY": "bfl",
    "STABILITY_API_KEY": "stability",
    "GEMINI_API_KEY": "google",
    "HF_TOKEN": "huggingface",
}

HELLO = """\
# yaml-language-server: $schema={up}schema/spec.schema.json
#
# A spec declares pictures; `imgbuild build` makes those that are missing or out of date.
# An asset is a prompt times a matrix: every combination is one picture in {output}/.
version: 1

models:
  sketch:
    provider: placeholder # draws at once, without key, GPU or download: see the layout before paying for it

assets:
  fruit:
    prompt: "{{{{ fruit }}}} on a {{{{ color }}}} background, {{{{ style }}}}"
    matrix:
      fruit: [apple, pear, lemon]
      color: [teal, orange]
      style: # label: text; the label goes into names, the text into the prompt
        plain: "soft light, high detail"
        moody: "dark theme, neon accents"
    models: [sketch]
    size: 512x512
    output: "hello/{{{{ fruit }}}}_{{{{ color }}}}_{{{{ style.label }}}}.png"

    # Every picture is checked. `reroll` tries another seed; the lock keeps the one that passed.
    validate:
      - dimensions: {{width: 512, height: 512}}
      - contrast: {{min: 0.02, on_fail: reroll}}
"""

SETTINGS = """\
# yaml-language-server: $schema=schema/settings.schema.json
#
# Settings of the whole project. Every key may be left out; what is commented out shows the default or an example.
version: 1

# specs: specs         # where the specs are
# output: out          # where the pictures go
# store: .imgbuild     # what was made, kept so that nothing is made twice
# store_limit: 10 GB   # what `imgbuild gc` brings the store down to

{found}
{limits}

{budget}

# What prompts and models may be.
# policy:
#   blocked: [gore]              # whole words that no prompt may hold
#   licenses: [openrail++]       # of the models that may be used
#   commercial: true             # no licences that are known to forbid commercial use
#   rights: true                 # pictures from files, LoRAs and adapters need 'rights: …'

profiles:
  # imgbuild build --profile preview: every picture small, at once and for nothing, in out/preview
  preview:
    models: {{"*": placeholder}}
    size: 256x256
    validate: false
"""

NO_KEYS = "# Found here: no key of an image API, and no GPU. The placeholder needs neither."

UNION = (
    "# One line a picture: when two branches both add pictures, git keeps the lines of both, and the next\n"
    "# build sorts them and settles any that are there twice."
)


class Machine(Struct, frozen=True):
    """What there is to make pictures with: names of the variables that hold keys, and whether there is a GPU."""

    keys: tuple[str, ...]
    gpu: bool


def look_around(environ: Mapping[str, str]) -> Machine:
    """What this machine has; values of keys are not read, only whether they are empty."""
    keys = tuple(name for name in KEYS if environ.get(name))
    return Machine(keys, which("nvidia-smi", path=environ.get("PATH", "")) is not None)


def hello(folder: str, output: str) -> str:
    """The first spec, for the specs folder `folder` (from the root)."""
    up = "../" * (folder.strip("/").count("/") + 1)
    return HELLO.format(up=up, output=output)


def settings_text(machine: Machine) -> str:
    """imgbuild.yaml for this machine."""
    providers = [KEYS[name] for name in machine.keys] + ["diffusers"] * machine.gpu
    limits = [f"  {name}: {{concurrency: {1 if name == 'diffusers' else 4}}}" for name in providers]
    example = ["# limits:", "#   openai: {concurrency: 4, per_minute: 60}"]
    return SETTINGS.format(
        found=_found(machine),
        limits="\n".join(["limits: # how fast a provider may be asked", *limits] if limits else example),
        budget=_budget(machine),
    )


def _found(machine: Machine) -> str:
    if not machine.keys and not machine.gpu:
        return NO_KEYS
    return f"# Found here: {', '.join([*machine.keys, *['a GPU'] * machine.gpu])}."


def _budget(machine: Machine) -> str:
    text = ["budget: # in US dollars; a build stops before it would spend more", "  build: 5", "  month: 50"]
    return "\n".join(text if machine.keys else [f"# {line}" for line in text])


def ignored(store: str, output: str) -> list[str]:
    """Lines of .gitignore: what a build makes again from specs and lock, and keys."""
    return [*(f"/{path}/" for path in (store, output) if not path.startswith(("/", ".."))), FILE]


def attributes(folders: Sequence[str]) -> list[str]:
    """Lines of .gitattributes, below the comment that says why."""
    return [
        line
        for folder in folders
        for line in (
            f"{folder}/**/*.lock merge=union linguist-generated",
            f"{folder}/**/*.reviews merge=union",
        )
    ]
