"""Jinja, kept small: which filters and tests there are, and how much a template may compute.

There are no attributes of Python objects and no globals; operators take numbers, and whatever joins text is
bounded, so that no template can take long or need much memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.runtime import LoopContext, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS as JINJA_TESTS
from jinja2.utils import missing

from imgbuild.templates.template import MAX_TEXT, pick
from imgbuild.templates.values import NumericText, number_of, text_of

MAX_ITEMS = 100  # turns of a loop
MAX_NUMBER = 10**15

FILTERS = [
    "capitalize",
    "default",
    "first",
    "float",
    "int",
    "join",
    "last",
    "length",
    "lower",
    "replace",
    "round",
    "sort",
    "title",
    "trim",
    "truncate",
    "unique",
    "upper",
    "wordcount",
]
TESTS = [
    "boolean",
    "defined",
    "divisibleby",
    "eq",
    "even",
    "false",
    "float",
    "ge",
    "gt",
    "in",
    "integer",
    "le",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "string",
    "true",
    "undefined",
    "upper",
]
LOOP = ("first", "index", "index0", "last", "length")


class Refusal(Exception):
    """A template asks for what templates can't do."""


class UnknownName(Exception):
    """A template uses a name that has no value. among: the values it was looked for in."""

    def __init__(self, name: str, among: Any) -> None:
        super().__init__(name)
        self.name = name
        self.among = among


class Unbound(StrictUndefined):
    """What a name without value gives: any use but `default` and `is defined` raises UnknownName."""

    def __init__(self, hint: Any = None, obj: Any = missing, name: Any = None, exc: Any = None) -> None:
        raises: Any = partial(_unknown, name, obj)  # Jinja calls it as it would a class
        super().__init__(hint, obj, name, raises)


def _unknown(name: str | None, obj: Any, message: str | None = None) -> Exception:
    return (
        UnknownName(str(name), obj) if name is not None else Refusal(message or "an empty list has no items")
    )


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of all templates. Attributes and items are keys of mappings, or items of lists and text."""

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%"))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        return operate(operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        _require(obj)
        if isinstance(obj, LoopContext) and attribute in LOOP:
            return getattr(obj, attribute)
        try:
            return pick(obj, attribute)
        except KeyError:
            return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, str | list | tuple) and isinstance(argument, int | slice):
            try:
                return obj[argument]
            except IndexError:
                return self.undefined(obj=obj, name=str(argument))
        return self.getattr(obj, text_of(argument))

    def is_safe_callable(self, obj: Any) -> bool:
        return False


def _require(value: Any) -> None:
    """Raise UnknownName for what a name without value gave."""
    if isinstance(value, Unbound):
        value._fail_with_undefined_error()


def operate(operator: str, left: Any, right: Any) -> Any:
    """The operation on two numbers, or `+` of two texts. Raises Refusal for all others and for what is too large."""
    if operator == "+" and isinstance(left, str) and isinstance(right, str) and not _numeric(left, right):
        return join([left, right])
    numbers = [_number(value, operator) for value in (left, right)]
    result = Sandbox.default_binop_table[operator](*numbers)
    if abs(result) > MAX_NUMBER:
        raise Refusal(f"'{operator}' gives a number above {MAX_NUMBER}")
    return result


def _numeric(left: str, right: str) -> bool:
    return isinstance(left, NumericText) and isinstance(right, NumericText)


def _number(value: Any, operator: str) -> int | float:
    _require(value)
    number = number_of(value) if isinstance(value, int | float | NumericText) else None
    if number is None or abs(number) > MAX_NUMBER:
        raise Refusal(f"'{operator}' takes numbers, not {value!r:.40}")
    return number


def join(values: Any, separator: str = "") -> str:
    """The texts of a list's items, put together. Raises Refusal above MAX_TEXT characters."""
    texts = [text_of(value) for value in values]
    if sum(map(len, texts)) + len(separator) * len(texts) > MAX_TEXT + len(separator):
        raise Refusal(f"text of more than {MAX_TEXT} characters")
    return separator.join(texts)


def exchange(value: Any, old: str, new: str) -> str:
    """Every `old` in the text as `new`. Raises Refusal above MAX_TEXT characters."""
    text, old, new = text_of(value), text_of(old), text_of(new)
    if len(text) + text.count(old) * (len(new) - len(old)) > MAX_TEXT:
        raise Refusal(f"text of more than {MAX_TEXT} characters")
    return text.replace(old, new)


def rounded(value: Any, precision: int = 0) -> int | float:
    """The number, rounded to at most 12 places; a whole number where no places are asked for."""
    number = _number(value, "round")
    return round(number, min(max(precision, 0), 12)) if precision > 0 else round(number)


def each(value: Any) -> list[Any]:
    """What a loop goes over: a list of at most MAX_ITEMS."""
    _require(value)
    items = list(value) if isinstance(value, list | tuple | Iterator) else None
    if items is None or len(items) > MAX_ITEMS:
        raise Refusal(f"a loop goes over a list of at most {MAX_ITEMS} items")
    return items


@cache
def sandbox() -> Sandbox:
    """The one environment. It holds no state of a build: only Jinja's cache of nothing."""
    env = Sandbox(
        undefined=Unbound, autoescape=False, keep_trailing_newline=True, finalize=text_of, cache_size=0
    )
    own = {"replace": exchange, "join": join, "round": rounded, "each": each}
    env.filters = {name: JINJA_FILTERS[name] for name in FILTERS} | own
    env.tests = {name: JINJA_TESTS[name] for name in TESTS}
    env.globals = {}
    return env
