"""Templates: text with holes, compiled once. Values are data: what they hold is never read as a template.

Most templates have only holes such as `{{ name }}` or `{{ style.label }}`; those are cut into pieces here and
cost a format each. All others are Jinja's, in the sandbox, and Jinja is imported only for them. Both give the
same text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, NoReturn, Protocol

from imgbuild.errors import SpecError, did_you_mean
from imgbuild.templates.values import Group, NoText, nfc, text_of
from imgbuild.types import Where

MAX_SOURCE = 20_000  # characters of a template
MAX_TEXT = 20_000  # characters of what it renders to
MAX_ONCE = 1 << 28  # the same of one that is rendered once, with pictures in it

Bindings = Mapping[str, Any]

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_HOLE = re.compile(rf"\{{\{{\s*({_NAME}(?:\.{_NAME})*)\s*\}}\}}", re.ASCII)
_SYNTAX = re.compile(r"\{\{|\{%|\{#")
_ANY_HOLE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_BREAK = re.compile(r"\r\n?")
_WORDS = frozenset(
    [
        "and",
        "block",
        "break",
        "call",
        "continue",
        "else",
        "extends",
        "false",
        "False",
        "filter",
        "for",
        "from",
        "if",
        "import",
        "in",
        "include",
        "is",
        "loop",
        "macro",
        "none",
        "None",
        "not",
        "or",
        "print",
        "recursive",
        "scoped",
        "self",
        "set",
        "super",
        "true",
        "True",
        "with",
        "without",
    ]
)


class Template(Protocol):
    """names: the variables it uses. literal: its own text, with a space for each hole."""

    where: Where
    names: frozenset[str]
    literal: str

    def render(self, bindings: Bindings) -> str:
        """The text for these values, in NFC. Raises SpecError at the template's place."""
        ...


def compile_template(source: str, where: Where, *, once: bool = False) -> Template:
    """The template of that text. `where` is the place of its scalar. Raises SpecError.

    once: its values are those of one request: what it renders to is not remembered, and may be long.
    """
    if len(source) > MAX_SOURCE:
        raise SpecError(
            f"a template has {len(source)} characters, more than {MAX_SOURCE}",
            where=where,
            hint="put what varies into the matrix, and the rest into the model's parameters",
        )
    if not _SYNTAX.search(source):
        return Plain(source, where)
    pieces = _HOLE.split(source)
    paths = [tuple(path.split(".")) for path in pieces[1::2]]
    if not _is_simple(pieces[::2], paths):
        from imgbuild.templates.sandboxed import Sandboxed

        return Sandboxed(source, where, once=once)
    return Holes(pieces[::2], paths, where, MAX_ONCE if once else MAX_TEXT)


def _is_simple(texts: list[str], paths: list[tuple[str, ...]]) -> bool:
    """Whether the texts between the holes hold no syntax, and the paths no word that means something to Jinja."""
    if any(_SYNTAX.search(text) or text.endswith("{") for text in texts):
        return False
    return not any(_WORDS.intersection(path) for path in paths)


class Plain:
    """A template without holes: it is its text."""

    def __init__(self, source: str, where: Where) -> None:
        self.where = where
        self.names: frozenset[str] = frozenset()
        self.literal = nfc(_BREAK.sub("\n", source))

    def render(self, bindings: Bindings) -> str:
        return self.literal


class Holes:
    """A template whose holes name variables, or keys inside them: texts, and what goes between."""

    def __init__(
        self, texts: list[str], paths: list[tuple[str, ...]], where: Where, most: int = MAX_TEXT
    ) -> None:
        self.most = most
        texts = [_BREAK.sub("\n", text) for text in texts]
        self.where = where
        self.names = frozenset(path[0] for path in paths)
        self.literal = nfc(" ".join(texts))
        self.paths = paths
        self.form = "%s".join(text.replace("%", "%%") for text in texts)
        self.get = _getter(paths)

    def render(self, bindings: Bindings) -> str:
        try:
            values = self.get(bindings)
        except LookupError:
            self.explain(bindings)
        try:
            text = self.form % tuple([v if v.__class__ is str else text_of(v) for v in values])
        except NoText as error:
            raise SpecError(str(error), where=self.where, hint=error.hint) from error
        if len(text) > self.most:
            raise too_long(len(text), self.where, self.most)
        return text if text.isascii() else nfc(text)

    def value(self, bindings: Bindings) -> Any:
        """The value in the first hole itself, for templates that are one hole."""
        try:
            return self.get(bindings)[0]
        except LookupError:
            self.explain(bindings)

    def explain(self, bindings: Bindings) -> NoReturn:
        """Raise the error of the first path that leads nowhere."""
        for path in self.paths:
            value: Any = bindings
            for depth, name in enumerate(path):
                try:
                    value = pick(value, name)
                except KeyError:
                    raise unknown_name(".".join(path[: depth + 1]), value, self.where) from None
        raise AssertionError("every path of the template was found")


def _getter(paths: list[tuple[str, ...]]) -> Callable[[Bindings], tuple[Any, ...]]:
    """What gives the values of the paths, in order; it raises LookupError where there is none."""
    if all(len(path) == 1 for path in paths):
        names = [path[0] for path in paths]
        return itemgetter(*names) if len(names) > 1 else lambda bindings: (bindings[names[0]],)
    return lambda bindings: tuple([_follow(bindings, path) for path in paths])


def _follow(bindings: Bindings, path: tuple[str, ...]) -> Any:
    value: Any = bindings[path[0]]
    for name in path[1:]:
        value = pick(value, name)
    return value


def pick(value: Any, name: str) -> Any:
    """The key of that name, or the label. Nothing else of a Python object can be reached by templates.

    Raises KeyError.
    """
    if isinstance(value, dict) and name in value:
        return value[name]
    if name == "label" and "label" in getattr(value, "__dict__", ()):
        return value.label
    raise KeyError(name)


def unknown_name(path: str, among: Any, where: Where) -> SpecError:
    """The error for a path whose last name is not `among` the values it was looked for in."""
    parent, _, name = path.rpartition(".")
    known = list(among) if isinstance(among, dict) else []
    if not parent:
        return SpecError(
            f"unknown variable '{name}'",
            where=narrow(where, name),
            hint=did_you_mean(name, known, "variables"),
        )
    hint = f"'{parent}' is a single value: write {{{{ {parent} }}}}"
    if isinstance(among, Group):
        hint = did_you_mean(name, [*known, "label"] if among.label else known, f"names in '{parent}'")
    return SpecError(f"'{parent}' has no '{name}'", where=narrow(where, name), hint=hint)


def too_long(length: int, where: Where, most: int = MAX_TEXT) -> SpecError:
    return SpecError(
        f"a template renders to {length} characters, more than {most}",
        where=where,
        hint="shorten the template or the values it holds",
    )


def narrow(where: Where, word: str) -> Where:
    """The place of a word inside the scalar at `where`, first inside a hole; the scalar's if it isn't there."""
    if not word:
        return where
    whole = rf"(?<!\w){re.escape(word)}(?!\w)"
    return spot(where, r"\{[{%](?:(?![}%]\}).)*?(" + whole + ")") or spot(where, f"({whole})") or where


def spot(where: Where, pattern: str) -> Where | None:
    """The place of the first group, or of the whole match, in the scalar at `where`; None where there is none."""
    lines = [" " * (where.column - 1) + where.text[where.column - 1 :], *getattr(where, "below", ())]
    for offset, line in enumerate(lines):
        found = re.search(pattern, line)
        if found:
            group = 1 if found.re.groups else 0
            return Where(
                file=where.file,
                line=where.line + offset,
                column=found.start(group) + 1,
                length=max(1, len(found[group])),
                text=line if offset else where.text,
            )
    return None


def blank(source: str) -> str:
    """The template's text with a space for each of its holes, statements and comments."""
    return _ANY_HOLE.sub(" ", source)
