"""What is being fetched, loaded or drawn, in a few words: as the live display has it, and as a log does."""

from __future__ import annotations

from imgbuild.report.events import Draw, Fetch, Load, Underway
from imgbuild.report.text import data_size, duration, plural, printable

SLOW = 10.0  # seconds from which a log tells that a model was loaded


def parts_of(event: Underway, since: float) -> list[str]:
    """What is told of it now, the more important first. since: seconds since the event."""
    return [*_told(event, since), *([event.device] if event.device else [])]


def _told(event: Underway, since: float) -> list[str]:
    match event:
        case Fetch():
            return [f"fetching {printable(event.source)}", *_bytes(event), *_left(event)]
        case Load():
            return [f"loading {printable(event.model)}", duration(event.seconds + since)]
        case Draw():
            images = plural(event.images, "image")
            return [printable(event.model), *_steps(event), f"batch {event.batch:,}, {images}"]


def _bytes(event: Fetch) -> list[str]:
    if not event.total:
        return [data_size(event.done)] if event.done else []
    return [f"{data_size(event.done)} of {data_size(event.total)}"]


def _left(event: Fetch) -> list[str]:
    if not (event.done and event.total and event.seconds):
        return []
    return [f"{duration((event.total - event.done) * event.seconds / event.done)} left"]


def _steps(event: Draw) -> list[str]:
    """`step 7/30` and the pace, as bars of diffusion pipelines tell it: `2.4 it/s`, or `1.8 s/it` where it is slow."""
    if not event.step:
        return []
    step = f"step {event.step:,}{f'/{event.steps:,}' if event.steps else ''}"
    if not event.rate:
        return [step]
    return [step, f"{event.rate:.1f} it/s" if event.rate >= 1 else f"{1 / event.rate:.1f} s/it"]


def log_line(event: Underway, *, verbose: bool = False) -> str:
    """The line that a log has on it, or nothing: drawing shows in the targets. verbose: quick loads, too."""
    match event:
        case Fetch():
            size = f" ({data_size(event.total)})" if event.total else ""
            if not event.ended:
                return "" if event.seconds else f"fetching {printable(event.source)}{size}"
            whole = event.done >= event.total
            return f"fetched {printable(event.source)}{size} in {duration(event.seconds)}" if whole else ""
        case Load():
            if not event.ended:
                return f"loading {printable(event.model)}" if verbose and not event.seconds else ""
            told = verbose or event.seconds >= SLOW
            return f"loaded {printable(event.model)} in {duration(event.seconds)}" if told else ""
        case Draw():
            return ""
