"""What is consented to, by which digest, and where that is kept."""

import os
import shutil

import pytest
from msgspec.structs import replace

from imgbuild.errors import UsageError
from imgbuild.files import Files
from imgbuild.trust import Consents, concerns, declarations, locked_pins, state_folder
from imgbuild.types import Concern, Pin

SPEC = """\
models:
  m: {provider: painter, source: acme/xl, revision: main}
  n: {provider: painter, source: acme/xs, fallback: [m]}
  idle: {provider: painter}
assets:
  art: {prompt: hi, models: [n], size: 16x16}
"""
HARM = Concern(wants="does harm", place=("source",), files=("tool",))
MAIN = Pin(provider="painter", source="acme/xl", revision="0123456789abcdef", declared="main")


@pytest.fixture
def project(bench, painter):
    return bench({"specs/a.yaml": SPEC, "tool": b"draw"}).load()


class Careful:
    """A provider that is concerned about the models from `source`, and keeps which it was asked about."""

    def __init__(self, source="acme/xl", concern=HARM):
        self.source, self.concern, self.asked = source, concern, []

    def concerns(self, model):
        self.asked.append(model.source)
        return [self.concern] if model.source == self.source else []


def declared(project, concern=HARM, pins=None):
    return declarations(project, concerns(project, lambda _: Careful(concern=concern)), pins or {})


def test_every_model_that_assets_may_be_made_by_is_looked_at_once(project):
    careful = Careful()
    ((bound, concern),) = concerns(project, lambda _: careful)
    assert (bound.alias, concern) == ("m", HARM)
    assert careful.asked == ["acme/xs", "acme/xl"]


def test_a_declaration_has_its_place_and_its_words(project):
    (item,) = declared(project)
    assert (item.name, item.sentence) == (("a", "m"), "model 'm' does harm")
    assert (item.where.file, item.where.line, item.where.column, item.where.length) == (
        "specs/a.yaml",
        2,
        34,
        7,
    )


def test_a_concern_without_a_place_is_at_the_name_of_the_model(project):
    (item,) = declared(project, replace(HARM, place=()))
    assert (item.where.line, item.where.column, item.where.length) == (2, 3, 1)


def digest(project, concern=HARM, pins=None):
    return declared(project, concern, pins)[0].digest


def changed(bench, text):
    return bench({"specs/a.yaml": text}).load()


OTHERS = {
    "the source's owner": ("acme/xl", "evil/xl"),
    "the revision": ("main", "next"),
}
EQUAL = {
    "the alias": ("m: {provider: painter, source: acme/xl", "o: {provider: painter, source: acme/xl"),
    "a comment": ("models:\n", "models: # mine\n"),
    "the licence": ("revision: main", "revision: main, license: mit"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_declaration_is_another_digest(bench, project, name):
    before = digest(project)
    old, new = OTHERS[name]
    after = changed(bench, SPEC.replace(old, new))
    source = "evil/xl" if "evil" in new else "acme/xl"
    found = concerns(after, lambda _: Careful(source))
    assert declarations(after, found, {})[0].digest != before


@pytest.mark.parametrize("name", EQUAL)
def test_what_harms_nobody_is_not_in_the_digest(bench, project, name):
    before = digest(project)
    after = changed(
        bench,
        SPEC.replace(*EQUAL[name]).replace("fallback: [m]", f"fallback: [{'o' if 'alias' in name else 'm'}]"),
    )
    assert digest(after) == before


def test_other_words_are_another_concern(project):
    assert digest(project, replace(HARM, wants="does more harm")) != digest(project)


def test_the_files_are_in_it_by_name_and_content(project):
    before = digest(project)
    assert digest(project, replace(HARM, files=())) != before
    assert digest(project, replace(HARM, files=("specs/a.yaml",))) != before
    (project.files.root / "tool").write_bytes(b"steal")
    assert digest(project) == before  # as long as this project is looked at
    after = digest(replace(project, files=Files(project.files.root)))
    assert after != before
    (project.files.root / "tool").unlink()
    assert digest(replace(project, files=Files(project.files.root))) not in (before, after)


def test_the_commit_is_in_it_where_the_lock_says_more_than_the_declaration(project):
    (item,) = declared(project, pins={("a", "m"): MAIN})
    assert item.wants == "does harm (locked at 0123456789ab)"
    assert item.digest != digest(project)
    assert digest(project, pins={("a", "m"): replace(MAIN, revision="main")}) == digest(project)
    assert digest(project, pins={("a", "m"): replace(MAIN, declared="next")}) == digest(project)
    assert digest(project, pins={("a", "renamed"): MAIN}) == item.digest


def test_the_folder_of_the_project_is_in_it(project, bench):
    shutil.copytree(project.files.root, project.files.root.parent / "copy")
    assert digest(bench({}, "copy").load()) != digest(project)


def test_locks_are_read_as_a_build_reads_them(bench, painter):
    made = bench({"specs/a.yaml": SPEC})
    made.build()
    text = made.text("specs/a.lock")
    line = next(line for line in text.splitlines(True) if '"acme/xl"' in line)
    both = f"<<<<<<< ours\n{line}=======\n{line}>>>>>>> theirs\n"
    made.write({"specs/a.lock": text.replace(line, both).encode()})
    assert locked_pins(made.load())["a", "m"].source == "acme/xl"


# --- where consents are kept ----------------------------------------------------------------------------


def test_the_state_folder(tmp_path):
    assert state_folder({}, tmp_path) == tmp_path / ".local/state/imgbuild/trust"
    assert state_folder({"XDG_STATE_HOME": "relative"}, tmp_path) == tmp_path / ".local/state/imgbuild/trust"
    assert state_folder({"XDG_STATE_HOME": "/var/mine"}, tmp_path).as_posix() == "/var/mine/imgbuild/trust"


@pytest.fixture
def consents(project, tmp_path):
    return Consents(tmp_path / "state", project.files.root)


def test_consents_are_added_read_and_forgotten(project, consents):
    assert (consents.read(), consents.forget()) == ({}, 0)
    (item,) = declared(project)
    more = replace(item, digest="more", wants="does more")
    consents.add([item])
    consents.add([more])
    assert consents.read() == {item.digest: "model 'm' does harm", "more": "model 'm' does more"}
    assert [path.name for path in consents.path.parent.iterdir()] == [consents.path.name]
    assert consents.forget() == 2
    assert (consents.read(), list(consents.path.parent.iterdir())) == ({}, [])


def test_consents_of_another_project_are_not_ours(project, consents, tmp_path):
    other = Consents(tmp_path / "state", tmp_path / "other")
    other.add(declared(project))
    shutil.copy(other.path, consents.path)
    assert consents.read() == {}


def test_a_pipe_is_not_waited_for(project, consents):
    consents.path.parent.mkdir()
    os.mkfifo(consents.path, 0o600)
    assert consents.read() == {}


def test_the_umask_lets_nobody_else_write(project, consents):
    before = os.umask(0)
    try:
        consents.add(declared(project))
    finally:
        os.umask(before)
    assert consents.path.stat().st_mode & 0o777 == 0o600
    assert len(consents.read()) == 1


@pytest.mark.parametrize("inside", ["", "state"])
def test_nothing_is_kept_in_the_project(project, inside):
    folder = project.files.root / inside
    with pytest.raises(UsageError) as caught:
        Consents(folder, project.files.root).add(declared(project))
    assert str(caught.value) == (
        f"error: consent can't be kept in {folder}, which is in the project\n"
        "hint: set XDG_STATE_HOME to a folder outside of it, or consent for one run by --trust"
    )


def test_a_folder_beside_the_project_with_a_longer_name_is_not_in_it(project):
    folder = project.files.root.with_name(f"{project.files.root.name}-state")
    Consents(folder, project.files.root).add(declared(project))
    assert len(Consents(folder, project.files.root).read()) == 1
