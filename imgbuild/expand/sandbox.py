"""Jinja, kept small: which syntax, filters and tests there are, and how much a template may compute.

There are no calls, no attributes of Python objects, no globals, no powers and no nested loops; `*` takes
numbers, and whatever joins text is bounded, so that no template can take long or need much memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any, NoReturn

from jinja2 import TemplateError, TemplateSyntaxError, nodes
from jinja2.environment import TemplateExpression
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import LoopContext, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS as JINJA_TESTS
from jinja2.utils import missing
from jinja2.visitor import NodeTransformer

from imgbuild.errors import ImgbuildError, SpecError, did_you_mean
from imgbuild.expand.template import MAX_TEXT, Bindings, blank, narrow, pick, too_long, unknown_name
from imgbuild.expand.values import NumericText, comparable, identity, nfc, number_of, text_of
from imgbuild.types import Where

MAX_ITEMS = 100  # turns of a loop
MAX_DEPTH = 40  # levels of nesting in a template
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

_SYNTAX = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For),
    *(nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Getattr, nodes.Getitem, nodes.Slice),
    *(nodes.Filter, nodes.Test, nodes.Keyword, nodes.CondExpr, nodes.And, nodes.Or, nodes.Not),
    *(nodes.Compare, nodes.Operand, nodes.Concat, nodes.Neg, nodes.Pos),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod),
)
_REFUSED = {nodes.Call: "calls", nodes.Pow: "powers", nodes.Dict: "mappings", nodes.Assign: "assignments"}
# What rendering raises for values that an operation does not take; anything else is a bug.
_FAULTS = (
    *(TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, AssertionError),
    *(SyntaxError, RecursionError, MemoryError),
)


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


class Sandboxed:
    """A template that needs Jinja: rendered once for each distinct set of the values it uses."""

    def __init__(self, source: str, where: Where) -> None:
        self.where = where
        self.literal = nfc(blank(source))
        tree = _guarded(lambda: parse(source), where)
        self.names = frozenset(find_undeclared_variables(tree))
        self._code = _guarded(lambda: sandbox().from_string(tree), where)
        self._known: dict[Any, str] = {}

    def render(self, bindings: Bindings) -> str:
        used = {name: bindings[name] for name in self.names if name in bindings}
        key = tuple([(name, identity(value)) for name, value in used.items()])
        text = self._known.get(key)
        if text is None:
            text = self._known[key] = nfc(_guarded(lambda: self._collect(used), self.where, bindings))
        return text

    def _collect(self, used: Bindings) -> str:
        parts, length = [], 0
        for part in self._code.root_render_func(self._code.new_context(dict(used))):
            parts.append(part)
            length += len(part)
            if length > MAX_TEXT:
                raise too_long(length, self.where)
        return "".join(parts)


class Expression:
    """A Jinja expression over variables, such as `stock > 0`. Text that looks like a number compares as one."""

    def __init__(self, source: str, where: Where) -> None:
        self.where = where
        tree = _guarded(lambda: _parse_expression(source), where)
        self.names = frozenset(find_undeclared_variables(tree))
        self._code = TemplateExpression(_guarded(lambda: sandbox().from_string(tree), where), False)
        self._known: dict[Any, bool] = {}

    def holds(self, bindings: Bindings) -> bool:
        """Whether the expression is true for these values. Raises SpecError."""
        used = {name: bindings[name] for name in self.names if name in bindings}
        key = tuple([(name, identity(value)) for name, value in used.items()])
        if key not in self._known:
            seen = {name: comparable(value) for name, value in used.items()}
            self._known[key] = _guarded(lambda: bool(self._code(**seen)), self.where, bindings)
        return self._known[key]

    def value(self, bindings: Bindings) -> Any:
        """What the expression gives. Raises SpecError."""
        used = {name: bindings[name] for name in self.names if name in bindings}
        return _guarded(lambda: self._code(**used), self.where, bindings)


def parse(source: str) -> nodes.Template:
    """The template's tree, made safe. Raises Refusal and TemplateSyntaxError."""
    tree = sandbox().parse(source)
    _check_all(tree)
    safe: nodes.Template = _Bounds().visit(tree)
    return safe


def _parse_expression(source: str) -> nodes.Template:
    """A tree that gives the expression's value the name `result`, as Jinja's own expressions do."""
    body = parse("{{(" + source + "\n)}}").body
    output = body[0] if len(body) == 1 else None
    if (
        not isinstance(output, nodes.Output)
        or len(output.nodes) != 1
        or isinstance(output.nodes[0], nodes.Tuple)
    ):
        raise Refusal("this is not one expression")
    name = nodes.Name("result", "store", lineno=1)
    return nodes.Template([nodes.Assign(name, output.nodes[0], lineno=1)], lineno=1)


def _check_all(tree: nodes.Node) -> None:
    """Walk without recursion, so that deep nesting is refused before anything follows it."""
    waiting: list[tuple[nodes.Node, int, bool]] = [(tree, 0, False)]
    while waiting:
        node, depth, looped = waiting.pop()
        if depth > MAX_DEPTH:
            raise Refusal(f"a template can't be nested deeper than {MAX_DEPTH} levels")
        _check(node, looped)
        inside = looped or isinstance(node, nodes.For)
        waiting += [(child, depth + 1, inside) for child in node.iter_child_nodes()]


def _check(node: nodes.Node, looped: bool) -> None:
    if not isinstance(node, _SYNTAX):
        what = _REFUSED.get(type(node), f"'{type(node).__name__.lower()}'")
        raise Refusal(f"templates have no {what}")
    if isinstance(node, nodes.For) and (looped or node.recursive or node.test is not None):
        raise Refusal("a loop can't be nested, filtered or recursive")
    if isinstance(node, nodes.Filter | nodes.Test):
        _check_known(node)
    if isinstance(node, nodes.Name) and node.name in ("self", "super"):
        raise Refusal(f"'{node.name}' is not a variable")


def _check_known(node: nodes.Filter | nodes.Test) -> None:
    kind, known = ("filter", FILTERS) if isinstance(node, nodes.Filter) else ("test", TESTS)
    if node.name not in known:
        raise SpecError(f"unknown {kind} '{node.name}'", hint=did_you_mean(node.name, known, f"{kind}s"))
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise Refusal("templates have no calls")


class _Bounds(NodeTransformer):
    """Puts what can grow through the bounded filters: `~` becomes `join`, a loop's list goes through `each`."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), "join")

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        node.iter = _filtered(node.iter, "each")
        return node


def _filtered(node: Any, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _guarded(step: Callable[[], Any], where: Where, bindings: Mapping[str, Any] | None = None) -> Any:
    """What the step gives; what goes wrong in it is a SpecError at the template's place."""
    try:
        return step()
    except UnknownName as error:
        _explain(error, where, bindings or {})
    except ImgbuildError as error:
        word = error.message.split("'")[1] if "'" in error.message else ""
        raise SpecError(error.message, where=error.where or narrow(where, word), hint=error.hint) from error
    except TemplateSyntaxError as error:
        line = f" in line {error.lineno} of the template" if error.lineno > 1 else ""
        raise SpecError(f"{error.message}{line}", where=where, hint=_HINT) from error
    except Refusal as error:
        raise SpecError(str(error), where=where, hint=_HINT) from error
    except _FAULTS as error:
        raise SpecError(f"this can't be rendered: {error}", where=where, hint=_HINT) from error


_HINT = "templates are Jinja: {{ name }}, {{ name | upper }}, {% if sale %}…{% endif %}"


def _explain(error: UnknownName, where: Where, bindings: Mapping[str, Any]) -> NoReturn:
    if error.among is missing:
        raise unknown_name(error.name, bindings, where) from error
    parent = next((name for name, value in bindings.items() if value is error.among), "value")
    raise unknown_name(f"{parent}.{error.name}", error.among, where) from error
