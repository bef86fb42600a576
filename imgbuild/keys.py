"""Which fields a target's intent and its steps' keys are taken over.

An intent knows what is declared: pins, prompts, parameters, digests of input files, intents of upstream
targets. A key knows what goes in: the seed, and the pixels of every input. Neither knows names, tags, paths,
templates or rules, so that changing those makes nothing again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import msgspec

from imgbuild.adjustments import ask_at, readings
from imgbuild.digest import Manifest, canonical, digest_of, seal
from imgbuild.process.base import Operation
from imgbuild.rules.base import Rule
from imgbuild.types import (
    Ask,
    Bound,
    Digest,
    Format,
    Input,
    Line,
    Pin,
    Recipe,
    Rendered,
    Sheet,
    Target,
    Value,
)
from imgbuild.weights.networks import declared_name

INTENT, GENERATE, IMPORT, PROCESS, ENCODE = "intent/1", "generate/1", "import/1", "process/1", "encode/1"
SHEET, RULES = "sheet/1", "rules/1"
METADATA = 2  # of how files say what is described: raised when equal fields come to other bytes


def pin_fields(pin: Pin) -> dict[str, Value]:
    """The part of a pin that can change bits; what the spec asked for (`declared`) is not.

    Where the adapter looked at the files themselves, nor is the place they came from: a mirror is the same model.
    """
    if pin.weights and pin.takes:
        return {"provider": pin.provider, "weights": pin.weights, "adapter": pin.adapter}
    return {
        "provider": pin.provider,
        "source": pin.source,
        "revision": pin.revision,
        "weights": pin.weights,
        "adapter": pin.adapter,
    }


class Way(NamedTuple):
    """How an image is asked for. position: of the model in the chain, 0 for the target's own.

    adjusted: labels of the adjustments that the ask went through, in order.
    """

    position: int = 0
    adjusted: tuple[str, ...] = ()


DECLARED = Way()


class Intents:
    """Digests of what targets declare. Parts that many targets share are walked once.

    pins: (home, alias) → pin, for every model that is pinned. files: path → digest of its bytes, and the name of a
    model that operations use → digest of its weights.
    """

    def __init__(self, pins: Mapping[tuple[str, str], Pin], files: Mapping[str, Digest]) -> None:
        self._pins = {name: pin_fields(pin) for name, pin in pins.items()}
        self._files = files
        self._params: dict[int, tuple[Mapping[str, Value], dict[str, Value]]] = {}
        self._finish: dict[int, dict[str, Value] | None] = {}

    def of(
        self, target: Target, upstream: Mapping[str, Digest], way: Way = DECLARED
    ) -> tuple[Digest, Manifest] | None:
        """Intent and manifest of a target, or None while one of its models is unpinned.

        upstream: intents of the targets it needs. way: in which the locked image was asked for. What was adjusted
        counts as it was asked; the fields of a fallback count beside the declared ones. So either sticks until
        something that it depends on changes.
        """
        fields = self._target_fields(target, upstream, DECLARED if way.position else way)
        if fields is None:
            return None
        if way.position:
            taken = self._ask_fields(target, way)
            if taken is None:
                return None
            fields["via"] = taken
        return seal(INTENT, fields)

    def way_of(self, target: Target, upstream: Mapping[str, Digest], line: Line | None) -> Way:
        """In which way the locked image was asked for, as far as it could be asked for so today.

        A fallback that has another alias now, and a rule that another one of its name stands before, are known by
        their intent. A model that is of the chain no more counts as the target's own, and adjustments that no rule
        makes any more as none.
        """
        if line is None or not (line.via or line.adjusted):
            return DECLARED
        ways = list(_ways(target, line))
        if not line.adjusted and len(ways) == 1:
            return ways[0]
        sealed = ((way, self.of(target, upstream, way)) for way in ways)
        return next((way for way, found in sealed if found and found[0] == line.intent), ways[0])

    def fallbacks(self, target: Target) -> list[dict[str, Value] | None]:
        """What each fallback would be asked for; None for one that is not pinned."""
        return [self._ask_fields(target, Way(place)) for place in range(1, len(target.asks))]

    def _target_fields(
        self, target: Target, upstream: Mapping[str, Digest], way: Way
    ) -> dict[str, Value] | None:
        finishing = self._finishing(target.recipe)
        if finishing is None:
            return None
        fields = dict(finishing)
        if target.recipe.model is not None:
            asked = self._ask_fields(target, way)
            if asked is None:
                return None
            fields.update(asked)
        if target.inputs:
            fields["inputs"] = self._input_fields(target, upstream)
        if target.recipe.sheet is not None:
            fields["sheet"] = _sheet_of(target, target.recipe.sheet)
        return fields

    def _are_pinned(self, recipe: Recipe) -> bool:
        """Whether the weights are known of all models that its operations name."""
        return all(declared_name(name) in self._pins for step in recipe.operations for name in step.models())

    def _ask_fields(self, target: Target, way: Way) -> dict[str, Value] | None:
        bound = bound_at(target, way.position)
        pin = self._pins.get((bound.home, bound.alias))
        if pin is None:
            return None
        ask = ask_at(target, *way)
        params = canonical(ask.params) if way.adjusted else self._canonical_params(ask.params)
        return ask_fields(ask, pin, params)

    def _canonical_params(self, params: Mapping[str, Value]) -> dict[str, Value]:
        known = self._params.get(id(params))
        if known is None:  # the mapping is kept beside its copy, so that its id can't be used again
            known = self._params[id(params)] = (params, canonical(params))
        return known[1]

    def _finishing(self, recipe: Recipe) -> dict[str, Value] | None:
        """None while a model that its operations name is unpinned."""
        if id(recipe) not in self._finish:
            pinned = self._are_pinned(recipe)
            self._finish[id(recipe)] = finish_fields(recipe, self._files.get) if pinned else None
        return self._finish[id(recipe)]

    def _input_fields(self, target: Target, upstream: Mapping[str, Digest]) -> dict[str, list[Value]]:
        inputs: dict[str, list[Value]] = {}
        for item in target.inputs:
            made = (
                ["target", upstream[item.target]] if item.target else ["file", self._files.get(item.file, "")]
            )
            inputs.setdefault(item.role, []).append([*made, item.name] if item.name else made)
        return inputs


def _sheet_of(target: Target, sheet: Sheet) -> dict[str, Value]:
    """What an intent knows of a sheet, beside its pictures; the map has the sheet's own name in it."""
    fields = sheet_fields(sheet)
    return {**fields, "map": PurePosixPath(target.output).name} if sheet.map else fields


def _ways(target: Target, line: Line) -> Iterator[Way]:
    """Those in which the image of a line may have been asked for, the likeliest first."""
    aliases = [bound.alias for bound in target.recipe.fallbacks]
    known = line.via in aliases
    positions = [aliases.index(line.via) + 1] if known else [0, *range(1, len(aliases) + 1)]
    asked = list(dict.fromkeys([*readings(target.recipe, line.adjusted), ()]))
    for position in positions if line.via else [0]:
        for adjusted in asked:
            yield Way(position, adjusted)


def bound_at(target: Target, position: int) -> Bound:
    """The target's own model at 0, then its fallbacks. Only for targets that are generated."""
    recipe = target.recipe
    if position:
        return recipe.fallbacks[position - 1]
    assert recipe.model is not None
    return recipe.model


def published_at(target: Target, image: Digest, files: Mapping[str, Digest]) -> list[tuple[str, Digest]]:
    """What is published for a target, path by path. files: of the renditions and texts, by their names."""
    if not target.files:  # as most have none
        return [(target.output, image)]
    further = zip(target.recipe.file_names, target.files, strict=True)
    return [(target.output, image), *((path, files.get(name, "")) for name, path in further)]


def placed_at(
    target: Target, image: Digest, files: Mapping[str, Digest], pixels: Digest
) -> list[tuple[str, Digest]]:
    """What is published for a target, and the image once more where it won with these pixels."""
    published = published_at(target, image, files)
    if target.won is None or target.won.pixels != pixels:
        return published
    return [*published, (target.won.output, image)]


def inputs_for(target: Target, position: int) -> list[Input]:
    """The inputs that go to the model at that place in the chain: those of the roles that it takes."""
    takes = bound_at(target, position).capabilities.takes
    return [item for item in target.inputs if item.role in takes]


def ask_fields(ask: Ask, pin: Mapping[str, Value], params: Mapping[str, Value]) -> dict[str, Value]:
    return {
        "model": pin,
        "prompt": ask.prompt,
        "negative": ask.negative,
        "width": ask.width,
        "height": ask.height,
        "params": params,
    }


_DRAWN = ("columns", "cell", "gap", "margin", "background", "labels")  # of a sheet, what changes its pixels

FindDigest = Callable[[str], Digest | None]  # of a file by its path, or of weights by their model's name


def operation_fields(operation: Operation, digest: FindDigest | None = None) -> dict[str, Value]:
    """digest: to be given for operations that read files or name models."""
    fields = {"name": operation.name, "version": operation.version, **_declared(operation, digest)}
    if paths := operation.files():
        assert digest is not None
        fields["files"] = [digest(path) or "" for path in paths]
    return fields


def finish_fields(recipe: Recipe, digest: FindDigest | None = None) -> dict[str, Value]:
    """What comes after generation, as manifests have it. digest: as for `operation_fields`."""
    fields: dict[str, Value] = _finish_of(recipe, digest)
    if recipe.renditions:
        fields["renditions"] = {item.name: _finish_of(item, digest) for item in recipe.renditions}
    if recipe.metadata.level != "none" or recipe.metadata.sidecar:
        stated = msgspec.to_builtins(recipe.metadata)
        fields["metadata"] = {name: value for name, value in stated.items() if value}
    return fields


def _finish_of(item: Recipe | Rendered, digest: FindDigest | None) -> dict[str, Value]:
    process = [operation_fields(operation, digest) for operation in item.process]
    return {"process": process, "format": format_fields(item.format)}


def _declared(step: Operation | Rule, digest: FindDigest | None) -> dict[str, Value]:
    """The parameters; in place of each model its weights, whatever the spec calls them."""
    fields: dict[str, Value] = msgspec.to_builtins(step)
    if step.added:
        fields = _without(fields, step.added)
    for name in step.model_fields:
        if fields.get(name) is not None:
            assert digest is not None
            fields[name] = digest(fields[name]) or ""
    return fields


def _without(value: Any, added: Collection[str]) -> Any:
    """The same without those of these names, in mappings at any depth, that are None."""
    if isinstance(value, dict):
        return {
            name: _without(part, added)
            for name, part in value.items()
            if part is not None or name not in added
        }
    return [_without(part, added) for part in value] if isinstance(value, list) else value


def format_fields(format: Format) -> dict[str, Value]:
    return {
        name: getattr(format, name) for name in format.__struct_fields__ if getattr(format, name) is not None
    }


def generate_key(
    ask: Ask, pin: Pin, seed: int, inputs: Mapping[str, Sequence[Digest]]
) -> tuple[Digest, Manifest]:
    """The key of a generate step. inputs: for each role, the pixel digests of its pictures."""
    fields = ask_fields(ask, pin_fields(pin), canonical(ask.params))
    return seal(GENERATE, {**fields, "seed": seed, "inputs": inputs})


def import_key(file: Digest) -> tuple[Digest, Manifest]:
    """The key of the step that takes an existing picture in, by the digest of its file."""
    return seal(IMPORT, {"file": file})


def sheet_fields(sheet: Sheet) -> dict[str, Value]:
    """How a sheet is drawn, without what is on it."""
    return {name: getattr(sheet, name) for name in _DRAWN}


def sheet_key(sheet: Sheet, pictures: Sequence[tuple[str, Digest]]) -> tuple[Digest, Manifest]:
    """The key of the step that draws a sheet. pictures: in order, their names and the digests of their pixels."""
    shown = [[name, pixels] if sheet.labels else [pixels] for name, pixels in pictures]
    return seal(SHEET, {**sheet_fields(sheet), "pictures": shown})


def process_key(
    operation: Operation, pixels: Digest, digest: FindDigest | None = None
) -> tuple[Digest, Manifest]:
    return seal(PROCESS, {"operation": operation_fields(operation, digest), "pixels": pixels})


def encode_key(
    format: Format, pixels: Digest, described: Mapping[str, Value] | None = None
) -> tuple[Digest, Manifest]:
    """described: what the file says of itself, if anything."""
    fields: dict[str, Value] = {"format": format_fields(format), "pixels": pixels}
    return seal(ENCODE, {**fields, "metadata": described, "written": METADATA} if described else fields)


def rule_reference(rule: Rule, digest: FindDigest) -> Digest:
    """What a measurement depends on beside image, rule and version: parameters, reference files and weights."""
    references = {path: digest(path) or "" for path in rule.files()}
    weights = [digest(name) or "" for name in rule.models()]
    if not references and not weights and not rule.measured_by():
        return ""
    fields: dict[str, Value] = {"by": canonical(rule.measured_by()), "files": references}
    return digest_of("measure/1", {**fields, "weights": weights} if weights else fields)


def rules_of(target: Target) -> tuple[Rule, ...]:
    """The rules of a target, as they are measured on its picture: they may look at what it was asked for with."""
    prompt = target.asks[0].prompt if target.asks else ""
    return tuple([rule.about(prompt) for rule in target.recipe.rules])


def seal_rules(rules: Sequence[Rule], attempts: int, digest: FindDigest) -> tuple[Digest, Manifest]:
    """What a remembered outcome holds for, beside the intent and the image: the rules and the attempts."""
    declared = [
        {
            "name": rule.name,
            "version": rule.version,
            "reference files": rule_reference(rule, digest),
            **_declared(rule, digest),
        }
        for rule in rules
    ]
    return seal(RULES, {"rules": declared, "attempts": attempts})
