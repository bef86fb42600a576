"""Ctrl-C at any moment ends a watch, and all that runs beside it: the gallery, its visitors, the crew."""

import random
import threading
import time

import httpx
import pytest

from tests.watching import Watch

SPEC = """\
models: {{paint: {{provider: placeholder}}}}
assets:
  shots:
    prompt: "a {word}"
    models: [paint]
    seeds: {count}
    size: 32x32
"""
MANY = 600  # that a crew of processes makes
LONGEST = 2.0  # seconds from one thing that happens to the next


@pytest.fixture
def shop(bench, tmp_path):
    (tmp_path / "tmp").mkdir()
    return bench({"specs/shop.yaml": SPEC.format(word="lamp", count=MANY)})


class Visitor:
    """Somebody who has the page open, and follows what it is told until it ends."""

    def __init__(self, address):
        self.address = address
        self.thread = threading.Thread(target=self.follow)
        self.thread.start()

    def follow(self):
        base = self.address.partition("/?")[0]
        try:
            with httpx.Client(timeout=60) as client:
                client.get(self.address)
                with client.stream("GET", f"{base}/api/events") as events:
                    for _ in events.iter_lines():
                        pass
        except httpx.TransportError:  # it ended in the middle of a sentence
            pass

    def is_gone(self):
        self.thread.join(timeout=20)
        return not self.thread.is_alive()


def live(shop, watch, dice):
    """What may be going on: a visitor, edits that stop one another's builds, the end at any moment."""
    visitors = []
    if dice.random() < 0.8:
        address = watch.until("the gallery is at")[-1].rpartition(" ")[2]
        visitors += [Visitor(address) for _ in range(dice.randrange(3))]
    for _ in range(dice.randrange(3)):
        time.sleep(dice.random() * LONGEST)
        word, count = dice.choice(["lamp", "desk", "chair"]), dice.choice([4, 20, MANY, MANY])
        shop.write({"specs/shop.yaml": SPEC.format(word=word, count=count)})
    time.sleep(dice.random() * LONGEST)
    return visitors


def end_at_some_moment(shop, tmp_path, seed):
    dice = random.Random(seed)
    watch, visitors = Watch(shop, "--open", env={"TMPDIR": str(tmp_path / "tmp")}), []
    try:
        visitors = live(shop, watch, dice)
        times = dice.choice([1, 1, 2, 3])
        for _ in range(times):
            watch.interrupt()
            time.sleep(dice.choice([0, 0.01, 0.1]))
        watch.ended()
    finally:
        watch.kill()
    assert all(visitor.is_gone() for visitor in visitors)
    if times > 1:  # it ended at once, as by a kill: what was half-written then goes with the next build
        assert shop.tell("build").code == 0
    left = [
        path.name
        for path in shop.root.rglob("*")
        if path.name.startswith(".imgbuild-") or path.suffix == ".tmp"
    ]
    assert left + [path.name for path in (tmp_path / "tmp").iterdir()] == [], watch.said
    assert shop.tell("plan").code == 0


@pytest.mark.parametrize("seed", range(2))
def test_ctrl_c_leaves_nothing_behind(shop, tmp_path, seed):
    end_at_some_moment(shop, tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 10))
def test_ctrl_c_at_many_moments_leaves_nothing_behind(shop, tmp_path, seed):
    end_at_some_moment(shop, tmp_path, seed)
