"""A bench to build projects on: text in, and what was run, published and locked out."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from textwrap import dedent
from typing import ClassVar, NamedTuple

import pytest
from hypothesis import settings
from PIL import Image as pillow

from imgbuild.cli import run
from imgbuild.commands.last import Last
from imgbuild.errors import Refused
from imgbuild.lock.text import read_lock
from imgbuild.narrow import is_enough, load_since
from imgbuild.pipeline import BuildOptions, Selection, build
from imgbuild.plan import Options
from imgbuild.project import load_project, open_settings, widened
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.store import snapshot
from imgbuild.store.store import open_store
from imgbuild.types import (
    ROLES,
    Ask,
    Bound,
    Capabilities,
    Format,
    Grade,
    Image,
    Input,
    Model,
    Recipe,
    Target,
    Where,
)

# Tests and the commands that they start share the cores: a thread of torch that waits is to sleep, not to turn round.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# No test asserts a time, and so none of its examples has a deadline.
settings.register_profile("imgbuild", deadline=None)
settings.load_profile("imgbuild")

PLAN_FLAGS = ("force", "reroll", "retry")
SELECTION_FLAGS = ("specs", "patterns", "sample", "shard")
PIN = re.compile(r", (takes=\{\}|chosen=\(\))")


class Told(NamedTuple):
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


class Painter(Provider):
    """A provider that paints sixteen squares from the request alone, and keeps what it was asked for.

    touch: what becomes of every picture, to play a library that has changed. refuses: words it will not paint.
    """

    name = "painter"
    asked: ClassVar[list] = []
    grade: ClassVar[Grade] = Grade.BITWISE
    touch = staticmethod(lambda picture: picture)
    refuses: ClassVar[set] = set()

    def capabilities(self, model):
        return Capabilities(
            takes=frozenset({"negative", "seed", *ROLES}),
            grade=self.grade,
            params={"*": {}},
            default_size=(16, 16),
        )

    def generate(self, requests):
        return [self.paint(request) for request in requests]

    def paint(self, request):
        self.asked.append(request)
        if any(word in request.prompt for word in self.refuses):
            raise Refused(f"'{request.prompt}' will not be painted", hint="ask for something else")
        return Image(pixels=self.touch(squares(request)), seed=request.seed)


class As(str):
    """Text that stands in a tuple without quotes."""

    __repr__ = str.__str__


def squares(request):
    """A picture of 4 × 4 squares: how bright it is follows from the seed, the rest from all of the request."""
    given = [picture.tobytes() for role in sorted(request.inputs) for picture in request.inputs[role]]
    text = repr(
        (
            As(PIN.sub("", repr(request.pin))),  # what a model takes, and was chosen for, paints nothing
            request.prompt,
            request.negative,
            request.width,
            request.height,
            request.seed,
            sorted(request.params.items()),
            [hashlib.sha256(data).hexdigest() for data in given],
        )
    )
    dice = random.Random(text)
    level = random.Random(request.seed).randrange(256)
    levels = bytes((level + dice.randrange(256)) // 2 for _ in range(48))
    picture = pillow.frombytes("RGB", (4, 4), levels)
    return picture.resize((request.width, request.height), pillow.Resampling.NEAREST)


class Bench:
    """A project in a folder. Builds run in this process, commands in this or in one of their own."""

    def __init__(self, root: Path, files=None):
        self.root = root
        self.events = []
        root.mkdir(parents=True, exist_ok=True)
        self.write(files or {})

    # --- sources ---------------------------------------------------------------------------------------

    def write(self, files):
        """Write text (its indentation taken off) or bytes; None removes."""
        for name, content in files.items():
            path = self.root / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else dedent(content).encode())

    def edit(self, name, *changes):
        """Replace each old text, which must be there exactly once, by the new one."""
        text = (self.root / name).read_text()
        for old, new in changes:
            assert text.count(old) == 1, f"'{old}' is in {name} {text.count(old)} times"
            text = text.replace(old, new)
        (self.root / name).write_text(text)

    def text(self, name):
        return (self.root / name).read_text()

    # --- builds ----------------------------------------------------------------------------------------

    def build(self, *, profile="", stop=None, **flags):
        """Build in this process; how it ended. Raises what the pipeline raises."""
        files, settings = self.settings(profile)
        plan = {name: flags.pop(name) for name in PLAN_FLAGS if name in flags}
        selection = {name: flags.pop(name) for name in SELECTION_FLAGS if name in flags}
        options = BuildOptions(selection=Selection(**selection), plan=Options(**plan), **flags)
        self.events = []
        folder, cache = self.root / settings.store, settings.cache
        last = Last(f"{folder}/{snapshot.file_name(profile)}", b"", b"bench")
        with open_store(folder, self.root / cache if cache else None, write=True) as store:
            seen = last.read() if options.selection.is_all() else None
            project = load_since(files, settings, (), seen, last.scope)
            project = project if is_enough(project, store) else widened(project)
            last.drop()
            built = build(project, store, options, self, stop or threading.Event())
            last.leave(built, seen)
        return built

    def again(self, *patterns):
        """Build where only the lock is left of the last build; how many images were generated."""
        shutil.rmtree(self.root / ".imgbuild")
        shutil.rmtree(self.root / "out")
        ended = self.build(locked=True, patterns=patterns)
        assert ended.failures == ()
        return ended.finished.generated

    def only(self):
        """The one picture that is published, in RGB."""
        (name,) = self.outputs()
        with pillow.open(self.root / "out" / name) as picture:
            return picture.convert("RGB")

    def settings(self, profile=""):
        return open_settings(self.root, {}, self.root / "home", profile)

    def load(self, profile=""):
        return load_project(*self.settings(profile))

    def event(self, event):
        self.events.append(event)

    def notes(self):
        """What the last build had to say beside its targets."""
        return [event.text for event in self.events if hasattr(event, "text")]

    def tell(self, *arguments):
        """Run a command in this process, as if called from the project's folder."""
        place = () if Path.cwd() == self.root else ("-C", str(self.root))
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run([*place, *arguments])
        return Told(int(code), out.getvalue(), err.getvalue())

    def start(self, *arguments, python=(), env=None, **options):
        """Start a command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, *python, "-m", "imgbuild", *arguments],
            cwd=self.root,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def call(self, *arguments, python=(), env=None):
        """Run a command in a process of its own."""
        with self.start(*arguments, python=python, env=env) as process:
            try:
                out, err = process.communicate(timeout=120)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Told(process.returncode, out, err)

    # --- what came of it -------------------------------------------------------------------------------

    def outputs(self, folder="out"):
        """SHA-256 of everything below the output folder, by path."""
        return {name: digest for name, (digest, _) in self.state(folder).items()}

    def state(self, folder="."):
        """Every file below a folder of the project: its SHA-256 and its time of change, by path from there."""
        base = self.root / folder
        files = [path for path in base.rglob("*") if path.is_file() or path.is_symlink()]
        return {
            path.relative_to(base).as_posix(): (
                hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "",
                path.lstat().st_mtime_ns,
            )
            for path in sorted(files)
        }

    def locks(self):
        """The bytes of every lock, by path."""
        found = sorted((self.root / "specs").rglob("*.lock"))
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in found}

    def lines(self, spec="catalog"):
        """The lines of a lock, by target id without the spec."""
        path = self.root / f"specs/{spec}.lock"
        return dict(read_lock(path.read_bytes(), path.name).lock.targets) if path.exists() else {}

    def actions(self):
        """What the plan says of each target, by id without the spec."""
        told = self.tell("plan", "--json")
        assert told.code == 0, told.err
        rows = [msgspec_decode(line) for line in told.out.splitlines()]
        return {row["id"].partition("/")[2]: row["action"] for row in rows if row.get("event") == "plan"}

    def why(self, target):
        """What `why` says of a target."""
        told = self.tell("why", target)
        assert told.code == 0, told.err
        return told.out


HERE = Where(file="specs/shop.yaml", line=7, column=3)
ID = re.compile(r"(?P<spec>[\w/]+?)/(?P<asset>\w+)(?:\[(?P<cell>.*)\])?(?:@(?P<alias>\w+))?#(?P<index>\d+)")


def a_model(
    alias="paint", provider="painter", home="shop", *, batch=1, concurrency=4, takes=None, **declared
):
    """A model as recipes bind it. takes: all that there is, where not given."""
    known = frozenset({"negative", "seed", *ROLES}) if takes is None else frozenset(takes)
    grade = declared.pop("grade", Grade.BITWISE)
    return Bound(
        alias=alias,
        home=home,
        model=Model(provider=provider, **declared),
        capabilities=Capabilities(takes=known, grade=grade, batch=batch, concurrency=concurrency),
        where=HERE,
    )


def a_target(
    id="shop/lamps[color=red]@paint#0", *, models=None, needs=(), prompt="a lamp", params=None, **own
):
    """A target with this id, made by hand. models: its own and the fallbacks; needs: ids of its input pictures.

    What else is given is of the target or, where that has no such field, of its recipe; negative, width and
    height are those of what each model is asked for.
    """
    parts = ID.fullmatch(id)
    chain = models or ([a_model(parts["alias"])] if parts["alias"] else [])
    cell = tuple(tuple(pair.split("=")) for pair in (parts["cell"] or "").split(",") if pair)
    ask = {"prompt": prompt, "params": params or {}}
    ask |= {name: own.pop(name, value) for name, value in (("negative", ""), ("width", 16), ("height", 16))}
    fields = {name: own.pop(name) for name in Target.__struct_fields__ if name in own}
    shared = {"format": Format(), "where": HERE, **own}
    recipe = Recipe(
        spec=parts["spec"],
        asset=parts["asset"],
        model=chain[0] if chain else None,
        fallbacks=tuple(chain[1:]),
        **shared,
    )
    known = {
        "recipe": recipe,
        "cell": cell,
        "index": int(parts["index"]),
        "seed": 7,
        "asks": tuple(Ask(alias=bound.alias, **ask) for bound in chain),
        "inputs": tuple(Input(role="image", target=name) for name in needs),
        "output": f"{parts['asset']}/{'_'.join(label for _, label in cell) or 'all'}_{parts['index']}.png",
    }
    return Target(id=id, **{**known, **fields})


def msgspec_decode(line):
    import msgspec

    return msgspec.json.decode(line)


@pytest.fixture(autouse=True)
def no_settings(tmp_path_factory, monkeypatch):
    """Nothing of the user's own settings or environment reaches a test."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))
    for name in [name for name in os.environ if name.startswith("IMGBUILD_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def calls():
    """A function: how many functions, Python's and C's, a call comes to call. It is steady where seconds are not."""

    def count(call):
        made = 0

        def note(frame, event, argument):
            nonlocal made
            made += event in ("call", "c_call")

        sys.setprofile(note)
        try:
            call()
        finally:
            sys.setprofile(None)
        return made

    return count


@pytest.fixture
def bench(tmp_path):
    """A function: files by name (and a folder) → a project made of them."""
    return lambda files=None, folder="project": Bench(tmp_path / folder, files)


@pytest.fixture
def painter(monkeypatch):
    """The painter, in the registry under its name, and asked for nothing yet."""
    own = type("Painter", (Painter,), {"asked": [], "refuses": set()})
    monkeypatch.setitem(PROVIDERS._loaded, "painter", own)
    return own


@pytest.fixture(scope="session")
def target():
    """A function that makes a target by hand; see `a_target`."""
    return a_target


@pytest.fixture(scope="session")
def model():
    """A function that makes a model as recipes bind it; see `a_model`."""
    return a_model


@pytest.fixture(scope="session")
def small_networks(tmp_path_factory):
    """Networks with weights of chance, as transformers keeps them: by folder, the files and their bytes."""
    import torch

    folder = tmp_path_factory.mktemp("networks")
    torch.manual_seed(0)
    _save_clip(folder / "clip")
    _save_sorter(folder / "sorter")
    return {
        kind: {path.name: path.read_bytes() for path in sorted((folder / kind).iterdir())}
        for kind in ("clip", "sorter")
    }


def _save_clip(folder):
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

    letters = [chr(256 + code) for code in range(256)] + [chr(code) for code in range(97, 123)]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocab = {word: number for number, word in enumerate(words)}
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    ends = {"bos_token_id": len(vocab) - 2, "eos_token_id": len(vocab) - 1, "pad_token_id": len(vocab) - 1}
    config = CLIPConfig(
        text_config={**small, **ends, "vocab_size": len(vocab), "max_position_embeddings": 24},
        vision_config={**small, "image_size": 16, "patch_size": 8},
        projection_dim=8,
    )
    CLIPModel(config).save_pretrained(folder)
    CLIPTokenizer(vocab=vocab, merges=[], model_max_length=24).save_pretrained(folder)
    _save_processor(folder, "CLIPImageProcessor", {"shortest_edge": 16}, {"height": 16, "width": 16})


def _save_sorter(folder):
    from transformers import ViTConfig, ViTForImageClassification

    names = {0: "normal", 1: "nsfw", 2: "drawing"}
    config = ViTConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=16,
        patch_size=8,
        id2label=names,
        label2id={name: number for number, name in names.items()},
    )
    ViTForImageClassification(config).save_pretrained(folder)
    _save_processor(folder, "ViTImageProcessor", {"height": 16, "width": 16}, None)


def _save_processor(folder, kind, size, crop):
    told = {"image_processor_type": kind, "size": size, "do_resize": True, "do_normalize": True}
    told |= {"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "resample": 3, "do_rescale": True}
    told |= {"do_center_crop": True, "crop_size": crop} if crop else {}
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
