"""What could harm the reader needs their consent: before anything runs, kept outside the project, and asked again."""

from __future__ import annotations

import ast
import io
import json
import os
import shutil
from pathlib import Path

import pytest

import imgbuild
from imgbuild.errors import TargetError
from imgbuild.types import Concern

SPEC = """\
models:
  m: {provider: painter, source: acme/xl, revision: main, params: {run: make}}
assets:
  art:
    prompt: "art of {{ kind }}"
    matrix: {kind: [ink, oil]}
    models: [m]
    size: 16x16
"""
WANTS = "runs 'make': it can do whatever you can on this machine"
LINE = "  m: {provider: painter, source: acme/xl, revision: main, params: {run: make}}"
SHOWN = f"""\
    2 | {LINE}
      |{" " * 73}^^^^
"""
LISTED = f"specs/a.yaml:2:73: model 'm' {WANTS}\n{SHOWN}"
HINT = "hint: if you trust whoever that is, say so by `imgbuild trust`; --trust does for this run alone\n"


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """Where consents are kept."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state/imgbuild/trust"


@pytest.fixture
def runner(painter):
    """The painter, who runs what the parameter `run` says, and reads the files of `tools`; it counts its pins."""

    def concerns(self, model):
        if "run" not in model.params:
            return ()
        wants = f"runs '{model.params['run']}': it can do whatever you can on this machine"
        files = tuple(path.removeprefix("./") for path in model.params.get("tools", []))
        return (Concern(wants=wants, place=("params", "run"), files=files),)

    def pin(self, model):
        painter.pins_made.append(model.source)
        known = super(painter, self).pin(model)
        return type(known)(**{**{name: getattr(known, name) for name in known.__struct_fields__},
                              "revision": painter.commit or known.revision})  # fmt: skip

    painter.concerns, painter.pin = concerns, pin
    painter.pins_made, painter.commit = [], ""
    return painter


@pytest.fixture
def project(bench, runner):
    return bench({"specs/a.yaml": SPEC})


class Person(io.StringIO):
    def isatty(self):
        return True


def is_built(told):
    return (
        told.code == 0 and told.err == "" and told.out.splitlines()[-1].startswith(("built ", "up to date"))
    )


# --- without consent ------------------------------------------------------------------------------------


def test_without_consent_a_build_stops_before_anything_runs_or_is_written(project, runner, state):
    before = project.state()
    assert project.tell("build") == (2, "", LISTED + HINT)
    assert (runner.asked, runner.pins_made) == ([], [])
    assert project.state() == before
    assert not state.exists()


def test_all_declarations_are_told_at_once_in_the_order_of_their_places(bench, runner):
    shared = 'models:\n  far: {provider: painter, params: {run: "rm -r ~"}}\n'
    spec = SPEC.replace("models: [m]", "models: [m, far, near]").replace(
        "assets:", "  near: {provider: painter, params: {run: ls}}\nassets:"
    )
    made = bench({"specs/a.yaml": "include: [../shared/far.yaml]\n" + spec, "shared/far.yaml": shared})
    code, out, err = made.tell("build")
    assert (code, out) == (2, "")
    assert [line for line in err.splitlines() if ".yaml:" in line] == [
        f"shared/far.yaml:2:42: model 'far' {WANTS.replace('make', 'rm -r ~')}",
        f"specs/a.yaml:3:73: model 'm' {WANTS}",
        f"specs/a.yaml:4:43: model 'near' {WANTS.replace('make', 'ls')}",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan",),
        ("ls",),
        ("why", "a/art[kind=ink]@m#0"),
        ("build", "-n"),
        ("cost",),
        ("models",),
        ("graph",),
        ("clean", "-y"),
        ("check",),
    ],
)
def test_what_only_looks_needs_no_consent(project, runner, arguments):
    assert "needs" not in project.tell(*arguments).err
    assert "if you trust" not in project.tell(*arguments).err
    assert (runner.asked, runner.pins_made) == ([], [])


def test_the_lock_is_checked_without_consent(project, runner):
    project.tell("build", "--trust")
    runner.asked.clear()
    assert project.tell("lock", "--check") == (0, "locked: 2 targets\n", "")
    assert runner.asked == []


@pytest.mark.parametrize("verb", [("build",), ("verify",), ("lock", "--upgrade"), ("watch",)])
def test_what_runs_needs_consent_or_the_flag_which_is_for_one_run(project, runner, state, monkeypatch, verb):
    monkeypatch.setattr("imgbuild.commands.watch.watched", lambda *_: iter(()))
    project.tell("build", "--trust")
    project.edit("specs/a.yaml", ("art of", "a print of"))
    runner.asked.clear()
    runner.pins_made.clear()
    told = project.tell(*verb)
    assert told.err == LISTED + HINT
    assert told.code == (0 if verb == ("watch",) else 2)  # which goes on watching
    assert (runner.asked, runner.pins_made) == ([], [])
    assert project.tell(*verb, "--trust").err == ""
    assert bool(runner.pins_made if verb[0] == "lock" else runner.asked) == (verb != ("verify",))
    assert not state.exists()


def test_a_model_that_no_asset_uses_is_not_asked_for(project):
    project.edit("specs/a.yaml", ("models: [m]", "models: [placeholder]"))
    assert is_built(project.tell("build"))
    assert project.tell("trust") == (0, "nothing here needs your consent\n", "")


def test_a_fallback_is_asked_for(project):
    project.edit(
        "specs/a.yaml",
        ("assets:", "  n: {provider: painter, fallback: [m]}\nassets:"),
        ("models: [m]", "models: [n]"),
    )
    assert project.tell("build") == (2, "", LISTED + HINT)


def test_a_selection_of_other_targets_is_asked_too_since_all_models_are_pinned(project):
    project.edit("specs/a.yaml", ("models: [m]", "models: [m, placeholder]"))
    assert project.tell("build", "-s", "model:placeholder").code == 2


def test_nothing_in_the_project_or_the_environment_gives_consent(project, monkeypatch):
    monkeypatch.setenv("IMGBUILD_TRUST", "1")
    assert project.tell("build").code == 2
    project.write({"imgbuild.yaml": "trust: true\n"})
    assert project.tell("build").err.startswith("imgbuild.yaml:1:1: unknown key 'trust'")


# --- profiles -------------------------------------------------------------------------------------------


def test_a_profile_that_runs_something_is_asked_for_under_that_profile_alone(bench, runner):
    settings = "profiles:\n  wild:\n    models:\n      '*': {provider: painter, params: {run: ls}}\n"
    made = bench({"specs/a.yaml": SPEC.replace(", params: {run: make}", ""), "imgbuild.yaml": settings})
    assert is_built(made.tell("build"))
    assert made.tell("build", "--profile", "wild") == (
        2,
        "",
        f"imgbuild.yaml:4:46: model 'm' {WANTS.replace('make', 'ls')}\n"
        "    4 |       '*': {provider: painter, params: {run: ls}}\n"
        f"      |{' ' * 46}^^\n" + HINT.replace("`imgbuild trust`", "`imgbuild trust --profile wild`"),
    )
    assert made.tell("trust", "--profile", "wild", "--yes").code == 0
    assert is_built(made.tell("build", "--profile", "wild"))


def test_a_profile_that_runs_nothing_needs_no_consent(project):
    project.write({"imgbuild.yaml": "profiles: {preview: {models: {'*': placeholder}}}\n"})
    assert is_built(project.tell("build", "--profile", "preview"))


def test_one_declaration_for_many_models_is_told_once(bench, runner):
    settings = "profiles: {wild: {models: {'*': m}}}\n"
    spec = SPEC.replace("assets:", "  n: {provider: painter}\nassets:").replace("[m]", "[m, n]")
    made = bench({"specs/a.yaml": spec, "imgbuild.yaml": settings})
    assert made.tell("trust", "--profile", "wild").out.count("model '") == 1


# --- giving and taking it -------------------------------------------------------------------------------


def test_consent_is_remembered_outside_of_the_project(project, runner, state):
    before = project.state()
    assert project.tell("trust", "--yes") == (
        0,
        f"{LISTED}consented to 1 declaration; `imgbuild trust --revoke` forgets it\n",
        "",
    )
    assert project.state() == before
    (file,) = state.iterdir()
    assert json.loads(file.read_bytes())["root"] == str(project.root)
    assert list(json.loads(file.read_bytes())["consents"].values()) == [f"model 'm' {WANTS}"]
    assert (file.stat().st_mode & 0o777, state.stat().st_mode & 0o777) == (0o600, 0o700)
    assert is_built(project.tell("build"))
    assert len(runner.asked) == 2
    assert is_built(project.tell("build"))
    assert len(runner.asked) == 2
    trusted = LISTED.replace("machine\n", "machine (trusted)\n")
    assert project.tell("trust") == (0, f"{trusted}all of it is trusted\n", "")


def test_where_nobody_can_be_asked_it_is_listed_and_refused(project, state, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert project.tell("trust") == (
        2,
        LISTED,
        "error: 1 declaration would need your consent, and there is nobody to ask\n"
        "hint: read what they want, then consent by --yes\n",
    )
    assert not state.exists()


@pytest.mark.parametrize(("answer", "agreed"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_a_person_is_asked(project, monkeypatch, answer, agreed):
    monkeypatch.setattr("sys.stdin", Person(answer))
    told = project.tell("trust")
    assert told.err.startswith("consent to 1 declaration? [y/N]")
    said = "consented to 1 declaration; `imgbuild trust --revoke` forgets it\n"
    assert (told.code, told.out) == (0, LISTED + (said if agreed else "nothing was consented to\n"))
    assert is_built(project.tell("build")) == agreed


def test_consent_that_is_revoked_is_gone(project):
    project.tell("trust", "-y")
    assert project.tell("trust", "--revoke") == (0, "forgot what was consented to here\n", "")
    assert project.tell("trust", "--revoke") == (0, "nothing was consented to here\n", "")
    assert project.tell("build") == (2, "", LISTED + HINT)


PLUG_IN = """\
from imgbuild.providers.placeholder import Placeholder
from imgbuild.types import Concern

class Risky(Placeholder):
    name = "risky"
    def concerns(self, model):
        return [Concern(wants="does harm")]
"""
POINTS = "[imgbuild.providers]\nrisky = risky:Risky\n"


def test_a_build_that_does_nothing_looks_at_no_consent(bench, tmp_path):
    made = bench({"specs/a.yaml": SPEC.replace("painter", "risky").replace(", params: {run: make}", "")})
    bench(
        {
            "risky.py": PLUG_IN,
            "risky-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: risky\nVersion: 1\n",
            "risky-1.dist-info/entry_points.txt": POINTS,
        },
        "plug-in",
    )
    env = {"PYTHONPATH": str(tmp_path / "plug-in")}
    assert made.call("build", env=env) == (
        2,
        "",
        "specs/a.yaml:2:3: model 'm' does harm\n"
        "    2 |   m: {provider: risky, source: acme/xl, revision: main}\n"
        f"      |   ^\n{HINT}",
    )
    assert made.call("trust", "--yes", env=env).code == 0
    assert is_built(made.call("build", env=env))
    assert made.call("trust", "--revoke", env=env).code == 0
    assert made.call("build", env=env) == (0, "up to date (2 targets)\n", "")
    made.edit("specs/a.yaml", ("[ink, oil]", "[ink, oil, chalk]"))
    assert made.call("build", env=env).code == 2


def test_a_broken_project_can_be_revoked(project):
    project.tell("trust", "-y")
    project.write({"specs/a.yaml": "assets: ["})
    assert project.tell("trust", "--revoke").code == 0


def test_as_json(project):
    rows = [json.loads(line) for line in project.tell("trust", "--json", "-y").out.splitlines()]
    row = {"event": "concern", "spec": "a", "model": "m", "where": "specs/a.yaml:2:73", "wants": WANTS}
    assert rows == [{**row, "trusted": False}]
    assert json.loads(project.tell("trust", "--json").out) == {**row, "trusted": True}
    assert project.tell("trust", "--revoke", "--json").out == '{"event":"revoked","consents":1}\n'
    assert project.tell("trust", "--json").code == 2


def test_a_spec_beside_the_project_is_named_by_its_path(bench, runner):
    made = bench({"imgbuild.yaml": "specs: mine\n", "other/b c.yaml": SPEC})
    code, _, err = made.tell("build", str(made.root / "other/b c.yaml"))
    assert code == 2
    assert f"say so by `imgbuild trust '{made.root}/other/b c.yaml'`" in err
    assert made.tell("trust", "-y", str(made.root / "other/b c.yaml")).code == 0
    assert is_built(made.tell("build", str(made.root / "other/b c.yaml")))


def test_no_declaration_can_steer_the_terminal(bench, runner):
    made = bench({"specs/a.yaml": SPEC.replace("run: make", r'run: "make\e[2K\rharmless"')})
    told = made.tell("trust")
    assert "runs 'make\\x1b[2K\\rharmless'" in told.out
    assert "\x1b" not in told.out + made.tell("build").err


# --- what changed asks again ----------------------------------------------------------------------------

CHANGES = {
    "what is run": [("run: make", "run: make install")],
    "the source": [("acme/xl", "evil/xl")],
    "the revision": [("revision: main", "revision: next")],
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_edited_declaration_asks_again(project, name):
    project.tell("trust", "-y")
    project.tell("build")
    project.edit("specs/a.yaml", *CHANGES[name])
    assert project.tell("build").code == 2
    assert "(trusted)" not in project.tell("trust").out
    project.edit("specs/a.yaml", *((new, old) for old, new in CHANGES[name]))
    assert is_built(project.tell("build"))


HARMLESS = {
    "another prompt": [("art of", "a print of")],
    "another name": [("  m: {", "  n: {"), ("models: [m]", "models: [n]")],
    "another line": [("models:\n  m:", "models:\n\n  m:")],
    "another parameter": [("run: make", "run: make, steps: 4")],
}


@pytest.mark.parametrize("name", HARMLESS)
def test_an_edit_that_harms_nobody_does_not_ask(project, name):
    project.tell("trust", "-y")
    project.tell("build")
    project.edit("specs/a.yaml", *HARMLESS[name])
    assert is_built(project.tell("build"))


@pytest.fixture
def tools(bench, runner):
    """A project whose model runs with a file of it, and is trusted with that."""
    made = bench({"specs/a.yaml": SPEC.replace("run: make", "run: make, tools: [../bin/tool]")})
    made.write({"bin/tool": b"draw"})
    made.tell("trust", "-y")
    return made


def test_a_file_that_changed_asks_again(tools):
    assert is_built(tools.tell("build"))
    tools.write({"bin/tool": b"steal"})
    tools.edit("specs/a.yaml", ("art of", "a print of"))
    assert tools.tell("build").code == 2
    tools.write({"bin/tool": b"draw"})
    assert is_built(tools.tell("build"))
    tools.write({"bin/tool": None})
    tools.edit("specs/a.yaml", ("a print of", "art of"))
    assert tools.tell("build").code == 2


def test_what_changed_since_it_was_shown_is_not_what_was_agreed_to(tools, monkeypatch):
    tools.tell("trust", "--revoke")

    class Slow(Person):
        def readline(self, *_):
            tools.write({"bin/tool": b"steal"})
            return "y\n"

    monkeypatch.setattr("sys.stdin", Slow())
    assert tools.tell("trust").code == 0
    assert tools.tell("build").code == 2


def test_a_link_to_a_file_outside_is_no_file_of_the_project(tools, tmp_path):
    (tmp_path / "tool").write_bytes(b"draw")
    (tools.root / "bin/tool").unlink()
    (tools.root / "bin/tool").symlink_to(tmp_path / "tool")
    told = tools.tell("build")
    assert told.code == 2
    assert "'../bin/tool' leads out of the project through a symbolic link" in told.err


# --- what a model is locked to --------------------------------------------------------------------------

MOVED = f"specs/a.yaml:2:73: model 'm' {WANTS} (locked at 0123456789ab)\n{SHOWN}"


def test_consent_follows_what_the_source_was_found_to_be_here(project, runner):
    project.tell("trust", "-y")
    runner.commit = "4621659" * 5
    assert is_built(project.tell("build"))
    assert "revision" in project.text("specs/a.lock")
    project.edit("specs/a.yaml", ("art of", "a print of"))
    assert is_built(project.tell("build"))
    runner.commit = "0123456789abcdef"
    assert project.tell("lock", "--upgrade").code == 0
    project.edit("specs/a.yaml", ("a print of", "art of"))
    assert is_built(project.tell("build"))


def test_a_commit_that_somebody_else_locked_asks_again(project, runner, bench):
    """A repository holds more than its owner's branches: commits that strangers propose are found in it, too."""
    project.tell("trust", "-y")
    project.tell("build")
    runner.commit = "0123456789abcdef"
    theirs = bench({"specs/a.yaml": SPEC}, "theirs")
    theirs.tell("build", "--trust")
    project.write({"specs/a.lock": (theirs.root / "specs/a.lock").read_bytes()})
    runner.asked.clear()
    assert project.tell("build") == (2, "", MOVED + HINT)
    assert project.tell("verify").code == 2
    assert runner.asked == []
    assert project.tell("trust", "-y").out.startswith(MOVED)
    assert is_built(project.tell("build"))


def test_the_flag_leaves_no_consent_for_what_was_pinned(project, runner, state):
    runner.commit = "0123456789abcdef"
    assert is_built(project.tell("build", "--trust"))
    assert not state.exists()
    assert project.tell("build").code == 2


def test_a_build_that_could_not_pin_leaves_the_consent_as_it_was(project, runner):
    project.tell("trust", "-y")
    pin = runner.pin

    def gone(self, model):
        raise TargetError("the hub is down", hint="try later")

    runner.pin = gone
    assert project.tell("build").code == 1
    runner.pin = pin
    assert is_built(project.tell("build"))


# --- hostile projects -----------------------------------------------------------------------------------


def test_a_copy_of_the_project_asks_again(project, bench):
    project.tell("trust", "-y")
    shutil.copytree(project.root, project.root.parent / "copy")
    assert bench({}, "copy").tell("build") == (2, "", LISTED + HINT)


def test_a_link_to_the_project_is_the_project(project, tmp_path, bench):
    project.tell("trust", "-y")
    (tmp_path / "link").symlink_to(project.root)
    assert is_built(bench({}, "link").tell("build"))


def test_the_consents_of_another_project_are_worth_nothing_here(project, bench, state):
    other = bench({"specs/a.yaml": SPEC}, "other")
    other.tell("trust", "-y")
    (theirs,) = state.iterdir()
    project.tell("trust", "-y")
    (ours,) = set(state.iterdir()) - {theirs}
    shutil.copy(theirs, ours)
    assert project.tell("build").code == 2
    text = ours.read_text().replace(str(other.root), str(project.root))
    ours.write_text(text)
    assert project.tell("build").code == 2


def test_a_state_folder_in_the_project_gives_no_consent(project, monkeypatch):
    project.tell("trust", "-y")
    shutil.copytree(os.environ["XDG_STATE_HOME"], project.root / "state")
    monkeypatch.setenv("XDG_STATE_HOME", str(project.root / "state"))
    assert project.tell("build") == (2, "", LISTED + HINT)
    assert project.tell("trust", "-y") == (
        2,
        LISTED,
        f"error: consent can't be kept in {project.root}/state/imgbuild/trust, which is in the project\n"
        "hint: set XDG_STATE_HOME to a folder outside of it, or consent for one run by --trust\n",
    )


@pytest.mark.parametrize("depth", ["", "imgbuild", "imgbuild/trust"])
def test_a_state_folder_that_links_into_the_project_gives_no_consent(project, monkeypatch, tmp_path, depth):
    project.tell("trust", "-y")
    home = Path(os.environ["XDG_STATE_HOME"])
    shutil.move(home / depth, project.root / "mine")
    (home / depth).symlink_to(project.root / "mine")
    assert project.tell("build") == (2, "", LISTED + HINT)
    assert "which is in the project" in project.tell("trust", "-y").err


def test_a_file_of_consents_that_is_a_link_gives_none_and_is_replaced(project, state):
    project.tell("trust", "-y")
    (file,) = state.iterdir()
    (project.root / "mine.json").write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(project.root / "mine.json")
    before = (project.root / "mine.json").read_bytes()
    assert project.tell("build").code == 2
    assert project.tell("trust", "-y").code == 0
    assert not file.is_symlink()
    assert (project.root / "mine.json").read_bytes() == before
    assert is_built(project.tell("build"))


def test_a_file_that_others_can_write_gives_no_consent(project, state):
    project.tell("trust", "-y")
    (file,) = state.iterdir()
    file.chmod(0o620)
    assert project.tell("build").code == 2
    project.tell("trust", "-y")
    assert is_built(project.tell("build"))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"root": 1}', b"\xff"])
def test_damaged_consents_are_none(project, state, data):
    project.tell("trust", "-y")
    (file,) = state.iterdir()
    file.write_bytes(data)
    assert project.tell("build") == (2, "", LISTED + HINT)


def test_a_relative_state_home_is_not_heeded(project, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(project.root)
    assert project.tell("trust", "-y").code == 0
    assert [path.name for path in tmp_path.joinpath("home/.local/state/imgbuild").iterdir()] == ["trust"]
    assert is_built(project.tell("build"))


# --- nothing gets past it -------------------------------------------------------------------------------

COMMANDS = Path(imgbuild.__file__).parent / "commands"
RUNS = {("imgbuild.pipeline", "build"), ("imgbuild.verify", "verify")}


def called(tree):
    """The names of all functions and methods that are called."""
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {getattr(function, "attr", getattr(function, "id", "")) for function in functions}


def acts(tree):
    """Whether a command can come to run something: it builds, verifies or pins."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported = {(node.module, name.name) for node in imports for name in node.names}
    return bool(imported & RUNS) or "pin" in called(tree)


def test_every_command_that_runs_something_asks_first():
    trees = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in COMMANDS.glob("*.py")}
    acting = {name for name, tree in trees.items() if acts(tree)}
    assert acting == {"build", "lock", "verify"}
    assert {name for name, tree in trees.items() if "require" in called(tree)} == acting
