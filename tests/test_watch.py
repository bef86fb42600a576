"""Watching: which changes matter, what is built for them; and a whole watch in a process of its own."""

import os
import threading
import time

import pytest

from imgbuild.errors import ImgbuildError
from imgbuild.files import TORN, Files, stamp_of
from imgbuild.settings import load_settings
from imgbuild.store.hold import hold
from imgbuild.watch import Seen, below, listening, rebuilds, watched
from tests.watching import Watch

SPEC = """\
models: {paint: {provider: placeholder}}
assets:
  shots:
    prompt: "{{ name }}"
    matrix: {product: {csv: products.csv, key: sku}}
    models: [paint]
    size: 32x32
"""
CSV = "sku,name\nA1,lamp\nA2,chair\n"


@pytest.fixture
def shop(bench):
    return bench({"specs/shop.yaml": SPEC, "specs/products.csv": CSV})


def see(shop, **more):
    """What a build of it saw."""
    files = shop.load().files
    return Seen(
        root=files.root,
        settings=shop.settings()[1],
        stamps=dict(files.seen),
        young=dict(files.young),
        listed=dict(files.listed),
        **more,
    )


@pytest.fixture
def seen(shop):
    return see(shop)


def touch(shop, name, text="changed"):
    shop.write({name: text})
    return str(shop.root / name)


# --- news -------------------------------------------------------------------------------------------------------


def test_sources_as_they_were_read_are_no_news(shop, seen):
    assert {"specs/shop.yaml", "specs/products.csv", "imgbuild.yaml", "specs"} <= set(seen.stamps)
    assert not any(seen.is_news(str(shop.root / path)) for path in seen.stamps)


@pytest.mark.parametrize("name", ["specs/shop.yaml", "specs/products.csv"])
def test_an_edited_source_is_news(shop, seen, name):
    assert seen.is_news(touch(shop, name))


def test_a_source_that_was_saved_and_is_the_same_by_its_stamp_is_no_news(shop, seen):
    place = shop.root / "specs/products.csv"
    before = place.stat()
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert seen.is_news(str(place)) is (stamp_of(place) != seen.stamps["specs/products.csv"])


def test_a_removed_source_is_news(shop, seen):
    shop.write({"specs/products.csv": None})
    assert seen.is_news(str(shop.root / "specs/products.csv"))


def test_settings_that_were_not_there_are_news(shop, seen):
    assert seen.stamps["imgbuild.yaml"] is None
    assert not seen.is_news(str(shop.root / "imgbuild.yaml"))
    assert seen.is_news(touch(shop, "imgbuild.yaml", "output: made\n"))


@pytest.mark.parametrize("name", ["specs/new.yaml", "specs/new.yml", "specs/deep/er/new.yaml"])
def test_a_new_spec_is_news(shop, seen, name):
    assert seen.is_news(touch(shop, name))


@pytest.mark.parametrize(
    "name",
    ["specs/notes.txt", "specs/other.csv", "README.md", "other.yaml", "elsewhere/new.yaml", "out/a.png"],
)
def test_what_nothing_reads_is_no_news(shop, seen, name):
    assert not seen.is_news(touch(shop, name))


def test_a_folder_is_no_news_though_its_stamp_moved(shop, seen):
    touch(shop, "specs/notes.txt")
    assert stamp_of(shop.root / "specs") != seen.stamps["specs"]
    assert not seen.is_news(str(shop.root / "specs"))


def test_where_specs_are_anywhere_a_new_one_is_news(bench):
    shop = bench({"imgbuild.yaml": "specs: .\n", "shop.yaml": SPEC, "products.csv": CSV})
    seen = see(shop)
    assert seen.is_news(touch(shop, "new.yaml"))
    assert seen.is_news(touch(shop, "deep/new.yaml"))


@pytest.mark.parametrize("name", ["specs/.new.yaml", "specs/.old/new.yaml", "specs/gone.yaml"])
def test_what_is_hidden_or_gone_again_is_no_new_spec(shop, seen, name):
    if "gone" not in name:
        touch(shop, name)
    assert not seen.is_news(str(shop.root / name))


def test_an_edit_that_no_stamp_tells_is_news(shop, seen):
    place = shop.root / "specs/products.csv"
    place.write_text(CSV.replace("lamp", "lump"))
    stamps = {**seen.stamps, "specs/products.csv": stamp_of(place)}
    same = Seen(root=seen.root, settings=seen.settings, stamps=stamps, young=seen.young)
    assert same.is_news(str(place))
    place.write_text(CSV)
    stamps["specs/products.csv"] = stamp_of(place)
    assert not Seen(root=seen.root, settings=seen.settings, stamps=stamps, young=seen.young).is_news(
        str(place)
    )


def test_what_can_t_be_looked_at_any_more_is_news(shop, seen, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("imgbuild.watch.stamp_of", refuse)
    assert seen.is_news(str(shop.root / "specs/shop.yaml"))
    assert str(shop.root / "specs/shop.yaml") in seen.all_news()


def names(seen, found):
    return [seen.inside(path) for path in found]


def told(shop, seen, *changed):
    """What matters where these paths were told, by path from the root."""
    return names(seen, seen.news([str(shop.root / path) for path in changed]))


def test_a_file_that_came_into_a_folder_of_weights_is_news(shop, seen):
    weights = shop.root / "specs/weights"
    weights.mkdir()
    (weights / "a.safetensors").touch()
    files = Files(shop.root)
    assert files.names("specs/weights") == ["a.safetensors"]
    stamps, listed = {**seen.stamps, **files.seen}, {"specs/weights": ["a.safetensors"]}
    with_weights = Seen(root=seen.root, settings=seen.settings, stamps=stamps, listed=listed)
    assert told(shop, with_weights, "specs/weights") == []
    touch(shop, "specs/weights/b.safetensors")
    assert told(shop, with_weights, "specs/weights/b.safetensors") == ["specs/weights"]


def test_a_folder_that_moved_in_brings_its_specs(shop, seen):
    touch(shop, "elsewhere/er/new.yaml")
    touch(shop, "elsewhere/.hidden.yaml")
    (shop.root / "elsewhere").rename(shop.root / "specs/deep")
    assert told(shop, seen, "specs/deep") == ["specs/deep/er/new.yaml"]
    assert names(seen, seen.all_news()) == ["specs/deep/er/new.yaml"]


def test_a_folder_of_specs_that_went_while_it_was_looked_at_is_news(shop, seen):
    """Else it is not: a build that writes a lock moves its stamp."""
    assert (
        names(
            seen,
            Seen(
                root=seen.root, settings=seen.settings, stamps={**seen.stamps, "specs": (1, 1, 1)}
            ).all_news(),
        )
        == []
    )
    torn = Seen(root=seen.root, settings=seen.settings, stamps={**seen.stamps, "specs": TORN})
    assert names(seen, torn.all_news()) == ["specs"]


def test_a_folder_that_moved_away_takes_its_sources(shop):
    touch(shop, "specs/deep/er/new.yaml", "assets: {}")
    seen = see(shop)
    (shop.root / "specs/deep").rename(shop.root / "elsewhere")
    assert told(shop, seen, "specs/deep") == ["specs/deep"]


def test_a_source_behind_a_link_is_news(bench):
    shop = bench({"specs/shop.yaml": SPEC, "tables/products.csv": CSV})
    (shop.root / "specs/products.csv").symlink_to("../tables/products.csv")
    seen = see(shop)
    assert told(shop, seen, "tables/products.csv") == []
    shop.write({"tables/products.csv": CSV + "A3,bed\n"})
    assert told(shop, seen, "tables/products.csv") == ["specs/products.csv"]


def test_settings_outside_of_the_project_are_looked_at_whatever_is_told(shop, seen):
    config = "home/.config/imgbuild/config.yaml"  # of the user, as the bench has it
    outside = str(shop.root.parent / "outside.yaml")
    seen = Seen(root=seen.root, settings=seen.settings, stamps={**seen.stamps, outside: None})
    assert any(path.endswith(config) for path in seen.stamps)
    assert seen.news([]) == []
    shop.write({"../outside.yaml": "jobs: 2\n"})
    assert seen.news([]) == [outside]
    assert seen.is_news(outside)


def test_folders_of_specs_beside_the_project_s_are_such(bench):
    shop = bench({"specs/shop.yaml": SPEC, "specs/products.csv": CSV, "more/a.yaml": "assets: {}\n"})
    seen = see(shop)
    stamps = {**seen.stamps, **{name: stamp_of(shop.root / name) for name in ("more", "more/a.yaml")}}
    seen = Seen(root=seen.root, settings=seen.settings, stamps=stamps, extra=("more",))
    touch(shop, "more/a.lock")
    assert told(shop, seen, "more/a.lock", "more") == []


# --- rebuilds -----------------------------------------------------------------------------------------------------


class Builder:
    """Stands for a build: keeps what it was built for, and sees all files as they are."""

    def __init__(self, root):
        self.root, self.built = root, []

    def __call__(self, news):
        self.built.append([os.path.relpath(path, self.root) for path in news])
        return self.see()

    def see(self):
        files = Files(self.root)
        settings = load_settings(files, environ={}, home=self.root)
        return Seen(
            root=self.root,
            settings=settings,
            stamps={name: stamp_of(self.root / name) for name in ("a", "b")},
        )


@pytest.fixture
def builder(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    return Builder(tmp_path.resolve())


def script(builder, *bursts):
    """Bursts of changes: before each, these files are written."""
    for names in bursts:
        for name in names:
            with (builder.root / name).open("a") as file:
                file.write("more")
        yield {str(builder.root / name) for name in names}


def built(builder, *bursts):
    found = list(rebuilds(builder.see(), script(builder, *bursts), builder))
    assert len(found) == len(builder.built)
    return builder.built


def test_each_burst_that_matters_is_built_once(builder):
    assert built(builder, ["a"], ["b"], ["b", "a"]) == [["a"], ["b"], ["a", "b"]]


def test_what_does_not_matter_is_not_built(builder):
    assert built(builder, [], ["c"], [], ["a", "c"]) == [["a"]]


def test_a_change_that_the_last_build_saw_already_is_not_built_again(builder):
    def late():
        (builder.root / "a").write_text("changed")
        yield {str(builder.root / "a")}
        yield {str(builder.root / "a")}

    list(rebuilds(builder.see(), late(), builder))
    assert builder.built == [["a"]]


def test_an_edit_while_the_first_build_ran_is_not_missed(builder):
    first = builder.see()
    (builder.root / "b").write_text("edited meanwhile")
    list(rebuilds(first, [set(), set()], builder))
    assert builder.built == [["b"]]


def test_a_build_that_was_broken_off_is_followed_by_another(builder):
    first = Seen(root=builder.root, settings=builder.see().settings, stamps={}, partial=True)
    list(rebuilds(first, [set(), set()], builder))
    assert builder.built == [[]]


def test_after_a_burst_every_source_is_looked_at_once_more(builder):
    def late():
        yield from [set()] * 3
        yield {str(builder.root / "c")}
        (builder.root / "b").write_text("nobody told")
        yield set()

    list(rebuilds(builder.see(), late(), builder))
    assert builder.built == [["b"]]


def test_what_is_never_told_is_found_ever_more_late_and_within_a_minute(builder):
    """Bursts come each half second, at least."""
    found = []

    def silent():
        for number in range(400):
            (builder.root / "a").write_text(f"nobody told {number}")
            before = len(builder.built)
            yield set()
            if len(builder.built) > before:
                found.append(number)

    list(rebuilds(builder.see(), silent(), builder))
    assert found == [0, 1, 3, 7, 15, 31, 63, 120, 127, 240, 255, 360]


def test_the_watch_ends_with_its_changes(builder):
    assert list(rebuilds(builder.see(), iter(()), builder)) == []


# --- listening ----------------------------------------------------------------------------------------------------


def test_bursts_are_heard_as_they_come_and_kept_for_whoever_asks():
    heard, stop, go = [], threading.Event(), threading.Event()

    def bursts():
        yield {("added", "a")}
        assert go.wait(20)
        yield set()
        yield {("added", "b"), ("modified", "b")}

    with listening(bursts(), stop) as changes:
        changes.hear = heard.append
        go.set()
        assert [burst for burst in changes if burst] == [{"a"}, {"b"}]
    assert heard[-2:] == [set(), {"b"}]
    assert stop.is_set()


def test_empty_bursts_do_not_pile_up():
    stop = threading.Event()
    with listening(iter([set()] * 100), stop) as changes:
        wait = time.monotonic() + 20
        while changes._bursts.qsize() < 2 and time.monotonic() < wait:
            time.sleep(0.01)
        assert list(changes) == [set()]


def test_what_ends_the_thread_is_told_where_it_is_waited_for():
    def broken():
        yield {("added", "a")}
        raise ImgbuildError("too many files")

    with listening(broken(), threading.Event()) as changes:
        bursts = iter(changes)
        assert next(bursts) == {"a"}
        with pytest.raises(ImgbuildError, match="too many files"):
            next(bursts)


def test_no_thread_is_left_where_a_build_breaks(tmp_path):
    before, stop = threading.active_count(), threading.Event()
    with pytest.raises(ZeroDivisionError), listening(watched(tmp_path, tuple, stop), stop):
        _ = 1 / 0
    assert threading.active_count() == before


def test_what_is_ignored_is_not_told_and_may_change(tmp_path):
    stop, ignored, found = threading.Event(), ["out", ".git"], []
    for name in ("out", "made", ".git", "specs"):
        (tmp_path / name).mkdir()
    for burst in watched(tmp_path, lambda: below(tmp_path, ignored), stop):
        found += [os.path.relpath(path, tmp_path) for _, path in burst]
        if "specs/b" in found:
            break
        if "specs/a" in found:
            ignored[:] = ["made", ".git"]
        for name in ("out", "made", ".git", "specs"):
            (tmp_path / name / ("b" if "specs/a" in found else "a")).touch()
    assert {"made/a", "specs/a", "out/b", "specs/b"} <= set(found)
    assert {"out/a", "made/b", ".git/a", ".git/b"}.isdisjoint(found)


def test_files_that_can_t_be_watched_are_told(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError("OS file watch limit reached.")

    monkeypatch.setattr("watchfiles.watch", refuse)
    with pytest.raises(ImgbuildError) as caught:
        next(iter(watched(tmp_path, tuple, threading.Event())))
    assert str(caught.value) == (
        f"error: {tmp_path} can't be watched: OS file watch limit reached.\n"
        "hint: where too many files are watched, raise fs.inotify.max_user_watches, or end other watches"
    )


# --- the whole ----------------------------------------------------------------------------------------------------


@pytest.fixture
def watch(shop):
    begun = Watch(shop)
    yield begun
    begun.kill()


BROKEN = """\
specs/shop.yaml:6:14: unknown model 'pain'
    6 |     models: [pain]
      |              ^^^^
hint: did you mean 'paint'? Models here: paint"""


def test_a_watch_from_the_first_build_to_ctrl_c(shop, watch):
    assert watch.until("watching")[-1] == "watching; Ctrl-C ends it"
    assert set(shop.outputs()) == {"shots/A1_0.png", "shots/A2_0.png"}
    before = shop.outputs()

    shop.edit("specs/products.csv", ("chair", "table"))
    said = watch.until("built")
    assert said[0] == "changed: specs/products.csv"
    assert said[-1].startswith("built 1, 1 up to date in ")
    after = shop.outputs()
    assert after["shots/A1_0.png"] == before["shots/A1_0.png"]
    assert after["shots/A2_0.png"] != before["shots/A2_0.png"]

    shop.edit("specs/shop.yaml", ("[paint]", "[pain]"))
    assert watch.until("hint:") == ["changed: specs/shop.yaml", *BROKEN.splitlines()]
    assert shop.outputs() == after

    shop.write({"imgbuild.yaml": "outptu: made\n"})
    assert watch.until("hint:")[:2] == [
        "changed: imgbuild.yaml",
        "imgbuild.yaml:1:1: unknown key 'outptu'",
    ]
    shop.write({"imgbuild.yaml": None})
    watch.until("hint:")

    shop.edit("specs/shop.yaml", ("[pain]", "[paint]"))
    shop.write({"specs/more.yaml": SPEC.replace("shots", "more")})
    assert watch.until("built")[-1].startswith("built 2")
    assert {name.partition("/")[0] for name in shop.outputs()} == {"shots", "more"}
    assert (shop.root / "specs/more.lock").exists()

    assert watch.end() == 0
    assert shop.tell("plan", "--exit-code").code == 0


def test_a_watch_that_waits_ends_at_once(shop, watch):
    watch.until("watching")
    began = time.monotonic()
    assert watch.end() == 0
    assert time.monotonic() - began < 5


def test_broken_settings_at_the_start_end_the_watch(shop):
    shop.write({"imgbuild.yaml": "jobs: many\n"})
    told = shop.tell("watch")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("imgbuild.yaml:1:7: ")


# --- Ctrl-C -------------------------------------------------------------------------------------------------------

MANY = """\
models: {paint: {provider: placeholder}}
assets:
  shots:
    prompt: "a lamp"
    models: [paint]
    seeds: 2000
    size: 128x128
"""


def left(shop):
    """Files that only a build under way may have."""
    return [path.name for path in shop.root.rglob(".imgbuild-*")]


@pytest.fixture
def begin(shop):
    """Starts watches of the shop, which are ended whatever comes."""
    begun = []

    def start(*arguments, env=None):
        begun.append(Watch(shop, *arguments, env=env))
        return begun[-1]

    yield start
    for watch in begun:
        watch.kill()


@pytest.mark.parametrize("times", [1, 2])
def test_a_watch_ends_in_the_middle_of_a_build(shop, begin, times):
    shop.write({"specs/shop.yaml": MANY})
    watch = begin()
    watch.until("[  20/")
    for _ in range(times):
        watch.interrupt()
        time.sleep(0.05)
    code = watch.ended()
    assert code == 0 if times == 1 else code in (0, 130)
    assert left(shop) == []
    assert not any(line.startswith("watching") for line in watch.said)
    if times == 1:
        assert watch.said[-1].startswith("interrupted: built ")
        assert len(shop.outputs()) == len(shop.lines("shop"))


def test_a_watch_ends_while_it_waits_for_another_build(shop, begin):
    with hold(shop.root / ".imgbuild/lock", wait=False, waiting=print, argv=["imgbuild", "build"]):
        watch = begin()
        assert watch.until("another build")[-1].endswith("; waiting for it")
        assert watch.end() == 0
    assert shop.outputs() == {}


def test_a_watch_ends_where_a_spec_is_broken(shop, begin):
    shop.edit("specs/shop.yaml", ("[paint]", "[pain]"))
    watch = begin()
    watch.until("watching")
    assert watch.end() == 0


def test_a_newer_edit_breaks_a_build_off(shop, begin):
    """And nothing of the older one is published after it, of what the newer one changed."""
    shop.write({"specs/shop.yaml": MANY})
    watch = begin()
    watch.until("[  20/")
    shop.write({"specs/shop.yaml": MANY.replace("seeds: 2000", "seeds: 4").replace("lamp", "chair")})
    assert watch.until("interrupted")[-1].startswith("interrupted: built ")
    assert watch.until("changed")[-1] == "changed: specs/shop.yaml"
    watch.until("built", "up to date")
    assert watch.end() == 0
    clean = shop.tell("plan", "--exit-code", "--json")
    assert '"action":"run"' not in clean.out


def test_a_watch_under_a_profile_and_a_selection_builds_no_more(shop, begin):
    shop.write({"imgbuild.yaml": "profiles: {preview: {size: 16x16}}\n"})
    watch = begin("--profile", "preview", "-s", "sku=A2")
    watch.until("watching")
    assert set(shop.outputs()) == {"preview/shots/A2_0.png"}
    shop.edit("specs/products.csv", ("chair", "table"), ("lamp", "desk"))
    assert watch.until("built")[-1].startswith("built 1 in ")
    assert set(shop.outputs()) == {"preview/shots/A2_0.png"}
    assert watch.end() == 0


def test_the_user_s_own_settings_are_watched(shop, begin, tmp_path):
    home = tmp_path / "config"
    watch = begin(env={"XDG_CONFIG_HOME": str(home)})
    watch.until("watching")
    (home / "imgbuild").mkdir(parents=True)
    (home / "imgbuild/config.yaml").write_text("outptu: made\n")
    assert watch.until("hint:")[0] == f"changed: {home}/imgbuild/config.yaml"
    (home / "imgbuild/config.yaml").write_text("jobs: 1\n")
    watch.until("up to date")
    assert watch.end() == 0
