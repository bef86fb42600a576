"""Repositories of the hub, spoken to as its own client does, over the loopback."""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from textwrap import dedent
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from imgbuild.errors import TargetError
from imgbuild.lock.text import read_lock
from imgbuild.providers.diffusers import probe, provider
from imgbuild.report.events import Fetch, Load
from imgbuild.rules import RULES
from imgbuild.weights import hub
from imgbuild.weights.bundles import pipeline_bundle

pytestmark = pytest.mark.slow

COMMITS = ("a" * 40, "b" * 40)
WHOLE = pipeline_bundle("")
SPEC = """
models:
  tiny: {provider: diffusers, source: acme/tiny, params: {steps: 1}}
assets:
  icon: {prompt: "a red icon", models: [tiny]}
"""


class Hub(ThreadingHTTPServer):
    """A hub. repositories: files by path, of the newest commit, by name; answers: what it says instead, by path.

    breaks: at which byte it hangs up, once, by path; ranges: where each file was asked for from, if not from the start.
    """

    def __init__(self, repositories):
        super().__init__(("127.0.0.1", 0), Answers)
        self.repositories, self.commit = repositories, COMMITS[0]
        self.files = repositories["acme/tiny"]
        self.asked, self.answers = [], {}
        self.breaks, self.ranges = {}, []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def commit_of(self, path):
        """The commit that a path is about: an older one is still there, with the same files."""
        return next((commit for commit in COMMITS if commit in path), self.commit)

    def model(self, name, commit):
        siblings = [
            {"rfilename": name, "size": len(data), "blobId": _blob(data), **_lfs(name, data)}
            for name, data in self.repositories[name].items()
        ]
        return {"_id": "1", "id": name, "sha": commit, "siblings": siblings, "tags": []}

    def tree(self, name):
        return [
            {"type": "file", "path": name, "size": len(data), "oid": _blob(data), **_pointer(name, data)}
            for name, data in self.repositories[name].items()
        ]


def _blob(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _is_large(name):
    return name.endswith(".safetensors")


def _lfs(name, data):
    sha256 = hashlib.sha256(data).hexdigest()
    return {"lfs": {"sha256": sha256, "size": len(data), "pointerSize": 130}} if _is_large(name) else {}


def _pointer(name, data):
    sha256 = hashlib.sha256(data).hexdigest()
    return {"lfs": {"oid": sha256, "size": len(data), "pointerSize": 130}} if _is_large(name) else {}


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = urlsplit(self.path).path
        self.server.asked.append(path)
        status, headers = next(
            (answer for part, answer in self.server.answers.items() if part in path), (200, {})
        )
        if status != 200:
            self.reply(status, b"{}", headers)
            return
        name = "/".join(path.removeprefix("/api/models").split("/")[1:3])
        if name not in self.server.repositories:
            self.reply(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif path.startswith(f"/api/models/{name}/tree/"):
            self.reply(200, json.dumps(self.server.tree(name)).encode())
        elif path.startswith("/api/models/"):
            self.reply(200, json.dumps(self.server.model(name, self.server.commit_of(path))).encode())
        else:
            self.file(name, path.partition("/resolve/")[2].partition("/")[2])

    do_HEAD = do_GET

    def file(self, repository, name):
        data = self.server.repositories[repository].get(name)
        if data is None:
            self.reply(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        etag = hashlib.sha256(data).hexdigest() if _is_large(name) else _blob(data)
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": self.server.commit_of(self.path)}
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        if start:
            self.server.ranges.append((name, start))
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.reply(206 if start else 200, data[start:], headers, self.server.breaks.get(name))

    def reply(self, status, data, headers=None, breaks=None):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[:breaks])
            self.close_connection = breaks is not None
            self.server.breaks = {} if breaks is not None else self.server.breaks

    def log_message(self, *_):
        pass


def _parts(weights):
    """Repositories of a VAE in a subfolder, two LoRAs, one LoRA, and a ControlNet."""
    lora = (weights / "lora.safetensors").read_bytes()
    vae = {f"vae/{path.name}": path.read_bytes() for path in (weights / "vae").iterdir()}
    net = {path.name: path.read_bytes() for path in (weights / "net").iterdir()}
    return {
        "acme/vae": {**vae, "README.md": b"# a VAE"},
        "acme/styles": {"ink.safetensors": lora, "chalk.safetensors": b"chalk"},
        "acme/style": {"style.safetensors": lora, "README.md": b"# a style"},
        "acme/lines": {**net, "diffusion_pytorch_model.fp16.safetensors": b"half"},
    }


@pytest.fixture
def server(weights, tmp_path, monkeypatch):
    """The hub, holding the tiny pipeline, with an empty cache on this side."""
    from huggingface_hub import constants

    folder = weights / "pipeline"
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    files |= {"README.md": b"# tiny", "unet/diffusion_pytorch_model.fp16.safetensors": b"half"}
    made = Hub({"acme/tiny": files, **_parts(weights)})
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(constants, "ENDPOINT", made.url)
    template = made.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(provider, "probe", probe.look)
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def shop(bench, server):
    return bench({"specs/catalog.yaml": dedent(SPEC)})


def pin_of(made):
    return read_lock(made.locks()["specs/catalog.lock"], "catalog.lock").lock.models["tiny"]


def weighed(server):
    return [path.partition("/resolve/")[2][41:] for path in server.asked if _is_large(path)]


def test_a_revision_is_resolved_once_and_fetched(shop, server):
    assert shop.build().failures == ()
    pin = pin_of(shop)
    assert (pin.source, pin.revision, pin.declared) == ("acme/tiny", COMMITS[0], "")
    assert {*weighed(server)} == {
        "text_encoder/model.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    }
    before, server.commit = shop.outputs(), COMMITS[1]
    server.asked.clear()
    assert shop.build().finished.fresh == 1
    shop.edit("specs/catalog.yaml", ("a red icon", "a blue icon"))
    assert shop.build(offline=True).finished.generated == 1
    assert (server.asked, pin_of(shop)) == ([], pin)
    assert shop.outputs() != before


def test_a_download_is_told_from_the_first_byte_to_the_last(shop, server):
    shop.build()
    sizes = {name: len(data) for name, data in server.files.items()}
    # what was looked at to pin it is here already, and of two variants one is loaded
    total = sum(size for name, size in sizes.items() if _is_large(name) and "fp16" not in name)
    told = [event for event in shop.events if isinstance(event, Fetch | Load)]
    assert [(type(event).__name__, event.model, event.ended) for event in told if not event.seconds] == [
        ("Load", "tiny", False),
        ("Fetch", "tiny", False),
        ("Load", "tiny", False),
    ]
    fetched = [event for event in told if isinstance(event, Fetch)]
    assert [fetched[0], fetched[-1]] == [
        Fetch(model="tiny", source="acme/tiny", total=total),
        replace(fetched[0], done=total, seconds=fetched[-1].seconds, ended=True),
    ]
    shop.edit("specs/catalog.yaml", ("a red icon", "a blue icon"))
    shop.build()
    assert not any(isinstance(event, Fetch) for event in shop.events)


def test_a_broken_download_goes_on_where_it_broke(shop, server, monkeypatch):
    from huggingface_hub import constants

    name = "unet/diffusion_pytorch_model.safetensors"
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    server.breaks = {name: 5500}
    assert shop.build().failures == ()
    assert (server.ranges, server.breaks) == ([(name, 5000)], {})
    fetched = [event for event in shop.events if isinstance(event, Fetch)]
    assert fetched[-1].done == fetched[-1].total


def test_a_plain_build_says_what_it_fetches(shop, server):
    told = shop.tell("build")
    first, last, *_ = [line for line in told.out.splitlines() if "acme" in line]
    assert first.startswith("fetching acme/tiny (")
    assert re.fullmatch(r"fetched acme/tiny \(\d+\.\d [kM]B\) in .+", last)


def test_a_mirror_in_a_folder_is_the_same_model(shop, server):
    shop.build()
    for name, data in server.files.items():
        shop.write({f"models/mirror/{name}": data})
    shop.edit("specs/catalog.yaml", ("source: acme/tiny", "source: ../models/mirror"))
    ended = shop.build()
    assert (ended.finished.fresh, ended.failures) == (1, ())
    assert pin_of(shop).source == "./models/mirror"


def test_files_that_are_not_those_of_the_pin(shop, server):
    name = "vae/diffusion_pytorch_model.safetensors"
    shop.build()
    pin = pin_of(shop)
    folder = hub.fetch("acme/tiny", pin.revision, WHOLE, pin.takes["weights"], offline=True)
    blob = (folder / name).resolve()
    blob.chmod(0o644)
    blob.write_bytes(b"\0" * blob.stat().st_size)
    with pytest.raises(TargetError) as caught:
        hub.fetch("acme/tiny", pin.revision, WHOLE, pin.takes["weights"], offline=False)
    assert caught.value.message == f"the files of 'acme/tiny' at {'a' * 12} are not those that were pinned"
    assert caught.value.hint.startswith(f"remove {folder} and build again; ")


def test_offline_what_is_not_in_the_cache_is_not_fetched(shop, server):
    (failure,) = shop.build(offline=True).failures
    assert (failure.cause, failure.hint) == (
        "pinning 'acme/tiny' needs the network",
        "build without --offline",
    )
    with pytest.raises(TargetError) as caught:
        hub.fetch("acme/tiny", COMMITS[0], WHOLE, "w", offline=True)
    assert caught.value.lines() == [
        "error: 'acme/tiny' is not whole in the hub's cache, and can't be fetched offline",
        "hint: build without --offline",
    ]
    assert server.asked == []


REFUSALS = {
    "no such repository": (
        (404, {"X-Error-Code": "RepoNotFound"}),
        "the hub has no model 'acme/tiny', or it is private",
        "see how it is spelled, or set HF_TOKEN; a folder of the project begins with './'",
    ),
    "nobody signed in": (
        (401, {}),
        "the hub does not let you have 'acme/tiny'",
        "set HF_TOKEN to a token that may read it",
    ),
    "gated": (
        (403, {"X-Error-Code": "GatedRepo"}),
        "'acme/tiny' is gated: its owners want you to agree to their terms first",
        "agree on its page of the hub, and set HF_TOKEN to a token of yours",
    ),
    "forbidden": (
        (403, {}),
        "the hub does not let you have 'acme/tiny'",
        "set HF_TOKEN to a token that may read it",
    ),
    "no such revision": (
        (404, {"X-Error-Code": "RevisionNotFound"}),
        "'acme/tiny' has no revision 'main'",
        "see its page of the hub",
    ),
    "too many requests": (
        (429, {"Retry-After": "30"}),
        "the hub asks to wait before it tells of 'acme/tiny'",
        "build again in 30 s; a token in HF_TOKEN raises the limit",
    ),
    "broken": ((500, {}), "the hub answered 500 for 'acme/tiny'", "build again later"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_the_hub_refuses_is_explained(shop, server, name):
    answer, cause, hint = REFUSALS[name]
    server.answers = {"/api/": answer}
    (failure,) = shop.build().failures
    assert (failure.cause, failure.hint) == (cause, hint)


def test_a_repository_without_pipeline(shop, server):
    del server.files["model_index.json"]
    (failure,) = shop.build().failures
    assert failure.cause == "'acme/tiny' is no pipeline of diffusers: it has no model_index.json"


def test_no_hub_there(shop, server, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    (failure,) = shop.build().failures
    assert failure.cause.startswith("the hub can't be reached for 'acme/tiny': ")
    assert failure.hint == "is there a network, and is HF_ENDPOINT right?"


# --- parts beside the pipeline ------------------------------------------------------------------------------

BESIDE = {
    "a LoRA": ("lora: acme/style", "acme/style", "style.safetensors", "lora: ../models/lora.safetensors"),
    "one of several LoRAs": (
        "lora: {source: acme/styles, file: ink.safetensors, scale: 0.5}",
        "acme/styles:ink.safetensors",
        "ink.safetensors",
        "lora: {file: ../models/lora.safetensors, scale: 0.5}",
    ),
    "a VAE in a subfolder": (
        "vae: {source: acme/vae, subfolder: vae, revision: main}",
        "acme/vae@main:vae",
        "vae/diffusion_pytorch_model.safetensors",
        "vae: ../models/vae",
    ),
    "a ControlNet": (
        "controlnet: acme/lines",
        "acme/lines",
        "diffusion_pytorch_model.safetensors",
        "controlnet: ../models/net",
    ),
}


@pytest.mark.parametrize("name", BESIDE)
def test_a_part_is_pinned_to_its_own_commit(shop, server, weights, name):
    written, known, file, local = BESIDE[name]
    shop.build()
    before = pin_of(shop)
    server.commit = COMMITS[1]
    server.asked.clear()
    shop.edit("specs/catalog.yaml", ("steps: 1", f"steps: 1, {written}"))
    ended = shop.build()
    assert (ended.finished.generated, ended.failures) == (1, ())
    pin = pin_of(shop)
    assert (pin.revision, pin.takes["weights"]) == (before.revision, before.takes["weights"])
    assert pin.weights != before.weights
    assert pin.takes["parts"][known]["commit"] == COMMITS[1]
    fetched = [path for path in server.asked if _is_large(path)]
    assert {path.partition("/resolve/")[2][41:] for path in fetched} == {file}
    (told,) = [event for event in shop.events if isinstance(event, Fetch) and event.ended]
    assert (told.model, told.source, told.done) == ("tiny", re.split("[:@]", known)[0], told.total)

    server.asked.clear()
    shop.edit("specs/catalog.yaml", ("a red icon", "a blue icon"))
    assert shop.build(offline=True).finished.generated == 1
    assert server.asked == []

    for folder in ("vae", "net"):
        for path in (weights / folder).iterdir():
            shop.write({f"models/{folder}/{path.name}": path.read_bytes()})
    shop.write({"models/lora.safetensors": (weights / "lora.safetensors").read_bytes()})
    shop.edit("specs/catalog.yaml", (written, local))
    assert shop.build().finished.fresh == 1


PARTS = {
    "several LoRAs": (
        "lora: acme/styles",
        "'acme/styles' has 2 files of weights",
        "name one by 'file': chalk.safetensors, ink.safetensors",
    ),
    "no such file": (
        "lora: {source: acme/styles, file: oil.safetensors}",
        "'acme/styles' is not what it is named for: it has no oil.safetensors",
        "see its page of the hub",
    ),
    "no such repository": (
        "controlnet: acme/nothing",
        "the hub has no model 'acme/nothing', or it is private",
        "see how it is spelled, or set HF_TOKEN; a folder of the project begins with './'",
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_is_not_there(shop, server, name):
    written, cause, hint = PARTS[name]
    shop.edit("specs/catalog.yaml", ("steps: 1", f"steps: 1, {written}"))
    (failure,) = shop.build().failures
    assert (failure.cause, failure.hint) == (cause, hint)


# --- what needs consent ----------------------------------------------------------------------------------


@pytest.fixture
def pickles(server, weights, tmp_path):
    """The hub, holding the tiny pipeline with a VAE that is only pickled."""
    from diffusers import AutoencoderKL

    safe = "vae/diffusion_pytorch_model.safetensors"
    vae = AutoencoderKL.from_pretrained(weights / "pipeline/vae", use_safetensors=True)
    vae.save_pretrained(tmp_path / "vae", safe_serialization=False)
    del server.files[safe]
    server.files[safe.replace("safetensors", "bin")] = (
        tmp_path / "vae/diffusion_pytorch_model.bin"
    ).read_bytes()
    return server


def test_pickles_of_a_repository_are_neither_fetched_nor_read_unasked(shop, pickles):
    (failure,) = shop.build().failures
    assert (failure.cause, failure.hint) == (
        "vae/diffusion_pytorch_model.bin is pickled, and could run a program when it is read",
        "give the model 'allow_pickle: true', if you trust whoever made it, or save it in safetensors",
    )
    assert not [path for path in pickles.asked if path.endswith(".bin")]
    shop.edit("specs/catalog.yaml", ("steps: 1", "steps: 1, allow_pickle: true"))
    pickles.asked.clear()
    assert shop.tell("build").code == 2
    assert pickles.asked == []


def test_consent_to_a_repository_is_to_the_commit_that_it_was_found_at(shop, pickles, bench):
    shop.edit("specs/catalog.yaml", ("steps: 1", "steps: 1, allow_pickle: true"))
    assert shop.tell("trust", "-y").code == 0
    assert shop.tell("build").code == 0
    assert any(path.endswith(".bin") for path in pickles.asked)
    shop.edit("specs/catalog.yaml", ("a red icon", "a blue icon"))
    assert shop.tell("build", "--offline").code == 0
    pickles.commit = COMMITS[1]
    theirs = bench({"specs/catalog.yaml": shop.text("specs/catalog.yaml")}, "theirs")
    assert theirs.tell("build", "--trust").code == 0
    shop.write({"specs/catalog.lock": theirs.locks()["specs/catalog.lock"]})
    shop.edit("specs/catalog.yaml", ("a blue icon", "a green icon"))
    told = shop.tell("build")
    assert told.code == 2
    assert "reads pickled weights of the hub's repository acme/tiny: " in told.err
    assert f"(locked at {'b' * 12})" in told.err


def test_code_of_a_repository_is_fetched_once_it_may_be_run(shop, server, tmp_path, monkeypatch):
    from diffusers.utils import dynamic_modules_utils

    monkeypatch.setattr(dynamic_modules_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(tmp_path / "modules")
    index = json.loads(server.files["model_index.json"])
    server.files["model_index.json"] = json.dumps({**index, "_class_name": ["own", "Own"]}).encode()
    server.files["own.py"] = (
        b"from diffusers import StableDiffusionPipeline\n\n\nclass Own(StableDiffusionPipeline):\n    pass\n"
    )
    (failure,) = shop.build().failures
    assert (failure.cause, failure.hint) == (
        "own.py is code of the model's own, which is not run",
        "give the model 'trust_remote_code: true', if you trust whoever wrote it",
    )
    shop.edit("specs/catalog.yaml", ("steps: 1", "steps: 1, trust_remote_code: true"))
    assert shop.tell("build").code == 2
    assert not any(path.endswith("own.py") for path in server.asked)
    assert shop.tell("build", "--trust").code == 0
    assert pin_of(shop).takes["pipeline"] == "Own"


WEIGHTS = """
models:
  hand: {provider: placeholder}
  eye: {provider: weights, source: acme/eye, params: {file: small.onnx}}
assets:
  icon: {prompt: "a red icon", models: [hand], size: 32x32, validate: [faces: {model: eye, min: 0}]}
"""


@pytest.fixture
def looked(server, monkeypatch):
    """A repository of two networks; the bytes that a rule was given."""
    server.repositories["acme/eye"] = {"small.onnx": b"small", "large.onnx": b"large"}
    found = []

    def measure_by(rule, picture, files, networks):
        found.append(networks.weights(rule.model).path.read_bytes())
        return {"faces": []}

    monkeypatch.setattr(RULES.get("faces"), "measure_by", measure_by)
    return found


def test_weights_of_the_hub_are_pinned_and_fetched_once(bench, server, looked):
    project = bench({"specs/catalog.yaml": WEIGHTS})
    assert project.build().failures == ()
    pin = read_lock(project.locks()["specs/catalog.lock"], "catalog.lock").lock.models["eye"]
    assert (pin.revision, pin.takes) == (COMMITS[0], {"file": "small.onnx"})
    server.commit = COMMITS[1]
    server.asked.clear()
    project.edit("specs/catalog.yaml", ("a red icon", "a blue icon"))
    assert project.build(offline=True).failures == ()
    assert (looked, server.asked) == ([b"small", b"small"], [])


def test_another_file_of_a_repository_is_another_pin(bench, server, looked):
    project = bench({"specs/catalog.yaml": WEIGHTS})
    project.build()
    server.commit = COMMITS[1]
    project.edit("specs/catalog.yaml", ("small.onnx", "large.onnx"))
    built = project.build()
    assert (built.failures, built.finished.generated) == ((), 0)
    assert looked == [b"small", b"large"]
    pin = read_lock(project.locks()["specs/catalog.lock"], "catalog.lock").lock.models["eye"]
    assert (pin.revision, pin.takes) == (COMMITS[0], {"file": "large.onnx"})


def test_a_repository_without_weights_that_are_known(bench, server, looked):
    project = bench({"specs/catalog.yaml": WEIGHTS.replace(", params: {file: small.onnx}", "")})
    (failure,) = project.build().failures
    assert (failure.cause, failure.hint) == (
        "'acme/eye' is not what it is named for: it has no config.json",
        "see its page of the hub",
    )
