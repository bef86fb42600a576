"""What comes after generation, as an asset declares it: operations, rules and the published format."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from imgbuild.errors import SpecError, did_you_mean
from imgbuild.expand.context import Context
from imgbuild.process import OPERATIONS
from imgbuild.registry import Registry
from imgbuild.rules import RULES
from imgbuild.spec.declared import Declared
from imgbuild.types import Asset, Format, Value, Where

_SUFFIX = re.compile(r"\.[A-Za-z]{2,5}$")
_OPTIONS = {
    "png": {"compress_level"},
    "jpeg": {"quality"},
    "webp": {"quality", "lossless"},
    "avif": {"quality"},
    "tiff": set[str](),
}


def operations(declared: Declared[Asset]) -> tuple[Any, ...]:
    """The asset's operations, ready to use. Raises SpecError."""
    items = enumerate(declared.value.process)
    return tuple(_build(OPERATIONS, item, declared, ("process", index)) for index, item in items)


def rules(context: Context, declared: Declared[Asset]) -> tuple[Any, ...]:
    """The asset's rules, ready to use, unless the profile switches them off. Raises SpecError."""
    profile = context.settings.profile
    items = enumerate(declared.value.validate)
    built = tuple(_build(RULES, item, declared, ("validate", index)) for index, item in items)
    placed = tuple(
        rule.placed(_Locating(context, declared.where("validate", index))) for index, rule in enumerate(built)
    )
    return () if profile is not None and profile.validate is False else placed


class _Locating:
    """Paths of reference images, as a rule at `where` writes them, from the project's root; they must exist."""

    def __init__(self, context: Context, where: Where) -> None:
        self.context, self.where = context, where

    def __call__(self, path: str) -> str:
        located = self.context.files.locate(path, self.context.folder(self.where), self.where)
        if self.context.files.stamp(located) is None:
            raise SpecError(
                f"reference image '{path}' does not exist",
                where=self.where,
                hint=f"it was looked for at {located}",
            )
        return located


def _build(
    registry: Registry[Any], item: Value, declared: Declared[Asset], path: tuple[str | int, ...]
) -> Any:
    name, params = (item, None) if isinstance(item, str) else next(iter(item.items()))
    where = declared.where(*path) if isinstance(item, str) else declared.where(*path, name, key=True)
    try:
        kind = registry.get(name)
        return msgspec.convert({} if params is None else params, kind)
    except SpecError as error:
        raise SpecError(error.message, where=where, hint=error.hint) from error
    except (msgspec.ValidationError, ValueError) as error:
        raise _unfit(registry.kind, name, str(error), declared, path, where, kind) from error


def _unfit(
    kind: str,
    name: str,
    text: str,
    declared: Declared[Asset],
    path: tuple[str | int, ...],
    where: Where,
    cls: Any,
) -> SpecError:
    """What msgspec, or the class itself, says of the parameters, at the place of the parameter it names."""
    text, _, inside = text.partition(" - at `$")
    fields = [field.encode_name for field in msgspec.structs.fields(cls)]
    unknown = re.search(r"unknown field `(\w+)`", text)
    if unknown:
        sentence, parameter = f"it has no parameter '{unknown[1]}'", unknown[1]
        hint = did_you_mean(parameter, fields, "parameters")
    else:
        sentence = f"{text[:1].lower()}{text[1:]}"
        parameter = re.split(r"[.\[`]", inside.lstrip("."))[0]
        parameter = parameter or next((field for field in fields if text.startswith(f"{field} ")), "")
        hint = f"parameters of '{name}': {', '.join(fields)}"
    if parameter:
        where = declared.where(*path, name, parameter, key=unknown is not None)
    return SpecError(f"{kind} '{name}': {sentence}", where=where, hint=hint)


def format_of(declared: Declared[Asset], output: str) -> Format:
    """The format that the asset names, else that of its output's suffix, else PNG. Raises SpecError."""
    named = declared.value.format
    suffix = suffix_type(declared, output)
    if named is None:
        return Format(type=suffix) if suffix else Format()  # type: ignore[arg-type]
    format = msgspec.convert({"type": named}, Format) if isinstance(named, str) else named
    if not isinstance(named, str) and suffix and "type" not in _written(declared):
        format = msgspec.structs.replace(format, type=suffix)
    if suffix and suffix != format.type:
        raise SpecError(
            f"the format is {format.type}, and the output's name says {suffix}",
            where=declared.where("output"),
            hint=f"end the name in '.{extension(format)}', or leave the format out",
        )
    _check_options(declared, format)
    return format


def _written(declared: Declared[Asset]) -> tuple[str, ...]:
    """The keys of `format` that the spec writes; an absent one can't be told from its default otherwise."""
    value: Any = declared.document.data
    for step in (*declared.path, "format"):
        value = value[step]
    return tuple(value) if isinstance(value, dict) else ()


def suffix_type(declared: Declared[Asset], output: str) -> str:
    """The type that the fixed end of an output template names; empty where it names none."""
    found = _SUFFIX.search(output)
    if found is None:
        return ""
    from imgbuild.images import SUFFIXES

    if found[0].lower() not in SUFFIXES:
        raise SpecError(
            f"'{found[0]}' is no type that images are published in",
            where=declared.where("output"),
            hint=f"types: {', '.join(SUFFIXES)}",
        )
    return SUFFIXES[found[0].lower()]


def extension(format: Format) -> str:
    """The suffix of new names of that type, without dot."""
    from imgbuild.images import EXTENSIONS

    return EXTENSIONS[format.type]


def _check_options(declared: Declared[Asset], format: Format) -> None:
    for option in ("quality", "lossless", "compress_level"):
        if getattr(format, option) is not None and option not in _OPTIONS[format.type]:
            known = ", ".join(sorted(_OPTIONS[format.type])) or "none"
            raise SpecError(
                f"format {format.type} has no '{option}'",
                where=declared.where("format", option, key=True),
                hint=f"options of {format.type}: {known}",
            )
