"""Which targets a command is about: ids, globs, output paths, handles, `tag:`, `model:`, `state:`, `variable=label`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from hashlib import sha256

from msgspec import Struct

from imgbuild.errors import UsageError, did_you_mean
from imgbuild.types import Target

States = Mapping[str, str]  # target id → "failed", "review", "stale", …


class Selection(Struct, frozen=True, kw_only=True):
    """Which targets a command is about; nothing given means all.

    specs: names of specs; patterns: of `--select`; sample: at most so many; shard: number and count.
    """

    specs: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    sample: int | None = None
    shard: tuple[int, int] | None = None

    def is_all(self) -> bool:
        return not self.specs and not self.patterns and self.sample is None and self.shard is None


def choose(targets: Sequence[Target], selection: Selection, states: States, output: str) -> list[Target]:
    """The targets that a selection names, without what they need. Raises UsageError."""
    if selection.specs:
        targets = [target for target in targets if target.recipe.spec in selection.specs]
    if selection.patterns:
        targets = select(targets, selection.patterns, states, output)
    if selection.shard:
        targets = shard(targets, *selection.shard)
    if selection.sample is not None:
        targets = sample(targets, selection.sample)
    return list(targets)


def handle(target_id: str) -> str:
    """A short name of a target that every shell takes as it is: eight characters of its id's SHA-256."""
    return sha256(target_id.encode()).hexdigest()[:8]


def select(targets: Sequence[Target], patterns: Sequence[str], states: States, output: str) -> list[Target]:
    """The targets that match any of the patterns; a pattern with commas matches where all its parts do.

    output: the output folder, so that a path as the shell completes it names its target. Raises UsageError
    for a pattern that matches nothing.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        test = matcher(pattern, states, output)
        found = [target.id for target in targets if test(target)]
        if not found:
            raise no_match(pattern, targets)
        chosen.update(found)
    return [target for target in targets if target.id in chosen]


def matcher(pattern: str, states: States, output: str) -> Callable[[Target], bool]:
    """A test for one pattern. Commas inside brackets belong to an id."""
    parts = [_part(part, states, output) for part in _split(pattern)]
    path = _below(pattern, output)
    return lambda target: path in target.paths or (bool(parts) and all(part(target) for part in parts))


def _below(path: str, output: str) -> str:
    """A path as the shell completes it, from the output folder."""
    return path.removeprefix("./").removeprefix(f"{output.rstrip('/')}/")


def _split(pattern: str) -> list[str]:
    if "[" in pattern:
        return [pattern]
    return [part for part in pattern.split(",") if part]


def _part(part: str, states: States, output: str) -> Callable[[Target], bool]:
    kind, colon, rest = part.partition(":")
    if colon and kind == "tag":
        return lambda target: any(fnmatchcase(tag, rest) for tag in target.recipe.tags)
    if colon and kind == "model":
        return lambda target: target.recipe.model is not None and fnmatchcase(target.recipe.model.alias, rest)
    if colon and kind == "state":
        return lambda target: states.get(target.id) == rest
    if "[" not in part and "=" in part:
        name, _, label = part.partition("=")
        return lambda target: any(var == name and fnmatchcase(text, label) for var, text in target.cell)
    return _by_name(part, output)


def _by_name(part: str, output: str) -> Callable[[Target], bool]:
    path = _below(part, output)

    def named(target: Target) -> bool:
        asset = f"{target.recipe.spec}/{target.recipe.asset}"
        if part in (target.id, target.recipe.asset, asset, target.recipe.spec) or path in target.paths:
            return True
        if len(part) == 8 and part == handle(target.id):
            return True
        return any(_glob(text, part) for text in (target.id, asset, target.recipe.asset)) or _glob(
            target.output, path
        )

    return named


def is_named(id: str, pattern: str) -> bool:
    """Whether a pattern names a target that nothing declares any more, of which only the id is known."""
    whole = re.split(r"[\[@#]", id, maxsplit=1)[0]
    spec, _, asset = whole.rpartition("/")
    return pattern in (id, whole, spec, asset, handle(id)) or any(
        _glob(name, pattern) for name in (id, whole, asset)
    )


def no_match(pattern: str, targets: Sequence[Target]) -> UsageError:
    """What is said where a pattern matches nothing."""
    return UsageError(f"'{pattern}' matches no target", hint=_nearest(pattern, targets))


def _glob(text: str, pattern: str) -> bool:
    """fnmatch with `[` taken as it is, since ids are full of brackets."""
    return ("*" in pattern or "?" in pattern) and fnmatchcase(text, pattern.replace("[", "[[]"))


def _nearest(pattern: str, targets: Sequence[Target]) -> str:
    recipes = {id(target.recipe): target.recipe for target in targets}.values()
    assets = {f"{item.spec}/{item.asset}" if "/" in pattern else item.asset for item in recipes}
    return f"{did_you_mean(pattern, assets, 'assets')}; `imgbuild ls` shows all targets"


def sample(targets: Sequence[Target], count: int) -> list[Target]:
    """A repeatable spread of at most `count` targets: the lowest by hash, taken asset by asset in turn."""
    by_asset: dict[tuple[str, str], list[Target]] = {}
    for target in sorted(targets, key=lambda target: sha256(target.id.encode()).digest()):
        by_asset.setdefault((target.recipe.spec, target.recipe.asset), []).append(target)
    chosen = _in_turn(list(by_asset.values()), count)
    return [target for target in targets if target.id in chosen]


def _in_turn(queues: list[list[Target]], count: int) -> set[str]:
    chosen: set[str] = set()
    depth = 0
    while len(chosen) < count and any(depth < len(queue) for queue in queues):
        for queue in queues:
            if depth < len(queue) and len(chosen) < count:
                chosen.add(queue[depth].id)
        depth += 1
    return chosen


def shard(targets: Iterable[Target], number: int, of: int) -> list[Target]:
    """The targets of shard `number` (from 1): which shard a target is in depends on its id alone."""
    return [target for target in targets if int(handle(target.id), 16) % of == number - 1]
