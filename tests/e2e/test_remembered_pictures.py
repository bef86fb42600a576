"""What `check --rules` measured on any pictures is kept in the project's store, and a build that holds it is no bar."""

import time
from threading import Event

import pytest
from PIL import Image as pillow

from imgbuild.commands import check_pictures
from imgbuild.images import encode
from imgbuild.store.hold import hold
from imgbuild.types import Format

TEN = {
    "aspect_ratio": ("{ratio: '4:3'}", "{ratio: '4:3', tolerance: 0.5}"),
    "background": ("{share: 0}", "{share: 0, border: 0.1}"),
    "banding": ("{max: 1}", "{max: 0.9}"),
    "brightness": ("{min: 0}", "{min: 0.001}"),
    "dimensions": ("{width: 64}", "{height: 48}"),
    "edges": ("{max: 1}", "{max: 1, contrast: 9}"),
    "noise": ("{max: 255}", "{max: 254}"),
    "similar_to": ("{reference: house.png, distance: 64}", "{reference: house.png, by: ssim}"),
    "subject": ("{margin: 0}", "{margin: 0, contrast: 20}"),
    "unique": ("{distance: 0}", "{distance: 1}"),
}
LOOKED_AT = {"background", "edges", "similar_to", "subject"}  # whose edit changes what is measured


def picture(seed):
    return encode(pillow.effect_noise((64, 48), 30 + seed).convert("RGB"), Format())


def rules(**changed):
    lines = "".join(f"    - {name}: {changed.get(name, given)}\n" for name, (given, _) in TEN.items())
    return f"rules:\n  all:\n{lines}"


PHOTOS = {f"photos/{seed}.png": picture(seed) for seed in range(3)}
FILES = {"brand.yaml": rules(), "house.png": picture(9), **PHOTOS}


@pytest.fixture
def project(bench):
    return bench({"imgbuild.yaml": "version: 1\n", **FILES})


def check(project, *call):
    told = project.tell("check", "--verbose", "--rules", "brand.yaml", *(call or ("photos",)))
    assert told.err == ""
    return told.out


def test_a_second_run_measures_nothing_writes_nothing_and_says_the_same(project, measured):
    first = check(project)
    assert measured == dict.fromkeys(TEN, 3)
    measured.clear()
    before = project.state()
    assert check(project) == first
    assert (measured, project.state()) == ({}, before)


@pytest.mark.parametrize("edited", TEN)
def test_an_edit_of_one_of_ten_rules_measures_that_one_at_most(project, measured, edited):
    check(project)
    measured.clear()
    project.write({"brand.yaml": rules(**{edited: TEN[edited][1]})})
    check(project)
    assert measured == ({edited: 3} if edited in LOOKED_AT else {})


def test_what_changed_is_measured_and_a_renamed_file_is_not(project, measured):
    check(project)
    measured.clear()
    project.write({"photos/2.png": picture(7), "photos/3.png": PHOTOS["photos/1.png"]})
    (project.root / "photos/0.png").rename(project.root / "photos/zero.png")
    check(project)
    assert measured == dict.fromkeys(TEN, 1)
    measured.clear()
    project.write({"house.png": picture(8)})
    check(project)
    assert measured == {"similar_to": 4}


def test_a_build_that_holds_the_project_is_read_and_not_waited_for(project, measured):
    check(project, "photos/0.png")
    measured.clear()
    with hold(project.root / ".imgbuild/lock", wait=False, waiting=print):
        for _ in range(2):  # what is new can't be kept
            check(project)
    assert measured == dict.fromkeys(TEN, 4)
    measured.clear()
    check(project)
    check(project)
    assert measured == dict.fromkeys(TEN, 2)


def test_without_a_project_nothing_is_kept(bench, measured):
    folder = bench({**FILES, ".git/HEAD": ""})
    before = folder.state()
    check(folder)
    check(folder)
    assert measured == dict.fromkeys(TEN, 6)
    assert folder.state() == before


def test_the_project_is_that_of_the_rules_or_of_the_call(bench, measured):
    project = bench(
        {"imgbuild.yaml": "version: 1\n", "brand/brand.yaml": rules(), "brand/house.png": picture(9)}
    )
    folder = bench(PHOTOS, folder="elsewhere")
    for _ in range(2):
        assert folder.tell("check", "--rules", str(project.root / "brand/brand.yaml"), "photos").err == ""
    assert measured == dict.fromkeys(TEN, 3)
    assert (project.root / ".imgbuild/state.db").is_file()
    assert not (folder.root / ".imgbuild").exists()
    measured.clear()
    project.write(PHOTOS)
    loose = bench({"brand.yaml": rules(), "house.png": picture(9)}, folder="loose")
    for _ in range(2):
        assert project.tell("check", "--rules", str(loose.root / "brand.yaml"), "photos").err == ""
    assert measured == {"similar_to": 3}  # whose reference has another path there
    assert not (loose.root / ".imgbuild").exists()


def test_a_build_and_a_check_of_its_images_know_the_same(bench, painter, measured):
    spec = """
        models: {m: {provider: painter}}
        assets:
          art: {prompt: art, models: [m], size: 16x16, validate: [noise: {max: 255}], output: art.png}
        """
    project = bench(
        {"specs/a.yaml": spec, "brand.yaml": "rules: {all: [noise: {max: 200}, contrast: {min: 0}]}"}
    )
    assert project.tell("build").code == 0
    check(project, "out")
    assert measured == {"noise": 1, "contrast": 1}
    assert project.tell("build").out == "up to date (1 target)\n"


def test_a_damaged_store_is_mended_and_a_closed_one_is_left_alone(project, measured, monkeypatch):
    out = check(project)
    (project.root / ".imgbuild/state.db").write_bytes(b"no database")
    assert check(project) == out
    assert (project.root / ".imgbuild/state.db.bad").read_bytes() == b"no database"
    measured.clear()
    assert check(project) == out
    assert measured == {}
    (project.root / ".imgbuild/state.db").unlink()
    (project.root / ".imgbuild/lock").unlink()
    (project.root / ".imgbuild/lock").mkdir()  # can't be held
    assert check(project) == out
    assert measured == dict.fromkeys(TEN, 3)


def test_what_was_measured_before_an_interrupt_is_kept(project, measured, monkeypatch):
    def until_first(pictures, held, ledger, jobs, stop: Event, day):
        check_one = dict(list(pictures.items())[:1])
        yield from once(check_one, held, ledger, jobs, stop, day)
        stop.set()

    once = check_pictures.check_pictures
    with monkeypatch.context() as patch:
        patch.setattr(check_pictures, "check_pictures", until_first)
        assert project.tell("check", "--rules", "brand.yaml", "photos").code == 130
    check(project)
    assert measured == dict.fromkeys(TEN, 3)


def test_what_is_not_used_for_long_is_forgotten(project, measured, monkeypatch):
    check(project)
    measured.clear()
    assert project.tell("gc", "--older-than", "30").out.count("forgotten") == 0
    later = time.time() + 30 * 86_400
    monkeypatch.setattr("time.time", lambda: later)
    check(project, "photos/0.png", "photos/1.png")  # which notes that they are used
    monkeypatch.setattr("time.time", lambda: later + 20 * 86_400)
    told = project.tell("gc", "--older-than", "30", "-n")
    assert told.out.splitlines()[1:] == ["what was measured of 1 picture elsewhere would be forgotten"]
    told = project.tell("gc", "--older-than", "30")
    assert told.out.splitlines()[1:] == ["what was measured of 1 picture elsewhere is forgotten"]
    check(project)
    assert measured == dict.fromkeys(TEN, 1)
