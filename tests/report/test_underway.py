"""What is under way, in a few words."""

import pytest

from imgbuild.report.events import Draw, Fetch, Load, Underway
from imgbuild.report.underway import log_line, parts_of

SDXL = "stabilityai/stable-diffusion-xl-base-1.0"
GIB = 1_000_000_000

LIVE: dict[str, tuple[Underway, float, list[str]]] = {
    "a load": (Load(model="sdxl", seconds=3), 9.2, ["loading sdxl", "12 s"]),
    "a step": (
        Draw(model="sdxl", batch=3, images=4, step=7, steps=30, rate=2.41, seconds=3),
        0.1,
        ["sdxl", "step 7/30", "2.4 it/s", "batch 3, 4 images"],
    ),
    "a slow step": (
        Draw(model="sdxl", batch=1, images=1, step=7, steps=30, rate=0.4),
        0.1,
        ["sdxl", "step 7/30", "2.5 s/it", "batch 1, 1 image"],
    ),
    "the first step": (
        Draw(model="sdxl", batch=1, images=1, step=1, steps=30),
        0.1,
        ["sdxl", "step 1/30", "batch 1, 1 image"],
    ),
    "a step of how many is not known": (
        Draw(model="sdxl", batch=1, images=1, step=2, rate=1.0),
        0.1,
        ["sdxl", "step 2", "1.0 it/s", "batch 1, 1 image"],
    ),
    "one of several devices": (
        Draw(model="sdxl", batch=2, images=1, device="cuda:1", step=2, steps=4, rate=2.0),
        0.1,
        ["sdxl", "step 2/4", "2.0 it/s", "batch 2, 1 image", "cuda:1"],
    ),
    "no step yet": (Draw(model="sdxl", batch=1, images=2), 0.1, ["sdxl", "batch 1, 2 images"]),
    "a download": (
        Fetch(model="sdxl", source=SDXL, done=2 * GIB, total=7 * GIB, seconds=20),
        0.1,
        [f"fetching {SDXL}", "2.0 GB of 7.0 GB", "50 s left"],
    ),
    "a download that begins": (
        Fetch(model="sdxl", source=SDXL, total=7 * GIB),
        0.1,
        [f"fetching {SDXL}", "0 B of 7.0 GB"],
    ),
    "a download of unknown size": (
        Fetch(model="sdxl", source=SDXL, done=5_000_000, seconds=2),
        0.1,
        [f"fetching {SDXL}", "5.0 MB"],
    ),
    "a name that would steer the terminal": (Load(model="a\x1b[2J"), 1.0, ["loading a\\x1b[2J", "1.0 s"]),
}

LOGGED: dict[str, tuple[Underway, str, str]] = {
    "a load begins": (Load(model="sdxl"), "", "loading sdxl"),
    "a load goes on": (Load(model="sdxl", seconds=30), "", ""),
    "a quick load": (Load(model="sdxl", seconds=9.9, ended=True), "", "loaded sdxl in 9.9 s"),
    "a slow load": (Load(model="sdxl", seconds=42, ended=True), "loaded sdxl in 42 s", "loaded sdxl in 42 s"),
    "a step": (Draw(model="sdxl", batch=1, images=1, step=1, steps=2, seconds=5), "", ""),
    "a download begins": (
        Fetch(model="sdxl", source=SDXL, total=6_940_000_000),
        f"fetching {SDXL} (6.9 GB)",
        f"fetching {SDXL} (6.9 GB)",
    ),
    "a download goes on": (Fetch(model="sdxl", source=SDXL, done=3, total=9, seconds=1), "", ""),
    "a download ends": (
        Fetch(model="sdxl", source=SDXL, done=9, total=9, seconds=182, ended=True),
        f"fetched {SDXL} (9 B) in 3 m 02 s",
        f"fetched {SDXL} (9 B) in 3 m 02 s",
    ),
    "a download fails": (Fetch(model="sdxl", source=SDXL, done=3, total=9, seconds=1, ended=True), "", ""),
    "a download of unknown size": (Fetch(model="sdxl", source=SDXL), f"fetching {SDXL}", f"fetching {SDXL}"),
}


@pytest.mark.parametrize("name", LIVE)
def test_the_live_display(name: str) -> None:
    event, since, told = LIVE[name]
    assert parts_of(event, since) == told


@pytest.mark.parametrize("name", LOGGED)
def test_a_log(name: str) -> None:
    event, plain, verbose = LOGGED[name]
    assert (log_line(event), log_line(event, verbose=True)) == (plain, verbose)
