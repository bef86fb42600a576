"""The rows of the table: what each measures, beside which peer, and what it is to reach."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from PIL import Image

import imgbuild
from tests.benchmarks import browser, checks, ground, loop, tools
from tests.benchmarks.clock import run
from tests.benchmarks.lab import Lab, Row, said
from tests.vendors.openai import KEY

ROOT = Path(__file__).parents[2]


def null(lab: Lab, targets: int, goal: float) -> Iterator[Row]:
    """A build with nothing to do, beside each peer's."""
    root, count = lab.built(targets)
    lab.call(root, "build")
    theirs = lab.ninja(count)
    if theirs is not None:
        run(*theirs, lab.environ)
    pairs = [
        (lab.call(root, "build"), run(*theirs, lab.environ) if theirs else None) for _ in range(lab.runs)
    ]
    said = {ours.output for ours, _ in pairs}
    if said != {f"up to date ({count:,} targets)\n"}:
        raise RuntimeError(f"this was no null build: {said}")
    ours = median(one.seconds for one, _ in pairs)
    peak = max(one.peak for one, _ in pairs)
    ninja = median(other.seconds for _, other in pairs if other) if theirs else None
    yield Row("null build", count, 0, "seconds", ours, "ninja", ninja, goal, peak)
    for name, seconds in _slow_peers(lab, count):
        yield Row("null build", count, 0, "seconds", ours, name, seconds, 0.1, peak)


def _slow_peers(lab: Lab, count: int) -> Iterator[tuple[str, float]]:
    """Null builds of DVC and Snakemake, where they are installed; once, since they take long."""
    calls: dict[str, tuple[Callable[[Path, int], None], list[list[str]]]] = {
        "dvc": (ground.write_dvc, [["init", "--no-scm", "--quiet"], ["repro", "--quiet"]]),
        "snakemake": (ground.write_snakemake, [["--cores", "2", "--quiet", "all"]]),
    }
    for name, (write, commands) in calls.items():
        words = tools.peer(name)
        if words is not None:
            root = lab.place(name)
            write(root, count)
            for command in commands:
                run([*words, *command], root, lab.environ)
            yield name, run([*words, *commands[-1]], root, lab.environ).seconds


def plan(lab: Lab, targets: int) -> Iterator[Row]:
    """`imgbuild plan` of a project of which only the models are pinned: load, expand, hash and decide, from nothing."""
    root, count = lab.fresh(targets)
    lab.call(root, "lock", "--upgrade")
    taken = [lab.call(root, "plan") for _ in range(lab.runs)]
    counts = {_counted(ran.output) for ran in taken}
    if counts != {(count, count)}:
        raise RuntimeError(f"{count} targets were to be planned and run, not {counts}")
    ours, peak = median(ran.seconds for ran in taken), max(ran.peak for ran in taken)
    yield Row(
        "plan from nothing", count, count, "seconds", ours, "25,000 a second", count / 25_000, 1.0, peak
    )


def _counted(output: str) -> tuple[int, int]:
    """How many targets a plan tells, and how many of them run."""
    found = re.search(r"([\d,]+) targets?: .*?([\d,]+) run", output)
    return (_number(found[1]), _number(found[2])) if found else (0, 0)


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def edit(lab: Lab, targets: int) -> Iterator[Row]:
    """One value of the matrix's table edited: from the start of the build until the first request is out."""
    root, count = lab.built(targets)
    rows = len((root / "specs/products.csv").read_text().splitlines()) - 1
    nulls = [lab.call(root, "build").seconds for _ in range(max(2, lab.runs))]
    firsts, counts = [], set()
    for number in range(1, lab.runs + 1):
        ground.write_table(root, rows, number)
        first, generated = _first_request(lab, root)
        firsts.append(first)
        counts.add(generated)
    if counts != {(count - 1) // rows}:
        raise RuntimeError(f"{(count - 1) // rows} targets were to be made again, not {counts}")
    yield Row(
        "first request after an edit",
        count,
        counts.pop(),
        "seconds",
        median(firsts),
        "null build",
        median(nulls),
        3.0,
    )


def _first_request(lab: Lab, root: Path) -> tuple[float, int]:
    """Seconds until a build tells of its first target under way, and how many it generates in the end."""
    began = time.perf_counter()
    with subprocess.Popen(
        [*tools.imgbuild(), "build", "--json"], cwd=root, env=lab.environ, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = next(time.perf_counter() - began for line in process.stdout if '"state":"running"' in line)
        last = [json.loads(line) for line in process.stdout][-1]
    return first, int(last["generated"])


def cold(lab: Lab, targets: int) -> Iterator[Row]:
    """A build of everything, in seconds an image, beside the seconds ninja needs for a trivial command."""
    ours, theirs = [], []
    for _ in range(min(3, lab.runs)):
        root, count = lab.fresh(targets)
        ran = lab.call(root, "build", "--json")
        finished = json.loads(ran.output.splitlines()[-1])
        if finished["generated"] != count:
            raise RuntimeError(f"{count} images were to be made, not {finished['generated']}")
        ours.append(ran)
        ninja = lab.ninja(count)
        if ninja is not None:
            theirs.append(run(*ninja, lab.environ).seconds)
    yield Row(
        "cold build",
        count,
        count,
        "seconds",
        median(ran.seconds for ran in ours),
        "ninja touch",
        median(theirs) if theirs else None,
        1.0,
        max(ran.peak for ran in ours),
    )


def local(lab: Lab, targets: int) -> Iterator[Row]:
    """A build on the model in the box, beside a loop by hand with the same model, prompts, seeds, batches and steps."""
    ours, theirs = [], []
    for _ in range(min(3, lab.runs)):
        root = lab.place("local")
        count = ground.write_local(root, targets)
        lab.call(root, "lock", "--upgrade")  # pins the model, which is looked at once and for all
        ran = lab.call(root, "build", "--json")
        finished = json.loads(ran.output.splitlines()[-1])
        if finished["generated"] != count:
            raise RuntimeError(f"{count} images were to be made, not {finished['generated']}")
        ours.append(ran)
        theirs.append(_loop(lab, root, count))
    seconds = median(ran.seconds for ran in ours)
    peak = max(ran.peak for ran in ours)
    yield Row("diffusion", count, count, "seconds", seconds, "a loop", median(theirs), 1.0, peak)


def _loop(lab: Lab, root: Path, count: int) -> float:
    """Seconds that the loop takes for the same images, which must come out equal."""
    folder = Path(imgbuild.__file__).parent / "models/tiny_icons"
    told = lab.call(root, "ls", "--json").output.splitlines()
    outputs = {line["id"].partition("/")[2]: line["output"] for line in map(json.loads, told)}
    lines = json.loads((root / "specs/icons.lock").read_text())["targets"]
    locked = {name: line for name, line in lines.items() if name}
    if locked.keys() != outputs.keys() or len(locked) != count:
        raise RuntimeError(f"{count} targets were to be locked, not {len(locked)}")
    pictures = [
        {"prompt": ground.prompt_of(name), "seed": line["seed"], "output": outputs[name]}
        for name, line in locked.items()
    ]
    jobs = root / "jobs.json"
    jobs.write_text(json.dumps(pictures))
    words = [sys.executable, str(Path(loop.__file__)), str(folder), str(root / "loop"), str(jobs)]
    seconds = run(words, root, lab.environ).seconds
    for output in outputs.values():
        if _pixels(root / "loop" / output) != _pixels(root / "out" / output):
            raise RuntimeError(f"{output} came out another picture")
    return seconds


def _pixels(path: Path) -> bytes:
    with Image.open(path) as picture:
        return picture.convert("RGB").tobytes()


def rules(lab: Lab, targets: int) -> Iterator[Row]:
    """Ten rules on photographs, beside a script by hand that does the same with the same libraries."""
    root = lab.place("photos")
    ground.write_photos(root, targets)
    script = [sys.executable, str(Path(checks.__file__)), str(root / "photos")]
    ours, theirs = [], []
    for _ in range(min(3, lab.runs)):
        ran = lab.call(root, "check", "--rules", "rules.yaml", "photos", "--json")
        checked = {json.loads(line)["id"] for line in ran.output.splitlines()}
        if len(checked) != targets or len(ran.output.splitlines()) != 10 * targets:
            raise RuntimeError(f"{targets} pictures were to be held against ten rules, not {len(checked)}")
        ours.append(ran)
        theirs.append(run(script, root, lab.environ).seconds)
    seconds, peak = median(ran.seconds for ran in ours), max(ran.peak for ran in ours)
    yield Row("ten rules", targets, targets, "seconds", seconds, "a script", median(theirs), 1 / 1.5, peak)


def api(lab: Lab, targets: int, rate: float) -> Iterator[Row]:
    """Images through an API that takes so many a second, which nobody told imgbuild: sustained, and each sent once."""
    root = lab.place("api")
    words = [sys.executable, "-m", "tests.benchmarks.vendor", str(rate)]
    with subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        ground.write_api(root, server.stdout.readline().strip(), targets)
        ran = run(
            [*tools.imgbuild(), "build", "--quiet", "--trust"], root, {**lab.environ, "OPENAI_API_KEY": KEY}
        )
        told = json.loads(server.communicate()[0])
    if {len(told["taken"]), told["prompts"]} != {targets}:
        raise RuntimeError(f"{targets} images were to be paid once each, not {len(told['taken'])}")
    first, last = targets // 5, int(targets * 0.97) - 1  # it learns at first, and runs out of work at last
    seconds = (told["taken"][last] - told["taken"][first]) / (last - first)
    yield Row(
        "image of an API",
        targets,
        told["turned_down"],
        "seconds",
        seconds,
        f"{rate:g} a second",
        1 / rate,
        1 / 0.95,
        ran.peak,
    )


def watch(lab: Lab, targets: int) -> Iterator[Row]:
    """`imgbuild watch`: from the save of a spec in which one target changed until its image is published."""
    root, count = lab.built(targets)
    output = root / "out" / ground.HERO
    taken = []
    with lab.running(root, "watch", "--plain") as lines:
        said(lines, "watching")
        for number in range(lab.runs + 1):
            time.sleep(0.3)  # let the last build end
            before = output.stat().st_mtime_ns
            ground.write_spec(root, f"brass {number}", targets)
            began = time.perf_counter()
            while output.stat().st_mtime_ns == before:
                time.sleep(0.001)
                if time.perf_counter() - began > 60:
                    raise RuntimeError("the watch published nothing in a minute")
            taken.append(time.perf_counter() - began)
    yield Row("save to image under watch", count, 1, "seconds", median(taken[1:]), "150 ms", 0.150, 1.0)


# The figures of each row: what measures it, at how many targets, and what of it differs.
ROWS: Mapping[str, Sequence[tuple[Callable[..., Iterator[Row]], int, tuple[float, ...]]]] = {
    "null": [(null, 10_000, (1.5,)), (null, 100_000, (0.8,))],
    "plan": [(plan, 100_000, ())],
    "edit": [(edit, 100_000, ())],
    "cold": [(cold, 10_000, ())],
    "watch": [(watch, 10_000, ())],
    "gallery": [(browser.gallery, 10_000, ())],
    "replaced": [(browser.replaced, 10_000, ())],
    "local": [(local, 96, ())],
    "rules": [(rules, 500, ())],
    "api": [(api, 200, (5.0,)), (api, 1_500, (50.0,)), (api, 6_000, (500.0,))],
}


def measure(lab: Lab, names: Sequence[str], targets: int | None) -> Iterator[Row]:
    """The rows of those names (all, if none is given), at their own sizes, or all at this one."""
    for name in names or ROWS:
        for function, size, own in ROWS[name][: 1 if targets else None]:
            yield from function(lab, targets or size, *own)
