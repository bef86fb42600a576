"""What comes after generation, as an asset declares it: operations, rules and the published format."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from imgbuild.errors import Misdeclared, SpecError, did_you_mean
from imgbuild.expand.adjusting import Adjusting
from imgbuild.expand.asked import Wish
from imgbuild.expand.context import Context
from imgbuild.expand.models import bind_weights
from imgbuild.process import OPERATIONS
from imgbuild.providers import PROVIDERS
from imgbuild.registry import Registry
from imgbuild.rules import RULES
from imgbuild.rules.base import Rule
from imgbuild.spec.declared import Declared, Spec
from imgbuild.types import Asset, Bound, Format, Metadata, Value, Where
from imgbuild.weights.networks import declared_name, name_of

_SUFFIX = re.compile(r"\.[A-Za-z]{2,5}$")
_OPTIONS = {
    "png": {"compress_level"},
    "jpeg": {"quality"},
    "webp": {"quality", "lossless"},
    "avif": {"quality"},
    "tiff": set[str](),
    "ico": {"sizes"},
}


def operations(
    context: Context, spec: Spec, declared: Declared[Asset], items: Sequence[Value], *path: str | int
) -> tuple[Any, ...]:
    """The operations that an asset has at `path`, ready to use. Raises SpecError."""
    entries = [_Entry(item, declared, (*path, index)) for index, item in enumerate(items)]
    return tuple(_placed(context, spec, OPERATIONS, entry) for entry in entries)


class _Entry(NamedTuple):
    """An operation or rule as it is written. declared: the asset or set of rules that has it, at `path`."""

    item: Value
    declared: Declared[Any]
    path: tuple[str | int, ...]


def rules(context: Context, spec: Spec, declared: Declared[Asset]) -> tuple[Any, ...]:
    """The asset's rules, those of its sets among them, unless the profile switches them off. Raises SpecError."""
    profile = context.settings.profile
    built = tuple(_placed(context, spec, RULES, entry) for entry in _entries(spec, declared))
    return () if profile is not None and profile.validate is False else built


def rules_of_sets(context: Context, spec: Spec, names: Sequence[str]) -> tuple[Any, ...]:
    """The rules of sets, ready to use, each set once. Raises SpecError."""
    told: set[str] = set()
    entries = [entry for name in names for entry in _of_set(spec, name, told)]
    return tuple(_placed(context, spec, RULES, entry) for entry in entries)


def _placed(context: Context, spec: Spec, registry: Registry[Any], entry: _Entry) -> Any:
    step = _build(registry, *_signed(registry, entry)).placed(_Locating(context, entry))
    names = {}
    for field in step.model_fields:
        if (alias := getattr(step, field)) is not None:
            where = entry.declared.where(*entry.path, step.name, field)
            bound = bind_weights(context, spec, alias, where)
            if labels := PROVIDERS.get(bound.model.provider).labels:
                _check_service(entry, step, labels, field)
            names[field] = name_of(bound.home, bound.alias)
    if registry is RULES and step.adjust is not UNSET and step.on_fail != "reroll":
        raise SpecError(
            f"rule '{step.name}' adjusts the next attempt, and asks for none",
            where=entry.declared.where(*entry.path, step.name, "adjust", key=True),
            hint="give it 'on_fail: reroll', or leave 'adjust' out",
        )
    return msgspec.structs.replace(step, **names) if names else step


def _check_service(entry: _Entry, step: Any, labels: Sequence[str], field: str) -> None:
    """Raise SpecError where a service, which tells pictures by these labels, is no use to the step that names it."""
    at = (*entry.path, step.name)
    if not isinstance(step, Rule):
        message = f"operation '{step.name}' works with weights, and a service has none"
        hint = "name a model of provider 'weights'"
        raise SpecError(message, where=entry.declared.where(*at, field), hint=hint)
    try:
        step.check_service(labels)
    except Misdeclared as error:
        where = entry.declared.where(*at, *(error.path or (field,)))
        raise SpecError(error.message, where=where, hint=error.hint) from error


def _signed(registry: Registry[Any], entry: _Entry) -> _Entry:
    """The entry of a rule with the signs of what it adjusts, which YAML takes off numbers: +1 as "+1"."""
    adjust = _adjust_of(entry) if registry is RULES else {}
    if not adjust:
        return entry
    (name, params), document = next(iter(entry.item.items())), entry.declared.document
    at = (*entry.declared.path, *entry.path, name, "adjust")
    signed = {
        key: f"{value:+}" if document.written((*at, key))[:1] in ("+", "-") and _is_number(value) else value
        for key, value in adjust.items()
    }
    return entry._replace(item={name: {**params, "adjust": signed}})


def _adjust_of(entry: _Entry) -> Mapping[str, Value]:
    params = next(iter(entry.item.values())) if isinstance(entry.item, dict) else None
    adjust = params.get("adjust") if isinstance(params, dict) else None
    return adjust if isinstance(adjust, dict) else {}


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def read_adjusting(spec: Spec, declared: Declared[Asset], checks: Sequence[Any]) -> tuple[Adjusting, ...]:
    """What the asset's rules adjust, each thing at its place. checks: these rules. Raises SpecError."""
    found: list[Adjusting] = []
    for place, (rule, entry) in enumerate(zip(checks, _entries(spec, declared), strict=False)):
        if rule.adjust is not UNSET:
            number = 1 + sum(1 for other in found if other.label.partition("#")[0] == rule.name)
            where = partial(entry.declared.where, *entry.path, rule.name, "adjust")
            wishes = {
                name: Wish(value=value, where=where(name), name=where(name, key=True))
                for name, value in rule.adjust.items()
            }
            label = rule.name if number == 1 else f"{rule.name}#{number}"
            found.append(Adjusting(label=label, place=place, where=where(key=True), wishes=wishes))
    return tuple(found)


def weights_of(context: Context, steps: Iterable[Any]) -> tuple[Bound, ...]:
    """The models that operations and rules name, each once. steps: as they come from here."""
    names = dict.fromkeys(name for step in steps for name in step.models())
    return tuple(context.bounds[declared_name(name)] for name in names)


def _entries(spec: Spec, declared: Declared[Asset]) -> Iterator[_Entry]:
    """What `validate` names, with the rules of a set in its place."""
    told: set[str] = set()
    for index, item in enumerate(declared.value.validate):
        if isinstance(item, str) and item in spec.rules:
            yield from _of_set(spec, item, told)
        else:
            yield _Entry(item, declared, ("validate", index))


def _of_set(spec: Spec, name: str, told: set[str]) -> Iterator[_Entry]:
    """The rules of a set, and of those that it names. told: sets whose rules came before, and don't come again."""
    todo = [(name, 0)]  # each with the place in it that is next; no recursion, however deep sets nest
    while todo:
        name, at = todo.pop()
        if at == 0 and name in told:
            continue
        told.add(name)
        known = spec.rules[name]
        if at == len(known.value):
            continue
        todo.append((name, at + 1))
        item = known.value[at]
        if isinstance(item, str) and item in spec.rules:
            todo.append((item, 0))
        else:
            yield _Entry(item, known, (at,))


class _Locating:
    """Paths of files, as an operation or rule writes them, from the project's root; they must exist."""

    def __init__(self, context: Context, entry: _Entry) -> None:
        self.context, self.entry = context, entry

    def __call__(self, path: str) -> str:
        where = self.entry.declared.where(*self.entry.path, *self._steps(path))
        located = self.context.files.locate(path, self.context.folder(where), where)
        if self.context.files.stamp(located) is None:
            raise SpecError(
                f"file '{path}' does not exist",
                where=where,
                hint=f"it was looked for at {located}",
            )
        return located

    def _steps(self, path: str) -> tuple[str | int, ...]:
        """The rule and the first place among its parameters that names this path."""
        item = self.entry.item
        if not isinstance(item, dict):
            return ()
        name, params = next(iter(item.items()))
        return (name, *(_find(path, params) or ()))


def _find(wanted: str, value: Value) -> tuple[str | int, ...] | None:
    """Where a text stands in plain data, which specs nest only so deep: the first place; None where it does not."""
    if value == wanted:
        return ()
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = ((step, _find(wanted, item)) for step, item in inner)
    return next(((step, *rest) for step, rest in found if rest is not None), None)


def _build(registry: Registry[Any], item: Value, declared: Declared[Any], path: tuple[str | int, ...]) -> Any:
    name, params = (item, None) if isinstance(item, str) else next(iter(item.items()))
    where = declared.where(*path) if isinstance(item, str) else declared.where(*path, name, key=True)
    try:
        kind = registry.get(name)
        return msgspec.convert({} if params is None else params, kind)
    except SpecError as error:
        raise SpecError(error.message, where=where, hint=error.hint) from error
    except (msgspec.ValidationError, ValueError) as error:
        raise _Unfit(registry.kind, name, params, kind).error(
            str(error), declared, (*path, name), where
        ) from error


class _Unfit(NamedTuple):
    """An operation or rule that can't be built as it is written. params: None where only its name stands there."""

    kind: str
    name: str
    params: Any
    cls: Any

    def error(
        self, text: str, declared: Declared[Any], path: tuple[str | int, ...], where: Where
    ) -> SpecError:
        """What msgspec, or the class itself, says of the parameters, at the place of the parameter it speaks of."""
        text, _, inside = text.partition(" - at `$")
        unknown = re.search(r"unknown field `(\w+)`", text)
        if unknown:
            message = f"{self.kind} '{self.name}' has no parameter '{unknown[1]}'"
            hint = did_you_mean(unknown[1], self.fields, "parameters")
            return SpecError(message, where=declared.where(*path, unknown[1], key=True), hint=hint)
        parameter = self.about(text, inside)
        if parameter:
            where = declared.where(*path, parameter)
        return SpecError(self.sentence(text), where=where, hint=self.hint())

    @property
    def fields(self) -> list[str]:
        return [field.encode_name for field in msgspec.structs.fields(self.cls)]

    def about(self, text: str, inside: str) -> str:
        """The parameter that the text speaks of; empty where it is none, or not one."""
        named = re.split(r"[.\[`]", inside.lstrip("."))[0]
        given = self.params if isinstance(self.params, dict) else {}
        begins = (name for name in given if text.startswith(f"{name} "))
        held = (name for name, value in given.items() if text.startswith(f"'{value}' "))
        return named or next(begins, "") or next(held, "")

    def sentence(self, text: str) -> str:
        required = re.search(r"missing required field `(\w+)`", text)
        if required:
            return f"{self.kind} '{self.name}' needs '{required[1]}'"
        if text.startswith(f"{self.name} "):
            return f"{self.kind} '{self.name}'{text.removeprefix(self.name)}"
        return f"{self.kind} '{self.name}': {text[:1].lower()}{text[1:]}"

    def hint(self) -> str:
        listed = f"parameters of '{self.name}': {', '.join(self.fields)}"
        if self.params is not None:
            return listed
        own = [name for name in self.fields if name not in ("on_fail", "adjust")]
        return f"write it as '{self.name}: {{{own[0]}: …}}'; {listed}" if own else listed


def format_of(declared: Declared[Asset], named: str | Format | None, output: str, *path: str | int) -> Format:
    """The format that stands at `path` of the asset, else that of its output's suffix, else PNG. Raises SpecError.

    path: to a mapping with `format` and `output`, or right to the format where it has a number in a list.
    """
    at = path if path and isinstance(path[-1], int) else (*path, "format")
    beside = path if at is not path else path[:-2]
    suffix = suffix_type(output, declared.where(*beside, "output") if output else declared.where())
    if named is None:
        return Format(type=suffix) if suffix else Format()  # type: ignore[arg-type]
    format = msgspec.convert({"type": named}, Format) if isinstance(named, str) else named
    if not isinstance(named, str) and suffix and "type" not in _written(declared, at):
        format = msgspec.structs.replace(format, type=suffix)
    if suffix and suffix != format.type:
        raise SpecError(
            f"the format is {format.type}, and the output's name says {suffix}",
            where=declared.where(*beside, "output"),
            hint=f"end the name in '.{extension(format)}', or leave the format out",
        )
    _check_options(declared, format, at)
    return format


def metadata_of(context: Context, declared: Declared[Asset]) -> Metadata:
    """What the asset's images say of themselves: what it states goes before what the project does."""
    written = declared.value.metadata
    own = msgspec.convert({"level": written}, Metadata) if isinstance(written, str) else written or Metadata()
    project = context.settings.metadata
    fields = {name: getattr(own, name) or getattr(project, name) for name in Metadata.__struct_fields__}
    if own.sidecar is not None:
        fields["sidecar"] = own.sidecar
    fields["level"] = fields["level"] or ("minimal" if any(fields.values()) else "none")
    return Metadata(**fields)


def _written(declared: Declared[Asset], path: tuple[str | int, ...]) -> tuple[str, ...]:
    """The keys of a format that the spec writes; an absent one can't be told from its default otherwise."""
    value: Any = declared.document.data
    for step in (*declared.path, *path):
        value = value[step]
    return tuple(value) if isinstance(value, dict) else ()


def suffix_type(output: str, where: Where) -> str:
    """The type that the fixed end of an output template names; empty where it names none. Raises SpecError."""
    found = _SUFFIX.search(output)
    if found is None:
        return ""
    from imgbuild.images import SUFFIXES

    if found[0].lower() not in SUFFIXES:
        raise SpecError(
            f"'{found[0]}' is no type that images are published in",
            where=where,
            hint=f"types: {', '.join(SUFFIXES)}",
        )
    return SUFFIXES[found[0].lower()]


def extension(format: Format) -> str:
    """The suffix of new names of that type, without dot."""
    from imgbuild.images import EXTENSIONS

    return EXTENSIONS[format.type]


def _check_options(declared: Declared[Asset], format: Format, path: tuple[str | int, ...]) -> None:
    for option in ("quality", "lossless", "compress_level", "sizes"):
        if getattr(format, option) is not None and option not in _OPTIONS[format.type]:
            known = ", ".join(sorted(_OPTIONS[format.type])) or "none"
            raise SpecError(
                f"format {format.type} has no '{option}'",
                where=declared.where(*path, option, key=True),
                hint=f"options of {format.type}: {known}",
            )
