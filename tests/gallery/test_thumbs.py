"""Small pictures: made once, safely, kept in the store, and swept when their image is gone."""

import hashlib
import io
from threading import Barrier, Thread

import pytest
from PIL import Image as pillow

from imgbuild.errors import BadImage
from imgbuild.gallery import thumbs as room
from imgbuild.gallery.facts import Fact, Facts
from imgbuild.gallery.thumbs import Thumbs, make, sweep


def png(size=(400, 200), color=(200, 100, 0), mode="RGB"):
    out = io.BytesIO()
    pillow.new(mode, size, color).save(out, "PNG")
    return out.getvalue()


def opened(data):
    with pillow.open(io.BytesIO(data)) as picture:
        return picture.convert("RGBA")


@pytest.fixture
def images():
    data = png()
    return {hashlib.sha256(data).hexdigest(): data}


@pytest.fixture
def thumbs(tmp_path, images):
    (tmp_path / "store").mkdir()
    made = Thumbs(tmp_path / "store", images.__getitem__)
    yield made
    made.close()


def test_it_fits_into_a_square_and_is_never_enlarged(thumbs, images):
    (image,) = images
    assert opened(thumbs.get(image, 64)).size == (64, 32)
    assert opened(thumbs.get(image, 256)).size == (256, 128)
    assert opened(thumbs.get(image, 512)).size == (400, 200)
    assert thumbs.facts[image] == Fact(image=image, width=400, height=200, color="#c86400")


def test_transparency_stays_and_its_color_is_on_white():
    data, fact = make(png((8, 8), (0, 0, 0, 0), "RGBA"), "a", 64)
    assert opened(data).getpixel((0, 0))[3] == 0
    assert fact.color == "#ffffff"


@pytest.mark.parametrize(("mode", "color"), [("L", 128), ("1", 1), ("P", 3), ("LA", (9, 9)), ("I;16", 40000)])
def test_every_kind_of_picture(mode, color):
    data, fact = make(png((80, 40), color, mode), "a", 64)
    assert opened(data).size == (64, 32)
    assert (fact.width, fact.height) == (80, 40)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
def test_thin_pictures(size):
    data, _ = make(png(size), "a", 64)
    assert max(opened(data).size) <= 64


def test_what_is_no_picture(thumbs, images):
    images["ab" * 32] = b"<html><script>"
    with pytest.raises(BadImage):
        thumbs.get("ab" * 32, 64)
    with pytest.raises(KeyError):
        thumbs.get("cd" * 32, 64)
    assert list(thumbs.folder.rglob("*.webp")) == []


def test_each_is_made_once_for_all_who_ask(thumbs, images, monkeypatch):
    (image,) = images
    made = []
    monkeypatch.setattr(room, "make", lambda *args: made.append(args) or make(*args))
    start, told = Barrier(8), []

    def ask():
        start.wait()
        told.append(thumbs.ask(image, 64).result())

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(set(told)) == 1
    assert thumbs.ask(image, 64).result() == told[0]
    assert len(made) == 1


def test_they_are_kept_and_may_be_deleted(thumbs, images, tmp_path, monkeypatch):
    (image,) = images
    data = thumbs.get(image, 64)
    place = tmp_path / f"store/thumbs/{image[:2]}/{image}-64.webp"
    assert place.read_bytes() == data
    again = Thumbs(tmp_path / "store", lambda image: pytest.fail("it is kept"))
    assert again.get(image, 64) == data
    again.close()
    place.unlink()
    assert thumbs.get(image, 64) == data
    assert place.read_bytes() == data


def test_without_a_store_nothing_is_written(tmp_path, images):
    (image,) = images
    thumbs = Thumbs(tmp_path / "none", images.__getitem__)
    assert opened(thumbs.get(image, 64)).size == (64, 32)
    thumbs.close()
    assert list(tmp_path.iterdir()) == []


def test_those_of_images_that_are_gone_are_swept(thumbs, images, tmp_path):
    (image,) = images
    thumbs.get(image, 64)
    thumbs.get(image, 256)
    store = tmp_path / "store"
    assert sweep(store, lambda name: name == image) == 0
    assert Facts(store / "thumbs").keys() == {image}
    (store / "thumbs/tmp/.imgbuild-999999999-0").write_bytes(b"half")
    (store / f"thumbs/{image[:2]}/other.webp").write_bytes(b"of somebody else")
    assert sweep(store, lambda name: False) == 2
    (store / f"thumbs/{image[:2]}/other.webp").unlink()
    assert [path.name for path in (store / "thumbs").rglob("*") if path.is_file()] == ["facts"]
    assert Facts(store / "thumbs") == {}
    assert sweep(tmp_path / "none", lambda name: False) == 0


def test_a_damaged_file_of_facts_tells_what_it_can(tmp_path):
    facts = Facts(tmp_path)
    facts.note(Fact(image="ab" * 32, width=3, height=4, color="#010203"))
    with (tmp_path / "facts").open("ab") as file:
        file.write(b'{"image": "../x", "color": "#010203"}\n{"image": "cd\n\xff\xff\n[]\n')
    facts.note(Fact(image="ef" * 32, width=1, height=1, color="#010203"))
    assert Facts(tmp_path).keys() == {"ab" * 32, "ef" * 32}


def test_a_store_that_came_with_a_project_leads_nowhere_else(thumbs, images, tmp_path):
    (image,) = images
    data = thumbs.get(image, 64)
    place = thumbs.folder / image[:2] / f"{image}-64.webp"
    (tmp_path / "secret").write_bytes(b"RIFF....WEBPsecret")
    place.unlink()
    place.symlink_to(tmp_path / "secret")
    assert thumbs.get(image, 64) == data
    assert (tmp_path / "secret").read_bytes() == b"RIFF....WEBPsecret"
    place.write_bytes(b"<script>")
    assert thumbs.get(image, 64) == data
    (tmp_path / "other").mkdir()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/thumbs").symlink_to(tmp_path / "other")
    linked = Thumbs(tmp_path / "linked", images.__getitem__)
    assert linked.get(image, 64) == data
    linked.close()
    assert list((tmp_path / "other").iterdir()) == []
