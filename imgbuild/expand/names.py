"""Output names: rendered or made from labels, and fit for every file system."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from hashlib import sha256
from typing import Any

from imgbuild.errors import SpecError
from imgbuild.expand.cell import Cell
from imgbuild.expand.finish import extension
from imgbuild.templates.template import Template, narrow
from imgbuild.templates.values import nfc
from imgbuild.types import Format, Where

MAX_COMPONENT = 200  # bytes: file systems take 255, and temporary names need some
BUILT_IN = ("asset", "ext", "index", "model", "spec")

_RESERVED = r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]|\.git|\.imgbuild|\.\.?)"
_PLAIN = re.compile(
    rf"(?:(?!{_RESERVED}(?:[./]|$))[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*(?:/(?!$)|$))+",
    re.ASCII | re.IGNORECASE,
)
_TAKEN = re.compile(rf"{_RESERVED}(?:\..*)?", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
_OUTSIDE = re.compile(r"[^\w.-]+")


class Naming:
    """The output paths of one asset. template: None for default names, `<asset>/<cell>_<index>.<type>`.

    several: whether the asset has several models, so that default names need their alias.
    """

    def __init__(
        self, spec: str, asset: str, template: Template | None, format: Format, where: Where, several: bool
    ) -> None:
        self.where = where
        self.template = template
        self.ext = extension(format)
        self._fixed = {"spec": spec, "asset": asset, "ext": self.ext}
        self._several = several
        self._format, self._suffixes = format, _suffixes(format)
        self._slugs: dict[str, str] = {}

    def names(self, cell: Cell, alias: str, count: int) -> list[str]:
        """The paths for the indexes 0 … count - 1. Raises SpecError for what is no path inside the folder."""
        if self.template is None:
            names = [self._default(cell, alias, index) for index in range(count)]
        else:
            bindings = {**cell.bindings, **self._fixed, "model": alias}
            names = [self._rendered(self.template, bindings, index) for index in range(count)]
        for name in names:
            check_path(name, self.where)
        return names

    def _rendered(self, template: Template, bindings: dict[str, Any], index: int) -> str:
        bindings["index"] = index
        name = template.render(bindings)
        return name if name.endswith(self._suffixes) else with_suffix(name, self._format, self.where)

    def _default(self, cell: Cell, alias: str, index: int) -> str:
        labels = [self._slug(label) for _, label in cell.pairs]
        if self._several:
            labels.append(self._slug(alias))
        stem = "_".join([*labels, str(index)])
        return f"{self._slug(self._fixed['asset'])}/{shorten(stem, f'.{self.ext}')}"

    def _slug(self, label: str) -> str:
        known = self._slugs.get(label)
        if known is None:
            known = self._slugs[label] = slug(label)
        return known


def _suffixes(format: Format) -> tuple[str, ...]:
    from imgbuild.images import SUFFIXES

    return tuple(suffix for suffix, kind in SUFFIXES.items() if kind == format.type)


def with_suffix(name: str, format: Format, where: Where) -> str:
    """The name, ending as the format does. Raises SpecError where it ends as another one does."""
    from imgbuild.images import SUFFIXES

    dot = name.rfind(".")
    suffix = name[dot:].lower() if dot > name.rfind("/") else ""
    if suffix in _suffixes(format):
        return name
    if suffix in SUFFIXES:
        raise SpecError(
            f"'{name}' does not end in '.{extension(format)}', the type it is published in",
            where=where,
            hint="set 'format', or leave the suffix out of the value",
        )
    return f"{name}.{extension(format)}"


def slug(label: str) -> str:
    """The label as part of a file name: letters, digits, '_', '.' and '-'; others as '-'."""
    return _OUTSIDE.sub("-", nfc(label)).strip("-.") or sha256(label.encode()).hexdigest()[:8]


def shorten(stem: str, suffix: str) -> str:
    """The name, cut to MAX_COMPONENT bytes; what was cut is told apart by a digest."""
    if len((stem + suffix).encode()) <= MAX_COMPONENT:
        return stem + suffix
    digest = sha256(stem.encode()).hexdigest()[:8]
    room = MAX_COMPONENT - len(suffix) - len(digest) - 1
    return f"{stem.encode()[:room].decode(errors='ignore').rstrip('-.')}-{digest}{suffix}"


def check_path(name: str, where: Where) -> None:
    """The same, sooner for a name that is plain."""
    if len(name) > MAX_COMPONENT or not _PLAIN.fullmatch(name):
        check_name(name, where)


def check_name(name: str, where: Where) -> None:
    """Raise SpecError for a name that leaves the output folder, or that some file system does not take."""
    for place, part in enumerate(name.split("/")):
        wrong = "it begins with '/'" if not part and not place and name else _wrong(part)
        if wrong:
            shown = name if len(name) <= MAX_COMPONENT else f"{name[:40]}…"
            raise SpecError(
                f"'{shown}' can't be an output: {wrong}",
                where=where,
                hint="write a path of names that every system takes; is a value to blame, use another in its place",
            )


def _wrong(part: str) -> str:
    """Why this can't be the name of a file or folder; empty where it can."""
    if part == "..":
        return "it leads out of its folder"
    if part in ("", "."):
        return f"'{part}' is no name" if part else "a name is empty"
    found = _FORBIDDEN.search(part)
    if found:
        return f"it holds {found[0]!r}"
    if _TAKEN.fullmatch(part):
        return f"the name '{part}' is reserved"
    if part[0] == " " or part[-1] in " .":
        return f"'{part}' begins or ends with a space or a dot"
    size = len(part.encode())
    return f"a name has {size} bytes, more than {MAX_COMPONENT}" if size > MAX_COMPONENT else ""


def check_unambiguous(
    template: Template, variables: Collection[str], owner: str, built_in: Sequence[str] = BUILT_IN
) -> None:
    """Raise SpecError for the first name that the template uses and that is both a variable and built in."""
    both = next((name for name in built_in if name in template.names and name in variables), "")
    if both:
        raise SpecError(
            f"'{both}' is a variable of {owner}, and in names also what imgbuild gives",
            where=narrow(template.where, both),
            hint="rename the variable, or reach a column through its axis: {{ product.model }}",
        )
