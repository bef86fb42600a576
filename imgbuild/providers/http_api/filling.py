"""Values of a declaration that take in what one request has: templates, whose faults are told at their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias
from urllib.parse import quote

from imgbuild.errors import Misdeclared, SpecError
from imgbuild.templates.values import NoText, text_of
from imgbuild.templates.varying import Varying, is_varying
from imgbuild.types import Value, Where

Path: TypeAlias = tuple[str | int, ...]
Bindings: TypeAlias = Mapping[str, Any]

PARAMS = "params"  # what templates know the parameters by

_HOLE = re.compile(r"(\{\{.*?\}\})", re.DOTALL)
_OPTIONAL = re.compile(r"\s*\{\{\s*params\.([A-Za-z_]\w*)\s*\}\}\s*")
_PARAM = re.compile(r"""(?<![\w.'"])params\s*(?:\.\s*([A-Za-z_]\w*)|\[\s*['"]([^'"]+)['"]\s*\])?""")


class _LeftOut:
    """What a template comes to that has nothing to give: its key is not sent."""


LEFT_OUT = _LeftOut()


class Leaf:
    """One text with templates. path: within the declaration. names: what it looks for. params: of these, parameters.

    any_params: it takes all parameters as they come.
    """

    def __init__(self, text: str, path: Path) -> None:
        self.text, self.path = text, path
        optional = _OPTIONAL.fullmatch(text)
        self._optional = optional[1] if optional else ""
        with _placed(path):
            self._value = Varying(text, Where(file="", line=1, column=1, text=text), once=True)
        self.names = frozenset(self._value.names)
        found = (
            [one or other for one, other in _PARAM.findall(_holes_of(text))] if PARAMS in self.names else []
        )
        self.params = frozenset(filter(None, found))
        self.any_params = "" in found

    def fill(self, bindings: Bindings) -> Any:
        """The value; LEFT_OUT where it is none, or a parameter by itself that nothing gives. Raises Misdeclared."""
        if self._optional and self._optional not in bindings[PARAMS]:
            return LEFT_OUT
        with _placed(self.path):
            value = self._value.of(bindings)
        return LEFT_OUT if value is None else value


class Filled:
    """A value with templates anywhere inside. What comes to nothing is left out with its key, or from its list.

    A mapping or a list of which nothing is left is left out, too. An empty value that is written so stays.
    """

    def __init__(self, value: Value, path: Path) -> None:
        self.path = path
        self.leaves: list[Leaf] = []
        self._fill = self._compile(value, path)

    def fill(self, bindings: Bindings) -> Any:
        """The plain value, or LEFT_OUT. Raises Misdeclared."""
        return self._fill(bindings)

    def _compile(self, value: Value, path: Path) -> Callable[[Bindings], Any]:
        if isinstance(value, Mapping):
            named = {name: self._compile(item, (*path, name)) for name, item in value.items()}
            return lambda bindings: _rest({name: fill(bindings) for name, fill in named.items()})
        if isinstance(value, list):
            items = [self._compile(item, (*path, at)) for at, item in enumerate(value)]
            return lambda bindings: _rest([fill(bindings) for fill in items])
        if not is_varying(value):
            return lambda bindings: value
        leaf = Leaf(value, path)
        self.leaves.append(leaf)
        return leaf.fill


def _rest(filled: Any) -> Any:
    """What is left of a mapping or a list."""
    if isinstance(filled, dict):
        kept: Any = {name: item for name, item in filled.items() if item is not LEFT_OUT}
    else:
        kept = [item for item in filled if item is not LEFT_OUT]
    return LEFT_OUT if filled and not kept else kept


class FilledAddress:
    """An address with holes. What goes into them is percent-encoded, so that it leads nowhere else."""

    def __init__(self, address: str, path: Path) -> None:
        self.path = path
        self._parts: list[str | Leaf] = []
        for at, piece in enumerate(_HOLE.split(address)):
            if at % 2 == 0 and is_varying(piece):
                raise Misdeclared("an address has no templates but holes", path, hint="write {{ name }}")
            self._parts.append(Leaf(piece, path) if at % 2 else piece)

    @property
    def leaves(self) -> Iterator[Leaf]:
        yield from (part for part in self._parts if isinstance(part, Leaf))

    def fill(self, bindings: Bindings) -> str:
        """Raises Misdeclared."""
        return "".join(
            part if isinstance(part, str) else self._encoded(part, bindings) for part in self._parts
        )

    def _encoded(self, leaf: Leaf, bindings: Bindings) -> str:
        value = leaf.fill(bindings)
        if value is LEFT_OUT or value == "":
            hint = _way_out(next(iter(leaf.params))) if leaf.params else ""
            raise Misdeclared(f"'{leaf.text}' has no value, and the address needs one", self.path, hint=hint)
        with _placed(self.path):
            text = quote(text_of(value), safe="", errors="replace")
        return text.replace(".", "%2E") if text in (".", "..") else text


@contextmanager
def _placed(path: Path) -> Iterator[None]:
    """What goes wrong with a template within is told at its place, with the word that it is about."""
    try:
        yield
    except NoText as error:
        raise Misdeclared(str(error), path, hint=error.hint) from error
    except SpecError as error:
        raise _faulty(error, path) from error


def _faulty(error: SpecError, path: Path) -> Misdeclared:
    where, hint = error.where, error.hint
    if error.message.startswith(f"'{PARAMS}' has no '"):
        hint = _way_out(error.message.split("'")[3])
    word = ""
    if where is not None and (where.column, where.length) != (1, 1):
        word = where.text[where.column - 1 : where.column - 1 + where.length]
    return Misdeclared(error.message, path, word=word, hint=hint)


def _way_out(param: str) -> str:
    return f"give it in the model's 'params', or write {{{{ params.{param} | default('…') }}}}"


def _holes_of(text: str) -> str:
    """What stands in braces."""
    return " ".join(re.findall(r"\{[{%].*?[}%]\}", text, re.DOTALL))
