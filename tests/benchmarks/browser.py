"""The rows that a real browser measures: the gallery of many pictures, and a picture that is replaced under watch."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from playwright.sync_api import Browser, Page

from tests.benchmarks import ground
from tests.benchmarks.lab import Lab, Row, said
from tests.benchmarks.trace import Task, recorded
from tests.gallery.browser import launched

WIDE = {"width": 1280, "height": 800}
PATIENCE = 60_000  # milliseconds
SLOW, FLUNG = (6_000, 1_200), (200_000, 50_000)  # how far in pixels, and how many of them a second

# When a picture is on the screen: it has come, is decoded, a frame with it was made, and it has faded in.
FIRST = """
window.first = new Promise((done) => {
  const listen = async ({ target }) => {
    if (target.tagName !== "IMG") return;
    document.removeEventListener("load", listen, true);
    await target.decode();
    await new Promise((made) => requestAnimationFrame(() => setTimeout(made)));
    await Promise.all(target.getAnimations().map((fade) => fade.finished));
    done(performance.now() / 1000);
  };
  document.addEventListener("load", listen, true);
});
"""
WAITING = "#grid .card .pic:not(.here)"
# Every picture, viewport by viewport, each time until all that are in the document have come; how many there were.
EVERY = """
async ([waiting, patience]) => {
  const grid = document.querySelector("#grid");
  const seen = new Set();
  const frame = () => new Promise(requestAnimationFrame);
  const come = async () => {
    const until = performance.now() + patience;
    do {
      await frame();
      await frame();
      if (performance.now() > until) throw new Error("a picture did not come");
    } while (document.querySelector(waiting));
    for (const card of grid.querySelectorAll(".card")) seen.add(card.getAttribute("aria-posinset"));
  };
  for (let top = -1; grid.scrollTop > top; ) {
    await come();
    top = grid.scrollTop;
    grid.scrollTop += grid.clientHeight;
  }
  grid.scrollTop = 0;
  await come();
  return seen.size;
}
"""
# The new picture of the last one of the page: when a frame with it was made, in seconds since the epoch.
LAST = "#grid .card:last-child .pic.here img"
REPLACED = """
([last, patience]) => {
  const before = document.querySelector(last).src;
  window.replaced = new Promise((done, failed) => {
    const watching = new MutationObserver(async () => {
      const image = document.querySelector(last);
      if (!image || image.src === before) return;
      watching.disconnect();
      await image.decode();
      requestAnimationFrame(() => setTimeout(() => done((performance.timeOrigin + performance.now()) / 1000)));
    });
    watching.observe(document.querySelector("#grid"), { childList: true, subtree: true });
    setTimeout(() => failed(new Error("no new picture came")), patience);
  });
}
"""


class Visit(NamedTuple):
    """One opening of the gallery by a browser that has nothing of it. first: seconds until there is a picture."""

    first: float
    load: Task
    slow: Task
    fling: Task


def gallery(lab: Lab, targets: int) -> Iterator[Row]:
    """`imgbuild gallery`: opened, with no small picture made yet; scrolled; and how much it holds after it has shown all."""
    root, count = lab.built(targets)
    visits = []
    with launched() as browser:
        for _ in range(lab.runs):
            shutil.rmtree(root / ".imgbuild/thumbs", ignore_errors=True)
            with lab.running(root, "gallery", "--json") as lines:
                visits.append(_visit(browser, _address(lines), count))
        with lab.running(root, "gallery", "--json") as lines:
            heap, nodes = _held(browser, _address(lines), count)
    first = median(visit.first for visit in visits)
    yield Row("first picture in gallery", count, 1, "seconds", first, "1 s", 1.0, 1.0)
    yield from _tasks("load", count, [visit.load for visit in visits])
    yield from _tasks("slow scroll", count, [visit.slow for visit in visits])
    yield from _tasks("fling", count, [visit.fling for visit in visits])
    yield Row("JS heap, all shown", count, count, "bytes", heap[1], "before", heap[0], 1.25)
    yield Row("DOM nodes, all shown", count, count, "nodes", nodes[1], "before", nodes[0], 1.25)


def _tasks(when: str, count: int, longest: Sequence[Task]) -> Iterator[Row]:
    """By wall time, as the page stands still for it, and by that of the CPU, which what else runs here lengthens less."""
    wall, cpu = median(task.wall for task in longest), median(task.cpu for task in longest)
    yield Row(f"longest task, {when}", count, count, "seconds", wall, "50 ms", 0.050, 1.0)
    yield Row(f"longest task, {when}, CPU", count, count, "seconds", cpu, "50 ms", 0.050, 1.0)


def _address(lines: Iterator[str]) -> str:
    """What `imgbuild gallery --json` says first."""
    return str(json.loads(next(lines))["url"])


def _visit(browser: Browser, address: str, count: int) -> Visit:
    with browser.new_context(viewport=WIDE) as context:
        page = context.new_page()
        page.add_init_script(FIRST)
        with recorded(page) as load:
            _open(page, address, count)
            first = page.evaluate("window.first")
        return Visit(first, load.longest(), _scrolled(page, *SLOW), _scrolled(page, *FLUNG))


def _open(page: Page, address: str, count: int) -> None:
    """Until all is there but pictures. Raises RuntimeError where there are fewer or more."""
    page.goto(address)
    page.wait_for_selector("body.ready", state="attached", timeout=PATIENCE)
    if page.locator("#count").text_content() != f"{count:,}":
        raise RuntimeError(f"{count} targets were to be shown, not {page.locator('#count').text_content()}")


def _scrolled(page: Page, far: int, speed: int) -> Task:
    """The longest task while the wheel turns. Raises RuntimeError where the page does not move."""
    grid = "document.querySelector('#grid')"
    top = page.evaluate(f"{grid}.scrollTop")
    far = min(far, page.evaluate(f"{grid}.scrollHeight - {grid}.clientHeight") - top)
    how = {"x": 640, "y": 400, "yDistance": -far, "speed": speed, "gestureSourceType": "mouse"}
    with recorded(page) as tasks:
        page.context.new_cdp_session(page).send("Input.synthesizeScrollGesture", how)
        page.wait_for_timeout(300)  # until what came last has settled
    if page.evaluate(f"{grid}.scrollTop") != top + far:
        raise RuntimeError("the page was to be scrolled, and was not")
    return tasks.longest()


def _held(browser: Browser, address: str, count: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Bytes of JavaScript, and nodes of the document: each before every picture was shown, and after that."""
    with browser.new_context(viewport=WIDE) as context:
        page = context.new_page()
        _open(page, address, count)
        page.locator(WAITING).first.wait_for(state="detached", timeout=PATIENCE)
        before = _holds(page)
        if (seen := page.evaluate(EVERY, [WAITING, PATIENCE])) != count:
            raise RuntimeError(f"{count} pictures were to be shown, not {seen}")
        after = _holds(page)
    return (before[0], after[0]), (before[1], after[1])


def _holds(page: Page) -> tuple[float, float]:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.collectGarbage")
    told = {item["name"]: item["value"] for item in session.send("Performance.getMetrics")["metrics"]}
    return told["JSHeapUsedSize"], told["Nodes"]


def replaced(lab: Lab, targets: int) -> Iterator[Row]:
    """`imgbuild watch --open`: from the save of a spec in which one target changed until the page shows its picture."""
    root, count = lab.built(targets)
    with launched() as browser, lab.running(root, "watch", "--open", "--plain") as lines:
        address = said(lines, "the gallery is at ")
        said(lines, "watching")
        page = browser.new_page(viewport=WIDE)
        _open(page, address, count)
        page.keyboard.press("End")  # where the target is that changes
        page.wait_for_selector(LAST, timeout=PATIENCE)
        taken = [_saved(page, root, f"copper {number}", targets) for number in range(lab.runs + 1)]
    yield Row("save to picture in browser", count, 1, "seconds", median(taken[1:]), "300 ms", 0.300, 1.0)


def _saved(page: Page, root: Path, word: str, targets: int) -> float:
    """Seconds until a picture of another prompt is shown."""
    time.sleep(0.5)  # let the last build end
    page.evaluate(REPLACED, [LAST, PATIENCE])
    began = time.time()
    ground.write_spec(root, word, targets)
    return float(page.evaluate("window.replaced")) - began
