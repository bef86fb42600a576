"""A project from a stranger: it reads and writes nothing outside, runs nothing, learns no secret and stays small."""

import io
import os
import struct
import zlib

import pytest
from PIL import Image as pillow

from imgbuild.errors import ImgbuildError

SPEC = """
    models: {paint: {provider: painter}}
    assets:
      shots:
        prompt: "a lamp"
        models: [paint]
    """
SECRET = "hunter2-and-more"


def photo(colour="red", size=(16, 16)):
    out = io.BytesIO()
    pillow.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def bomb(side=60_000):
    """A small PNG that says it is huge."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(10_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.fixture
def outside(tmp_path):
    """A folder beside the project, with all that a project might like to have."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "photo.png").write_bytes(photo())
    (folder / "table.csv").write_text(f"sku,name\nA1,{SECRET}\n")
    (folder / "table.json").write_text(f'[{{"sku": "A1", "name": "{SECRET}"}}]')
    (folder / "models.yaml").write_text("models: {paint: {provider: painter}}\n")
    (folder / "secret.yaml").write_text(f"password: {SECRET}\n")
    (folder / "specs").mkdir()
    (folder / "specs/catalog.yaml").write_text("version: 1\n")
    return folder


def is_untouched(folder):
    """Whether nothing was added to it or changed in it."""
    found = {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*")}
    names = {
        "photo.png",
        "table.csv",
        "table.json",
        "models.yaml",
        "secret.yaml",
        "specs",
        "specs/catalog.yaml",
    }
    return set(found) == names


def refusal(project, **flags):
    """Why the project is not built; nothing of it may have been."""
    with pytest.raises(ImgbuildError) as caught:
        project.build(**flags)
    assert SECRET not in str(caught.value)
    return str(caught.value)


# --- paths --------------------------------------------------------------------------------------------

KEYS = {
    "include": ("models.yaml", "include: ['{path}']\nassets: {{a: {{prompt: a, models: [paint]}}}}"),
    "csv": ("table.csv", "assets: {{a: {{prompt: a, models: [paint], matrix: {{t: {{csv: '{path}', key: sku}}}}}}}}"),
    "json": ("table.json", "assets: {{a: {{prompt: a, models: [paint], matrix: {{t: {{json: '{path}', key: sku}}}}}}}}"),
    "from": ("photo.png", "assets: {{a: {{from: '{path}'}}}}"),
    "inputs.image": ("photo.png", "assets: {{a: {{prompt: a, models: [paint], inputs: {{image: '{path}'}}}}}}"),
    "inputs.mask": ("photo.png", "assets: {{a: {{prompt: a, models: [paint], inputs: {{mask: '{path}'}}}}}}"),
    "inputs.control": ("photo.png", "assets: {{a: {{prompt: a, models: [paint], inputs: {{control: '{path}'}}}}}}"),
    "inputs.reference": ("photo.png", "assets: {{a: {{prompt: a, models: [paint], inputs: {{reference: '{path}'}}}}}}"),
    "similar_to": ("photo.png", "assets: {{a: {{prompt: a, models: [paint], validate: [{{similar_to: {{reference: '{path}'}}}}]}}}}"),
}  # fmt: skip
WAYS = {
    "up": "../../outside/{name}",
    "up within": "sub/../../../outside/{name}",
    "absolute": "{outside}/{name}",
    "link to a folder": "link/{name}",
    "link to a file": "file-{name}",
    "home": "~/{name}",
    "backslash": "..\\\\..\\\\outside\\\\{name}",
    "drive": "C:/outside/{name}",
    "address": "file://{outside}/{name}",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("key", KEYS)
def test_no_key_of_a_spec_reads_outside(bench, painter, outside, key, way):
    name, spec = KEYS[key]
    path = WAYS[way].format(name=name, outside=outside)
    models = "" if key == "include" else "models: {paint: {provider: painter}}\n"
    project = bench({"specs/catalog.yaml": models + spec.format(path=path), "specs/sub/x.txt": ""})
    (project.root / "specs/link").symlink_to(outside)
    (project.root / f"specs/file-{name}").symlink_to(outside / name)
    try:
        ended = project.build()
    except ImgbuildError as error:
        assert SECRET not in str(error)
    else:
        assert ended.finished.exit_code == 1
    assert painter.asked == []
    assert project.outputs() == {}
    assert is_untouched(outside)


@pytest.mark.parametrize("key", ["from", "inputs.image"])
@pytest.mark.parametrize("value", ["../../outside/photo", "/etc/passwd", "link/photo"])
def test_no_row_of_a_table_reads_outside(bench, painter, outside, key, value):
    line = {
        "from": "from: '{{ sku }}.png'",
        "inputs.image": "prompt: a, models: [paint], inputs: {image: '{{ sku }}.png'}",
    }
    spec = f"""
        models: {{paint: {{provider: painter}}}}
        assets: {{a: {{{line[key]}, matrix: {{t: {{csv: rows.csv, key: id}}}}}}}}
        """
    project = bench(
        {
            "specs/catalog.yaml": spec,
            "specs/rows.csv": f"id,sku\n1,{value}\n2,good\n",
            "specs/good.png": photo(),
        }
    )
    (project.root / "specs/link").symlink_to(outside)
    ended = project.build()
    assert ended.finished.exit_code == 1
    assert [failure.id.partition("[")[2][:4] for failure in ended.failures] == ["id=1"]
    assert len(project.outputs()) == 1


OUTPUTS = ["../evil.png", "/tmp/evil.png", "a/../../evil.png", "~/evil.png/../../../x.png", "a\\..\\b.png", "C:/evil.png", ".git/hooks/post-checkout", ".imgbuild/x.png", "con.png", "a\0b.png", "./../x.png"]  # fmt: skip


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("by", ["name", "value"])
def test_no_output_is_written_outside(bench, painter, outside, name, by):
    written = name.replace("\\", "\\\\").replace("\0", "\\0")
    output = written if by == "name" else "{{ place }}"
    project = bench({"specs/catalog.yaml": SPEC})
    project.write(
        {
            "specs/catalog.yaml": f"""
            models: {{paint: {{provider: painter}}}}
            assets:
              shots: {{prompt: a, models: [paint], vars: {{place: "{written}"}}, output: "{output}"}}
            """
        }
    )
    before = {path for path in project.root.parent.rglob("*") if ".imgbuild" not in path.parts}
    try:
        ended = project.build()
    except ImgbuildError:
        pass
    else:
        assert ended.finished.exit_code == 1
    out = project.root / "out"
    after = {path for path in project.root.parent.rglob("*") if ".imgbuild" not in path.parts}
    assert all(path == out or out in path.parents for path in after - before if path.suffix != ".lock")
    assert not [path for path in after - before if path.is_file() and path.suffix != ".lock"]


@pytest.mark.parametrize("key", ["output", "store", "cache", "specs"])
@pytest.mark.parametrize("path", ["../outside", "{outside}", "link", "sub/../../outside"])
def test_no_setting_of_a_project_leads_outside(bench, painter, outside, key, path):
    project = bench(
        {
            "imgbuild.yaml": f"{key}: '{path.format(outside=outside)}'\n",
            "specs/catalog.yaml": SPEC,
            "sub/x.txt": "",
        }
    )
    (project.root / "link").symlink_to(outside)
    assert "imgbuild.yaml:1:" in refusal(project)
    assert is_untouched(outside)


@pytest.mark.parametrize("path", ["../outside", "{outside}", "link"])
def test_no_profile_publishes_outside(bench, painter, outside, path):
    project = bench(
        {
            "imgbuild.yaml": f"profiles: {{preview: {{output: '{path.format(outside=outside)}'}}}}\n",
            "specs/catalog.yaml": SPEC,
        }
    )
    (project.root / "link").symlink_to(outside)
    assert "imgbuild.yaml:1:" in refusal(project, profile="preview")
    assert is_untouched(outside)


@pytest.mark.parametrize("folder", ["out", ".imgbuild", "specs"])
def test_no_folder_of_a_project_is_a_link_that_leads_outside(bench, painter, outside, folder):
    project = bench({} if folder == "specs" else {"specs/catalog.yaml": SPEC})
    (project.root / folder).symlink_to(outside / "specs" if folder == "specs" else outside)
    try:
        ended = project.build()
    except ImgbuildError:
        pass
    else:
        assert ended.finished.exit_code == 1 or (folder == "specs" and ended.finished.built == 0)
    assert is_untouched(outside)
    assert painter.asked == [] or folder == "out"


@pytest.mark.parametrize("name", ["imgbuild.yaml", "specs/catalog.yaml", "specs/catalog.lock"])
def test_no_file_of_a_project_is_a_link_that_leads_outside(bench, painter, outside, name):
    project = bench({"specs/catalog.yaml": SPEC} if name != "specs/catalog.yaml" else {"specs/x.txt": ""})
    (project.root / name).symlink_to(outside / "secret.yaml")
    assert "leads out of the project" in refusal(project)
    assert is_untouched(outside)
    kept = [path for path in project.root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize("name", [".imgbuild/lock", ".imgbuild/state.db", ".imgbuild/journal", ".imgbuild/blobs", ".imgbuild/.gitignore", ".imgbuild/blobs/tmp", "specs/catalog.lock.bad"])  # fmt: skip
@pytest.mark.parametrize("to", ["secret.yaml", "new.txt", "specs"])
def test_nothing_is_written_through_a_link_in_the_store(bench, painter, outside, name, to):
    """A stranger's project may bring a store, and a lock that has to be mended."""
    project = bench({"specs/catalog.yaml": SPEC, "specs/catalog.lock": "damaged"})
    link = project.root / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside / to)
    told = project.tell("build")
    assert told.code == (2 if ".imgbuild" in name else 0), told
    assert is_untouched(outside)
    assert (outside / "secret.yaml").read_text() == f"password: {SECRET}\n"


def test_a_snapshot_knows_every_variable_that_is_read():
    import re
    from pathlib import Path

    import imgbuild
    from imgbuild.store.snapshot import VARIABLES

    texts = [path.read_text() for path in Path(imgbuild.__file__).parent.rglob("*.py")]
    used = {name for text in texts for name in re.findall(r"IMGBUILD_[A-Z0-9_]*[A-Z0-9]", text)}
    of_others = {"IMGBUILD_COMPLETE", "IMGBUILD_C2PA_KEY", "IMGBUILD_C2PA_CERTIFICATE"}  # not of builds
    of_others.add("IMGBUILD_NOTIFY_URL")  # a secret, and a build with nothing to do tells nobody
    assert used - of_others - {"IMGBUILD_HOUSE_KEY"} == set(VARIABLES)  # that is an example of a secret


# --- what would exhaust memory, or time ---------------------------------------------------------------


def nested(depth):
    return "[" * depth + "]" * depth


BOMBS = {
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "an alias of itself": "assets: &a {b: *a}\n",
    "merge keys": "a: &a {x: 1}\nassets: {<<: *a}\n",
    "depth of lists": f"assets: {nested(100_000)}\n",
    "depth of mappings": "{a: " * 50_000 + "}" * 50_000,
    "a long key": f"{'a' * 2_000_000}: 1\n",
    "a tag": "assets: !!python/object/apply:os.system [echo]\n",
    "a huge number": f"version: {'9' * 1_000_000}\n",
    "matrix": "models: {paint: {provider: painter}}\nassets: {a: {prompt: a, models: [paint], matrix: {"
    + ", ".join(f"v{axis}: [{', '.join(map(str, range(10)))}]" for axis in range(9))
    + "}}}\n",
    "seeds": "models: {paint: {provider: painter}}\nassets: {a: {prompt: a, models: [paint], seeds: 1000000000}}\n",
    "counted seeds": "models: {paint: {provider: painter}}\n"
    "assets: {a: {prompt: a, models: [paint], seeds: {base: 1, count: 2000000000}}}\n",
    "size": "models: {paint: {provider: painter}}\nassets: {a: {prompt: a, models: [paint], size: 1000000x1000000}}\n",
    "an operation": "models: {paint: {provider: painter}}\n"
    "assets: {a: {prompt: a, models: [paint], process: [{resize: {width: 1000000, height: 1000000}}]}}\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_is_too_much_is_refused_before_anything_runs(bench, painter, name):
    project = bench({"specs/catalog.yaml": BOMBS[name].encode()})
    refusal(project)
    assert painter.asked == []


def test_a_matrix_is_refused_by_its_count(bench, painter):
    text = refusal(bench({"specs/catalog.yaml": BOMBS["matrix"].encode()}))
    assert text.startswith("specs/catalog.yaml:2:")
    assert "1,000,000,000 targets" in text


@pytest.mark.parametrize(
    "text", ["[" * 200_000, "[{" * 3, '[{"a": ' + "[" * 100_000], ids=["lists", "cut off", "values"]
)
def test_a_deep_table_is_refused(bench, painter, text):
    spec = "models: {paint: {provider: painter}}\nassets: {a: {prompt: a, models: [paint], matrix: {t: {json: t.json, key: a}}}}\n"
    refusal(bench({"specs/catalog.yaml": spec, "specs/t.json": text.encode()}))


def test_a_decompression_bomb_fails_its_target_alone(bench, painter):
    project = bench(
        {
            "specs/catalog.yaml": """
            models: {paint: {provider: painter}}
            assets:
              taken: {from: "{{ name }}.png", matrix: {name: [bomb, good]}}
              drawn: {prompt: a, models: [paint], inputs: {image: "{{ name }}.png"}, matrix: {name: [bomb, good]}}
            """,
            "specs/bomb.png": bomb(),
            "specs/good.png": photo(),
        }
    )
    ended = project.build()
    assert ended.finished.exit_code == 1
    assert {failure.id for failure in ended.failures} == {
        "catalog/taken[name=bomb]#0",
        "catalog/drawn[name=bomb]@paint#0",
    }
    assert {failure.cause for failure in ended.failures} <= {
        "specs/bomb.png is 60000×60000, too large to open safely", "image is 60000×60000, too large to open safely",
    }  # fmt: skip
    assert set(project.outputs()) == {"taken/good_0.png", "drawn/good_0.png"}


def test_a_bomb_from_a_provider_fails_its_target(bench, painter):
    from imgbuild.types import Image

    painter.paint = lambda self, request: Image(data=bomb())
    ended = bench({"specs/catalog.yaml": SPEC}).build()
    assert ended.finished.exit_code == 1
    assert "too large to open safely" in ended.failures[0].cause


def test_a_huge_file_is_not_read(bench, painter):
    spec = """
        models: {paint: {provider: painter}}
        assets:
          shots: {prompt: a, models: [paint], inputs: {image: huge.png}}
          taken: {from: huge.png}
        """
    project = bench({"specs/catalog.yaml": spec})
    with (project.root / "specs/huge.png").open("wb") as file:
        file.truncate(1 << 40)
    ended = project.build()
    assert ended.finished.exit_code == 1
    assert len(ended.failures) == 2


@pytest.mark.parametrize("name", ["specs/catalog.yaml", "specs/t.csv", "imgbuild.yaml", "specs/catalog.lock"])
def test_a_huge_text_is_not_read(bench, painter, name):
    spec = "models: {paint: {provider: painter}}\nassets: {a: {prompt: a, models: [paint], matrix: {t: {csv: t.csv, key: a}}}}\n"
    project = bench({"specs/catalog.yaml": spec, "specs/t.csv": "a\n1\n"})
    with (project.root / name).open("wb") as file:
        file.truncate(1 << 40)
    assert "is larger than" in refusal(project)


@pytest.mark.parametrize(
    "name", ["specs/catalog.yaml", "specs/t.csv", "imgbuild.yaml", "specs/catalog.lock", "specs/i.png"]
)
def test_a_pipe_is_not_waited_for(bench, name):
    spec = """
        models: {draw: {provider: placeholder}}
        assets: {a: {prompt: a, size: 16x16, models: [draw], matrix: {t: {csv: t.csv, key: a}}, inputs: {image: i.png}}}
        """
    project = bench({"specs/catalog.yaml": spec, "specs/t.csv": "a\n1\n", "specs/i.png": photo()})
    (project.root / name).unlink(missing_ok=True)
    os.mkfifo(project.root / name)
    assert project.call("build").code in (1, 2)


# --- templates ----------------------------------------------------------------------------------------

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ name.__class__ }}",
    "{{ cycler.__init__.__globals__.os.environ }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ self.__init__.__globals__ }}",
    "{{ request }}",
    "{{ environ }}",
    "{{ env.IMGBUILD_SECRET }}",
    "{{ IMGBUILD_SECRET }}",
    "{% include 'specs/catalog.yaml' %}",
    "{% import 'os' as os %}",
    "{% extends 'x' %}",
    "{{ '{0.__class__}'.format(name) }}",
    "{{ '{0.__class__}'|format(name) }}",
    "{{ ('%' ~ 's')|format(name.__class__) }}",
    "{{ name.format.__globals__ }}",
    "{{ [].append.__self__ }}",
    "{{ (1).__class__ }}",
    "{{ debug() }}",
    "{{ open('/etc/passwd').read() }}",
    "{{ range(1000000000)|list }}",
    "{{ range(1000000000)|join }}",
    "{% for i in range(1000000000) %}a{% endfor %}",
    "{% for i in range(99) %}{% for j in range(99) %}{% for k in range(99) %}{% for l in range(99) %}a{% endfor %}{% endfor %}{% endfor %}{% endfor %}",
    "{{ 'a' * 1000000000 }}",
    "{{ ['a'] * 1000000000 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 'a'|center(1000000000) }}",
    "{{ '%1000000000d'|format(1) }}",
    "{{ '%*d'|format(1000000000, 1) }}",
    "{{ name.ljust(1000000000) }}",
    "{{ 'a'.zfill(1000000000) }}",
    "{{ 'ab'.replace('', 'x' * 100000) * 100000 }}",
    "{{ 'a'|indent(1000000000) }}",
    "{{ lipsum(1000000) }}",
    "{% set x = 'a' %}{% for i in range(60) %}{% set x = x ~ x %}{% endfor %}{{ x }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% call m() %}{% endcall %}",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ " + "-" * 20000 + "1 }}",
    "{{ " + " ~ ".join(["name"] * 20000) + " }}",
    "{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'|replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')|replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')|replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')|replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')|replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') }}",
]  # fmt: skip
PLACES = {
    "prompt": "shots: {{prompt: {text}, models: [paint], vars: {{name: lamp}}}}",
    "output": "shots: {{prompt: a, models: [paint], vars: {{name: lamp}}, output: {text}}}",
    "from": "shots: {{from: {text}, vars: {{name: lamp}}}}",
    "params": "shots: {{prompt: a, models: [paint], vars: {{name: lamp}}, params: {{style: {text}}}}}",
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", ESCAPES, ids=lambda text: text[:40])
def test_no_template_leaves_its_sandbox(bench, painter, monkeypatch, text, place):
    import json

    monkeypatch.setenv("IMGBUILD_SECRET", SECRET)
    spec = (
        "models: {paint: {provider: painter}}\nassets:\n  "
        + PLACES[place].format(text=json.dumps(text))
        + "\n"
    )
    project = bench({"specs/catalog.yaml": spec.encode()})
    refusal(project)
    assert painter.asked == []


@pytest.mark.parametrize(
    "text",
    ["''.__class__", "range(1000000000)|list", "9 ** 9 ** 9", "name.__class__.__mro__", "cycler", "lipsum()"],
)
@pytest.mark.parametrize("place", ["when", "where"])
def test_no_expression_leaves_its_sandbox(bench, painter, text, place):
    route = (
        f'route: [{{when: "{text}", model: paint}}, {{model: paint}}]'
        if place == "when"
        else "models: [paint]"
    )
    where = f', where: "{text}"' if place == "where" else ""
    spec = f"""
        models: {{paint: {{provider: painter}}}}
        assets: {{shots: {{prompt: a, {route}, matrix: {{t: {{csv: t.csv, key: name{where}}}}}}}}}
        """
    project = bench({"specs/catalog.yaml": spec, "specs/t.csv": "name\nlamp\n"})
    refusal(project)
    assert painter.asked == []


def test_jinja_in_a_table_is_text(bench, painter):
    cells = [
        "{{ 7 * 7 }}",
        "{% for i in range(9) %}x{% endfor %}",
        "{# no #}",
        "{{ ''.__class__ }}",
        "${IMGBUILD_SECRET}",
    ]
    rows = "".join(f'{number},"{cell}"\n' for number, cell in enumerate(cells))
    project = bench(
        {
            "specs/catalog.yaml": """
            models: {paint: {provider: painter}}
            assets:
              shots:
                prompt: "a {{ name }}"
                models: [paint]
                matrix: {t: {csv: t.csv, key: id}}
                vars: {also: "{{ 6 * 6 }}"}
            """,
            "specs/t.csv": f"id,name\n{rows}",
        }
    )
    assert project.build().finished.exit_code == 0
    assert {request.prompt for request in painter.asked} == {f"a {cell}" for cell in cells}


# --- secrets ------------------------------------------------------------------------------------------


def test_no_secret_of_the_environment_is_kept_or_told(bench, tmp_path, monkeypatch):
    names = ["IMGBUILD_SECRET", "OPENAI_API_KEY", "REPLICATE_API_TOKEN", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY"]
    for name in names:
        monkeypatch.setenv(name, f"{SECRET}-{name}")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    project = bench(
        {
            "specs/catalog.yaml": """
            models: {draw: {provider: placeholder}}
            assets:
              shots:
                prompt: "a $IMGBUILD_SECRET, ${OPENAI_API_KEY}, %HF_TOKEN%, {{ word }}"
                models: [draw]
                size: 16x16
                matrix: {word: [lamp, chair]}
                validate: [{brightness: {min: 0}}]
            """
        }
    )
    told = [
        project.call(*words)
        for words in (["build"], ["plan"], ["ls"], ["why", "shots"], ["build", "--json", "-v"])
    ]
    assert [item.code for item in told] == [0, 0, 0, 0, 0]
    assert all(SECRET not in item.out + item.err for item in told)
    project.edit("specs/catalog.yaml", ("{{ word }}", "{{ IMGBUILD_SECRET }}"))
    failed = project.call("build", "-v")
    assert failed.code == 2
    assert SECRET not in failed.out + failed.err
    kept = [path for path in [*project.root.rglob("*"), *(tmp_path / "tmp").rglob("*")] if path.is_file()]
    assert [path for path in kept if SECRET.encode() in path.read_bytes()] == []
