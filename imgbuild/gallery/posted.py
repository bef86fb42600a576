"""What the page posts: decisions on pictures that somebody saw, taken only while these are still the pictures."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from imgbuild.deciding import Word, check_word, decide, keep
from imgbuild.errors import ImgbuildError, UsageError
from imgbuild.gallery.look import Look
from imgbuild.reviews.lines import Kind
from imgbuild.select import handle
from imgbuild.survey import reviews_of
from imgbuild.types import Target


class Stale(UsageError):
    """The picture that was decided on is not the picture any more."""


class Unknown(UsageError):
    """No target that is shown has such a handle."""


class Posted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decision, as the page posts it. pixels: by handle, digest of the picture that was seen."""

    handles: tuple[str, ...]
    decision: Kind
    note: str = ""
    ticked: tuple[str, ...] = ()
    reseed: bool = False
    pixels: Mapping[str, str]


def read_posted(body: bytes) -> Posted:
    """Raises UsageError for what is no decision."""
    try:
        return msgspec.json.decode(body, type=Posted)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"that is no decision: {error}", hint="load the page again") from error


def take(look: Look, posted: Posted, who: str) -> list[Target]:
    """Keep the decision on each of these targets; all of them or none. look: at the project as it is now.

    Raises Stale, Unknown, UsageError: then nothing is written.
    """
    word = Word(kind=posted.decision, note=posted.note.strip(), ticked=posted.ticked, reseed=posted.reseed)
    check_word(word)
    targets = _targets(look, posted)
    for target in targets:
        line = look.line_of(target)
        if line is None or line.pixels != posted.pixels.get(handle(target.id)):
            raise Stale(f"{target.id} has another picture by now", hint="look at that one")
    decisions = decide(look.found, targets, word, who)
    for _ in keep(reviews_of(look.found.project), decisions):
        pass
    return targets


def _targets(look: Look, posted: Posted) -> list[Target]:
    known = {handle(target.id): target for target in look.chosen}
    for short in posted.handles:
        if short not in known:
            raise Unknown(f"no target has the handle '{short[:16]}'", hint="load the page again")
    if not posted.handles:
        raise UsageError("no picture was named", hint="load the page again")
    return [known[short] for short in dict.fromkeys(posted.handles)]


def status_of(error: ImgbuildError) -> int:
    """The status of HTTP for an error."""
    if isinstance(error, Unknown):
        return 404
    return 409 if isinstance(error, Stale) else 400
