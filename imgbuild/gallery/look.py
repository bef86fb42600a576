"""One look at a project: its survey, and what the store and the reviews said then. It never changes afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.digest import to_hex
from imgbuild.files import Stamp, stamp_of
from imgbuild.reviews import ReviewBook, Standing
from imgbuild.store.store import Store
from imgbuild.survey import Survey, reviews_of, states_of
from imgbuild.types import Digest, Line, Outcome, Target

FEW = 64  # blobs whose manifests are read one by one; for more, all records are read at once


class Made(Struct, frozen=True):
    """What it took to make an image: US dollars, and seconds."""

    cost: float = 0.0
    seconds: float = 0.0


class Look(Struct, frozen=True, kw_only=True, eq=False):
    """All that the page is made from. chosen: the targets that it shows. states: as `imgbuild ls` says them.

    made: by generated blob. competing: ids of targets among which a winner is wanted. stamps: of what was read, by path
    from the root, to tell whether it has changed.
    """

    found: Survey
    chosen: Sequence[Target]
    states: Mapping[str, str]
    outcomes: Mapping[str, Outcome]
    made: Mapping[Digest, Made]
    book: ReviewBook
    competing: frozenset[str]
    stamps: Mapping[str, Stamp | None]

    def line_of(self, target: Target) -> Line | None:
        return self.found.plan.decisions[target.id].line

    def why(self, target: Target) -> str:
        """Why it is not up to date or, where it is, what rules found fault with."""
        outcome = self.outcome_of(target)
        return self.found.plan.decisions[target.id].why or (outcome.why if outcome is not None else "")

    def digest_of(self, target: Target) -> Digest:
        """Of the bytes that are locked or, where a line waits for its build, that are still published."""
        line = self.line_of(target)
        if line is not None and line.image:
            return line.image
        output = self.found.published.get(target.output)
        return output.digest if output is not None and output.target == target.id else ""

    def image_of(self, target: Target) -> str:
        """The same in hexadecimal; empty where there is none."""
        return hex_of(self.digest_of(target))

    def outcome_of(self, target: Target) -> Outcome | None:
        return self.outcomes.get(target.id) if target.recipe.rules else None

    def standing_of(self, target: Target) -> Standing:
        """What is decided on it: nothing, while it has no image."""
        line = self.line_of(target)
        return self.book.of(target.id, line.pixels) if line is not None and line.pixels else Standing()

    def is_current(self) -> bool:
        """Whether every file that was read is still as it was then."""
        return not any(map(self.has_changed, self.stamps))

    def has_changed(self, path: str) -> bool:
        """Whether a file that was read, named from the root, is not as it was then. Folders are not looked at."""
        place = self.found.project.files.root / path
        return stamp_of(place) != self.stamps[path] and not place.is_dir()


def hex_of(digest: Digest) -> str:
    """A digest in hexadecimal; empty for what is none, as a lock from elsewhere may hold."""
    try:
        name = to_hex(digest)
    except ValueError:
        return ""
    return name if len(name) == 64 else ""


def look_at(found: Survey, store: Store, chosen: Sequence[Target], before: Look | None = None) -> Look:
    """What there is to show now. before: an earlier look, of which what can't have changed is taken over."""
    project = found.project
    book = reviews_of(project)
    names = None if project.is_whole else project.graph.targets
    return Look(
        found=found,
        chosen=chosen,
        states=states_of(found, store),
        outcomes=store.records.outcomes(project.settings.profile_name, names),
        made=_made(found, store, before.made if before is not None else {}),
        book=book,
        competing=frozenset(id for ids in project.expansion.contests for id in ids),
        stamps=dict(project.files.seen),
    )


def decided_anew(look: Look, store: Store) -> Look:
    """The same look after decisions alone have come: they are read again, and nothing else."""
    project = look.found.project
    paths = reviews_paths(look)
    stamps = {**look.stamps, **{path: stamp_of(project.files.root / path) for path in paths}}
    return replace(look, book=reviews_of(project), states=states_of(look.found, store), stamps=stamps)


def reviews_paths(look: Look) -> list[str]:
    """Where decisions are kept, and were found of specs that are gone."""
    return [*look.book.paths.values(), *(path for path in look.stamps if path.endswith(".reviews"))]


def _made(found: Survey, store: Store, known: Mapping[Digest, Made]) -> dict[Digest, Made]:
    raws = {
        item.line.raw for item in found.plan.decisions.values() if item.line is not None and item.line.raw
    }
    made = {raw: known[raw] for raw in raws if raw in known}
    new = raws - made.keys()
    if len(new) > FEW:
        for record in store.records.all_records().values():
            if record.step == "generate" and record.blob in new:
                made[record.blob] = Made(record.cost, record.seconds)
        return made
    for raw in new:
        for fields in store.blobs.manifests_of(raw):
            if fields.get("step") == "generate":
                made[raw] = Made(_number(fields.get("cost")), _number(fields.get("seconds")))
    return made


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
