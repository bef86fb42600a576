"""`imgbuild diff`: what the images are now, held against the locks at a revision of git."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import UNSET, Struct

from imgbuild.commands.contact import check_name, piece_of, write_contact
from imgbuild.commands.session import Session
from imgbuild.commands.why import Change, differences, told_change
from imgbuild.errors import Exit
from imgbuild.ledger import manifest_of
from imgbuild.report.text import plural
from imgbuild.revisions import Difference, Past, compare, past_of
from imgbuild.revisions.compare import KINDS, Kind
from imgbuild.select import handle, is_named, matcher, no_match
from imgbuild.store.store import Store
from imgbuild.survey import Survey, states_of
from imgbuild.types import Line

if TYPE_CHECKING:
    from imgbuild.sheets.drawing import Piece

# Fields of a lock's line that tell how a picture came about, beside its intent.
DRAWN = ("seed", "attempt", "via", "adjusted")


class Shown(Struct, frozen=True, kw_only=True, tag="difference", tag_field="event"):
    """One image that is another one, as `--json` gives it. before, after: digests of its file, as locks have them.

    pixels: whether it looks the same; distance: in how many of 64 bits the perceptual hashes differ. output: empty
    where nothing declares the image any more.
    changes: of what it was asked for with; None where this store does not know both. drawn: of seed, attempt, the
    fallback that made it (via), and the rules that adjusted what it was asked for with.
    """

    kind: Kind
    id: str
    handle: str
    was: str
    output: str
    before: str
    after: str
    pixels: Literal["equal", "other", ""]
    distance: int | None
    changes: list[Change] | None
    drawn: list[Change]


class Compared(Struct, frozen=True, kw_only=True, tag="compared", tag_field="event"):
    """The end of a comparison: how many images are others. commit: what the revision stands for. sheet: as written."""

    revision: str
    commit: str
    changed: int
    renamed: int
    new: int
    gone: int
    sheet: str


def run_diff(session: Session, revision: str, patterns: Sequence[str], sheet: str) -> int:
    """Print what differs. sheet: a file for the pictures, too. Raises SpecError, UsageError, TargetError."""
    place = check_name(session, sheet) if sheet else None
    project = session.project()
    past = past_of(project.settings, project.specs, revision)
    with session.reading(project) as store:
        found = session.survey(project, store)
        chosen = _chosen(found, store, compare(past.lines, found.book.lines()), patterns)
        shown = [_shown(found, store, item) for item in chosen]
        if place is not None and chosen:
            write_contact(place, list(_pieces(found, store, chosen)), 2)
    for fault in past.faults:
        session.warn(fault)
    if session.json:
        for event in (*shown, _end(past, chosen, sheet)):
            session.give(event)
    else:
        _tell(session, past, chosen, shown, sheet)
    return Exit.DONE


def _tell(
    session: Session, past: Past, chosen: Sequence[Difference], shown: Sequence[Shown], sheet: str
) -> None:
    if shown:
        rows = [_cells(*pair) for pair in zip(shown, chosen, strict=True)]
        session.table(["change", "target", "pixels", "what"], rows)
    session.say(_summary(Counter(item.kind for item in chosen), past))
    if sheet:
        told = f"{plural(len(chosen), 'image')}, before and after" if chosen else "not written"
        session.say(f"{sheet}: {told}")


def _chosen(
    found: Survey, store: Store, items: Sequence[Difference], patterns: Sequence[str]
) -> list[Difference]:
    """Those that the patterns name, by their ids of now or of then. Raises UsageError for one that names nothing."""
    if not patterns:
        return list(items)
    targets, output = found.project.graph.targets, found.project.settings.output
    states = states_of(found, store)
    wanted: set[str] = set()
    for pattern in patterns:
        test = matcher(pattern, states, output)
        named = {id for id, target in targets.items() if test(target)}
        past = {item.id for item in items if any(is_named(id, pattern) for id in (item.id, item.was) if id)}
        if not named and not past:
            raise no_match(pattern, list(targets.values()))
        wanted |= named | past
    return [item for item in items if item.id in wanted]


def _shown(found: Survey, store: Store, item: Difference) -> Shown:
    target = found.project.graph.targets.get(item.id)
    both = item.before is not None and item.after is not None
    return Shown(
        kind=item.kind,
        id=item.id,
        handle=handle(item.id),
        was=item.was,
        output=target.output if target is not None else "",
        before=item.before.image if item.before is not None else "",
        after=item.after.image if item.after is not None else "",
        pixels=("other" if item.has_other_pixels else "equal") if both else "",
        distance=item.distance,
        changes=_changes(store, item.before, item.after),
        drawn=_drawn(item.before, item.after),
    )


def _changes(store: Store, before: Line | None, after: Line | None) -> list[Change] | None:
    """What is asked for otherwise; None where that is not known."""
    if before is None or after is None or before.intent == after.intent:
        return []
    old, new = (manifest_of(store.records, line.intent) for line in (before, after))
    return [Change(*each) for each in differences(old, new)] if old and new else None


def _drawn(before: Line | None, after: Line | None) -> list[Change]:
    if before is None or after is None:
        return []
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in DRAWN)
    return [Change(name, _given(old), _given(new)) for name, old, new in pairs if old != new]


def _given(value: object) -> object:
    return UNSET if value in ("", ()) else value


def _pieces(found: Survey, store: Store, items: Sequence[Difference]) -> Iterator[Piece]:
    """Before and after, side by side."""
    for item in items:
        target = found.project.graph.targets.get(item.id)
        place = found.outputs.folder / target.output if target is not None else None
        name = target.output if target is not None else item.id
        for when, line in (("before", item.before), ("after", item.after)):
            yield piece_of(when, name, store, line.image if line is not None else "", place)


def _cells(shown: Shown, item: Difference) -> list[str]:
    return [shown.kind, shown.id, _looks(shown), "; ".join(_reasons(shown, item))]


def _looks(shown: Shown) -> str:
    if shown.pixels == "other" and shown.distance is not None:
        return f"{shown.distance} of 64"
    return shown.pixels


def _reasons(shown: Shown, item: Difference) -> Iterator[str]:
    """Why it is another one, as far as that is known."""
    before, after = item.before, item.after
    if shown.was:
        yield f"was {shown.was}"
    if before is not None and after is None and shown.kind != "gone":
        yield "reseeded, and not built yet"
    if before is None or after is None:
        return
    if shown.changes is None:
        yield "made from something else; what that was is not in this store"
    yield from map(told_change, (*(shown.changes or ()), *shown.drawn))
    if before.inputs != after.inputs:
        yield "the pictures that it is made from"
    if before.files != after.files and before.image == after.image:
        yield "its renditions"
    elif not (shown.changes or shown.drawn) and shown.pixels == "equal" and before.image != after.image:
        yield "only the file's metadata or encoding"


def _end(past: Past, chosen: Sequence[Difference], sheet: str) -> Compared:
    counts = Counter(item.kind for item in chosen)
    return Compared(
        revision=past.revision,
        commit=past.commit,
        changed=counts["changed"],
        renamed=counts["renamed"],
        new=counts["new"],
        gone=counts["gone"],
        sheet=sheet if chosen else "",
    )


def _summary(counts: Counter[Kind], past: Past) -> str:
    since = f"since {past.revision} ({past.commit[:8]})"
    if not counts:
        return f"no image is another one {since}"
    told = [f"{counts[kind]:,} {kind}" for kind in KINDS if counts[kind]]
    return f"{', '.join(told)} {since}"
