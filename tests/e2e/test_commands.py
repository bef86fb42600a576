"""Programs as rules and operations: they run only with consent, are run anew when edited, and fail in words."""

import os
import signal
import sys
import time
from textwrap import dedent

import pytest

from imgbuild.pipeline import build

CHECK = """
    import json, sys
    from PIL import Image

    width, height = Image.open(sys.argv[1]).size
    print(json.dumps({"ok": width >= 16, "figure": width, "unit": "px", "limit": "at least 16"}))
    """
FINISH = """
    import sys
    from PIL import Image, ImageOps

    ImageOps.invert(Image.open(sys.argv[1]).convert("RGB")).save(sys.argv[2])
    """
SPEC = f"""
    models: {{draw: {{provider: placeholder}}}}
    assets:
      icon:
        prompt: "a {{{{ thing }}}}"
        matrix: {{thing: [lamp, chair]}}
        models: [draw]
        size: 32x32
        process: [{{command: {{run: ["{sys.executable}", ../tools/invert.py, "{{image}}", "{{output}}"]}}}}]
        validate: [{{command: {{run: ["{sys.executable}", ../tools/check.py]}}}}]
    """


@pytest.fixture
def project(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return bench({"specs/a.yaml": SPEC, "tools/check.py": dedent(CHECK), "tools/invert.py": dedent(FINISH)})


@pytest.fixture
def trusted(project):
    told = project.tell("trust", "--yes")
    assert told.code == 0, told.err
    return project


WANTS = [
    f"asset 'icon' runs a program on each image: {sys.executable} ./tools/invert.py '{{image}}' '{{output}}'",
    f"asset 'icon' runs a program on each image: {sys.executable} ./tools/check.py",
]


@pytest.mark.parametrize("verb", ["build", "check", "verify"])
def test_without_consent_nothing_runs(project, verb):
    told = project.tell(verb)
    assert (told.code, told.out) == (2, "")
    for wants in WANTS:
        assert f"specs/a.yaml:4:3: {wants}\n" in told.err
    assert "if you trust whoever that is, say so by `imgbuild trust`" in told.err
    assert project.outputs() == {}


def test_looking_needs_no_consent(project):
    for verb in ("plan", "ls", "cost", "models"):
        assert project.tell(verb).code == 0


def test_consent_is_asked_for_in_plain_words(project):
    told = project.tell("trust", "--yes")
    assert [line for line in told.out.splitlines() if "runs a program" in line] == [
        f"specs/a.yaml:4:3: {wants}" for wants in WANTS
    ]
    assert "consented to 2 declarations" in told.out
    assert project.tell("build").code == 0


def test_they_are_run_once_and_give_what_they_say(trusted):
    assert trusted.tell("build").code == 0
    told = trusted.tell("check")
    assert told.code == 0
    assert told.out.count("32 px  at least 16") == 2
    assert trusted.tell("build").out.startswith("up to date")
    ended = trusted.build()
    assert (dict(ended.ran), ended.finished.fresh) == ({}, 2)


def test_an_edited_program_needs_consent_again_and_runs_anew(trusted):
    trusted.tell("build")
    before = trusted.outputs()
    trusted.edit("tools/invert.py", ("ImageOps.invert", "ImageOps.mirror"))
    assert trusted.tell("build").code == 2
    assert trusted.tell("build", "--trust").code == 0
    assert not {*before.values()} & {*trusted.outputs().values()}
    assert trusted.tell("trust", "--yes").code == 0
    trusted.edit("tools/check.py", ("width >= 16", "width >= 64"))
    assert trusted.tell("check").code == 2
    told = trusted.tell("check", "--trust")
    assert (told.code, told.out.splitlines()[-1]) == (3, "2 images: 2 fail")


@pytest.mark.parametrize("name", ["tools/invert.py", "tools/check.py"])
def test_a_program_that_was_consented_to_and_is_another_by_now_does_not_run(
    trusted, monkeypatch, tmp_path, name
):
    def late(*given, **named):
        trusted.write({name: f"open({str(tmp_path / 'harm')!r}, 'w')"})
        return build(*given, **named)

    monkeypatch.setattr("imgbuild.commands.build.build", late)
    told = trusted.tell("build")
    assert told.code == 1
    assert told.out.count(f"({name} has changed since it was looked at)\n") == 2
    assert not (tmp_path / "harm").exists()
    monkeypatch.undo()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert trusted.tell("build").code == 2


def test_a_copy_of_the_project_asks_again(trusted, bench):
    copy = bench(
        {name: trusted.text(name) for name in ("specs/a.yaml", "tools/check.py", "tools/invert.py")}, "copy"
    )
    assert copy.tell("build").code == 2


def test_words_that_are_split_otherwise_are_another_program(trusted):
    trusted.edit("specs/a.yaml", ("../tools/check.py]", "../tools/check.py, a, b]"))
    assert trusted.tell("trust", "--yes").code == 0
    trusted.edit("specs/a.yaml", ("../tools/check.py, a, b]", "../tools/check.py, a b]"))
    assert trusted.tell("build").code == 2


def test_a_program_of_the_project_can_be_run_itself(trusted):
    trusted.write({"tools/check.sh": '#!/bin/sh\necho \'{"ok": true, "limit": "as ever"}\'\n'})
    trusted.edit("specs/a.yaml", (f'"{sys.executable}", ../tools/check.py]', "../tools/check.sh]"))
    assert trusted.tell("build", "--trust").code == 0
    assert trusted.tell("check", "--trust").out.count("as ever") == 2


def test_what_a_program_uses_is_there_and_counts(trusted):
    trusted.write({"tools/limit.py": "LEAST = 16\n"})
    trusted.edit(
        "tools/check.py",
        ("import json, sys\n", "import json, sys\nfrom limit import LEAST\n"),
        (">= 16", ">= LEAST"),
    )
    trusted.edit("specs/a.yaml", ("../tools/check.py]", "../tools/check.py], uses: [../tools/limit.py]"))
    assert trusted.tell("build", "--trust").code == 0
    assert trusted.tell("trust", "--yes").code == 0
    trusted.write({"tools/limit.py": "LEAST = 64\n"})
    assert trusted.tell("check").code == 2
    assert trusted.tell("check", "--trust").code == 3


WRONG = {
    "run: []": "run must name a program: [python3, ./check.py]",
    "run: [a], timeout: 0": "timeout must be above 0 and at most 3600 seconds, not 0",
    "run: [a], uses: [b.py]": "uses must name files that begin with './' or '../', not 'b.py'",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_can_not_be_meant(bench, text):
    made = bench({"specs/a.yaml": f"assets: {{a: {{prompt: a, validate: [{{command: {{{text}}}}}]}}}}\n"})
    told = made.tell("plan")
    assert (told.code, f"rule 'command': {WRONG[text]}" in told.err) == (2, True)


def test_consent_for_a_program_is_none_for_another(trusted):
    trusted.edit("specs/a.yaml", ("../tools/check.py]", '../tools/check.py, "--all"]'))
    assert trusted.tell("build").code == 2


def test_a_program_that_fails_fails_its_targets(trusted):
    trusted.write({"tools/check.py": "print('fine')\n"})
    told = trusted.tell("build", "--trust")
    assert told.code == 1
    assert f"{sys.executable} printed no verdict" in told.out + told.err
    trusted.write({"tools/invert.py": "raise SystemExit('out of paint')\n"})
    told = trusted.tell("build", "--trust")
    assert "ended with exit code 1: out of paint" in told.out + told.err


def test_a_program_that_is_not_there_is_told_at_its_place(project):
    (project.root / "tools/check.py").unlink()
    told = project.tell("plan")
    assert told.code == 2
    assert "file '../tools/check.py' does not exist" in told.err


def test_any_pictures_need_consent_at_each_call(project):
    project.write(
        {"brand.yaml": f"rules: {{own: [{{command: {{run: ['{sys.executable}', ./tools/check.py]}}}}]}}\n"}
    )
    assert project.tell("build", "--trust").code == 0
    told = project.tell("check", "--rules", "brand.yaml", "out")
    assert (told.code, told.err) == (
        2,
        f"error: a rule runs a program on each image: {sys.executable} ./tools/check.py\nhint: if you trust it, add --trust\n",
    )
    assert (
        project.tell("check", "--rules", "brand.yaml", "out", "--trust").out.splitlines()[-1]
        == "2 images: 2 pass"
    )


# --- Python functions ---------------------------------------------------------------------------------

FUNCTION = """
from limits import LEAST

def holds(picture):
    print("noise that nobody reads")
    return {"ok": picture.width >= LEAST, "figure": picture.width, "unit": "px"}

def always(picture):
    return True

def breaks(picture):
    raise ValueError("no logo anywhere")
"""


@pytest.fixture
def python(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    spec = SPEC.partition("        process:")[0] + (
        '        validate: [{python: {function: "../tools/checks.py:holds", uses: [../tools/limits.py]}}]\n'
    )
    return bench({"specs/a.yaml": spec, "tools/checks.py": FUNCTION, "tools/limits.py": "LEAST = 16\n"})


def test_a_python_function_judges(python):
    told = python.tell("build")
    assert (
        told.code,
        "asset 'icon' runs a Python function on each image: ./tools/checks.py:holds" in told.err,
    ) == (2, True)
    assert python.tell("trust", "--yes").code == 0
    assert python.tell("build").code == 0
    assert python.tell("check").out.count("32 px  as ./tools/checks.py:holds says") == 2
    python.write({"tools/limits.py": "LEAST = 64\n"})
    assert python.tell("check").code == 2
    assert python.tell("check", "--trust").code == 3
    python.edit("specs/a.yaml", (":holds", ":always"))
    assert python.tell("check", "--trust").code == 0


def test_a_python_function_that_breaks_fails_its_targets(python):
    for name, why in (("breaks", "ValueError: no logo anywhere"), ("misses", "KeyError: 'misses'")):
        python.edit("specs/a.yaml", (":holds" if name == "breaks" else ":breaks", f":{name}"))
        told = python.tell("build", "--trust")
        assert told.code == 1
        assert f"./tools/checks.py:{name} ended with exit code 1: {why}" in told.out + told.err


@pytest.mark.parametrize("function", ["checks:holds", "./checks.py", "./checks.py:a b", "./:holds "])
def test_what_is_no_function(bench, function):
    made = bench(
        {
            "specs/a.yaml": f"assets: {{a: {{prompt: a, validate: [{{python: {{function: '{function}'}}}}]}}}}\n"
        }
    )
    told = made.tell("plan")
    assert told.code == 2
    assert f"function must be a file and a name, as in './checks.py:holds', not '{function}'" in told.err


# --- interrupted --------------------------------------------------------------------------------------

SLOW = """
    import os, sys, time

    with open(os.path.join({folder!r}, str(os.getpid())), "w") as file:
        file.write("here")
    time.sleep(60)
    """


def is_gone(pid):
    """Whether a process ends within some seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def interrupted_twice(project, began, *call):
    """The exit code of a command whose programs have begun, and their ids. began: where they write those."""
    process = project.start(*call)
    deadline = time.monotonic() + 60
    while not any(began.iterdir()) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    pids = [int(path.name) for path in began.iterdir()]
    assert pids, process.communicate()
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    process.communicate(timeout=30)
    return process.returncode, pids


@pytest.mark.parametrize("step", ["tools/invert.py", "tools/check.py"])
def test_a_second_ctrl_c_ends_programs_at_once(project, tmp_path, step):
    began = tmp_path / "began"
    began.mkdir()
    project.write({step: dedent(SLOW).format(folder=str(began))})
    code, pids = interrupted_twice(project, began, "build", "--trust", "--plain")
    assert code == 130
    assert all(map(is_gone, pids))


def test_a_second_ctrl_c_ends_programs_that_check_other_pictures(project, tmp_path):
    began = tmp_path / "began"
    began.mkdir()
    assert project.tell("build", "--trust").code == 0
    project.write(
        {
            "tools/check.py": dedent(SLOW).format(folder=str(began)),
            "rules.yaml": f"rules: {{all: [{{command: {{run: ['{sys.executable}', ./tools/check.py]}}}}]}}\n",
        }
    )
    code, pids = interrupted_twice(project, began, "check", "--rules", "rules.yaml", "--trust", "out")
    assert code == 130
    assert all(map(is_gone, pids))
