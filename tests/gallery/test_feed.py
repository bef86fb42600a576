"""What the page is told as a build goes on, in order, without anybody waiting."""

import asyncio
import json

from imgbuild.gallery import feed as room
from imgbuild.gallery.feed import Feed
from imgbuild.report.events import Failure, Finished, Note, Started, TargetMoved

ID = "shop/lamps[color=red]@paint#0"


def heard(tell, readers=1):
    """What each reader hears until the feed is closed, its first greeting left out."""

    async def listen():
        feed = Feed()
        feed.start(asyncio.get_running_loop())

        async def read():
            return [text async for text in feed.read()][1:]

        reading = [asyncio.create_task(read()) for _ in range(readers)]
        await asyncio.sleep(0)
        await asyncio.to_thread(tell, feed)
        await asyncio.sleep(0)
        feed.close()
        return await asyncio.gather(*reading)

    return asyncio.run(listen())


def parsed(text):
    head, data = text.decode().rstrip("\n").split("\n")
    return head.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_a_build_is_told_as_it_goes():
    def tell(feed):
        feed.tell(Started(targets=3, fresh=1, restore=0, run=2, cost=0.08))
        feed.tell(TargetMoved(id=ID, state="running", output="a.png"))
        feed.tell(TargetMoved(id=ID, state="done", output="a.png", cost=0.04, seconds=1.0))
        feed.tell(Note(text="one\ntwo", level="warning"))
        feed.tell(Failure(id=ID, output="a.png", where="a.yaml:1:1", cause="too dark"))
        feed.tell(Finished(built=1, cost=0.04))

    (texts,) = heard(tell)
    moved = {"id": ID, "attempt": 0, "why": ""}
    begun = {"done": 0, "total": 2, "cost": 0.08, "spent": 0.0, "running": True}
    assert [parsed(text) for text in texts] == [
        ("progress", begun),
        ("moved", {**moved, "state": "running", "cost": 0.0}),
        ("progress", begun),
        ("moved", {**moved, "state": "done", "cost": 0.04}),
        ("progress", {**begun, "done": 1, "spent": 0.04}),
        ("note", {"text": "one\ntwo", "level": "warning"}),
        ("note", {"text": f"{ID}: too dark", "level": "warning"}),
        ("progress", {**begun, "done": 1, "spent": 0.04, "running": False}),
    ]


def test_every_reader_hears_all_of_it():
    texts = heard(lambda feed: [feed.send("note", {"text": str(number)}) for number in range(100)], readers=3)
    assert texts[0] == texts[1] == texts[2]
    assert [parsed(text)[1]["text"] for text in texts[0]] == [str(number) for number in range(100)]


def test_who_is_too_far_behind_is_let_go(monkeypatch):
    monkeypatch.setattr(room, "MOST", 3)

    async def listen():
        feed = Feed()
        feed.start(asyncio.get_running_loop())
        reading = feed.read()
        assert await anext(reading) == b": here\n\n"
        for number in range(10):
            feed.send("note", {"text": str(number)})
        await asyncio.sleep(0)
        return [text async for text in reading]

    assert len(asyncio.run(listen())) == 3


def test_nobody_needs_to_be_there():
    feed = Feed()
    feed.tell(Note(text="nobody hears it"))
    feed.close()
    assert feed.is_closed


def test_a_silent_feed_shows_that_it_is_there(monkeypatch):
    monkeypatch.setattr(room, "BEAT", 0.01)

    async def listen():
        feed = Feed()
        feed.start(asyncio.get_running_loop())
        reading = feed.read(b"first\n\n")
        found = [await anext(reading), await anext(reading)]
        feed.close()
        return found, {text async for text in reading} - {b": still here\n\n"}

    assert asyncio.run(listen()) == ([b"first\n\n", b": still here\n\n"], set())


def test_a_feed_that_is_closed_ends_at_once():
    async def listen():
        feed = Feed()
        feed.close()
        return [text async for text in feed.read()]

    assert asyncio.run(listen()) == [b": here\n\n"]
