"""Templates and expressions that need Jinja: compiled, rendered, and their errors told at the spec's place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from jinja2 import TemplateError, TemplateSyntaxError
from jinja2.environment import TemplateExpression
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Undefined
from jinja2.utils import missing

from imgbuild.errors import ImgbuildError, SpecError
from imgbuild.templates.grammar import parse, parse_expression
from imgbuild.templates.phrases import CONDITIONS, TEMPLATES, computed, explain
from imgbuild.templates.sandbox import Refusal, UnknownName, sandbox
from imgbuild.templates.template import (
    MAX_ONCE,
    MAX_TEXT,
    Bindings,
    blank,
    narrow,
    spot,
    too_long,
    unknown_name,
)
from imgbuild.templates.values import NoText, comparable, identity, nfc
from imgbuild.types import Where

# What rendering raises for values that an operation does not take; anything else is a bug.
_FAULTS = (
    *(TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, AssertionError),
    *(SyntaxError, RecursionError, MemoryError),
)


class Sandboxed:
    """A template that needs Jinja: rendered once for each distinct set of the values it uses.

    once: those are of one request: what it renders to is not remembered.
    """

    def __init__(self, source: str, where: Where, *, once: bool = False) -> None:
        self.where = where
        self._once, self._most = once, MAX_ONCE if once else MAX_TEXT
        self.literal = nfc(blank(source))
        tree = _guarded(lambda: parse(source), where)
        self.names = frozenset(_guarded(lambda: find_undeclared_variables(tree), where))
        self._code = _guarded(lambda: sandbox().from_string(tree), where)
        self._known: dict[Any, str] = {}

    def render(self, bindings: Bindings) -> str:
        used = {name: bindings[name] for name in self.names if name in bindings}
        if self._once:
            return self._render(used, bindings)
        key = tuple([(name, identity(value)) for name, value in used.items()])
        text = self._known.get(key)
        if text is None:
            text = self._known[key] = self._render(used, bindings)
        return text

    def _render(self, used: Bindings, bindings: Bindings) -> str:
        return nfc(_guarded(lambda: self._collect(used), self.where, bindings))

    def _collect(self, used: Bindings) -> str:
        parts, length = [], 0
        for part in self._code.root_render_func(self._code.new_context(dict(used))):
            parts.append(part)
            length += len(part)
            if length > self._most:
                raise too_long(length, self.where, self._most)
        return "".join(parts)


class Expression:
    """A Jinja expression over variables, such as `stock > 0`. Text that looks like a number compares as one."""

    def __init__(self, source: str, where: Where, hint: str = CONDITIONS) -> None:
        self.where = where
        self.hint = hint
        if "{{" in source:
            raise SpecError(
                "a condition stands without braces", where=spot(where, r"\{\{") or where, hint=hint
            )
        tree = _guarded(lambda: parse_expression(source), where, hint=hint)
        self.names = frozenset(_guarded(lambda: find_undeclared_variables(tree), where, hint=hint))
        self._code = TemplateExpression(
            _guarded(lambda: sandbox().from_string(tree), where, hint=hint), False
        )
        self._known: dict[Any, bool] = {}

    def holds(self, bindings: Bindings) -> bool:
        """Whether the expression is true for these values. Raises SpecError."""
        used = {name: bindings[name] for name in self.names if name in bindings}
        key = tuple([(name, identity(value)) for name, value in used.items()])
        if key not in self._known:
            seen = {name: comparable(value) for name, value in used.items()}
            self._known[key] = _guarded(lambda: bool(self._code(**seen)), self.where, bindings, self.hint)
        return self._known[key]

    def value(self, bindings: Bindings) -> Any:
        """What the expression gives. Raises SpecError."""
        used = {name: bindings[name] for name in self.names if name in bindings}
        return _guarded(lambda: _known_value(self._code(**used)), self.where, bindings, self.hint)


def _known_value(value: Any) -> Any:
    """The value, unless it stands for what was not found, or not allowed: that raises once it is looked at."""
    if isinstance(value, list):
        return [_known_value(item) for item in value]
    if isinstance(value, dict):
        return {name: _known_value(item) for name, item in value.items()}
    if isinstance(value, Undefined):
        bool(value)
    return value


def _guarded(
    step: Callable[[], Any], where: Where, bindings: Mapping[str, Any] | None = None, hint: str = TEMPLATES
) -> Any:
    """What the step gives; what goes wrong in it is a SpecError at the template's place."""
    try:
        return step()
    except UnknownName as error:
        _explain(error, where, bindings or {})
    except ImgbuildError as error:
        word = error.message.split("'")[1] if "'" in error.message else ""
        raise SpecError(error.message, where=error.where or narrow(where, word), hint=error.hint) from error
    except NoText as error:
        raise SpecError(str(error), where=where, hint=error.hint) from error
    except TemplateSyntaxError as error:
        raise explain(error.message or "", where, hint, error.lineno) from error
    except Refusal as error:
        raise SpecError(str(error), where=where, hint=hint) from error
    except _FAULTS as error:
        raise SpecError(computed(str(error)), where=where, hint=hint) from error


def _explain(error: UnknownName, where: Where, bindings: Mapping[str, Any]) -> NoReturn:
    if error.among is missing:
        raise unknown_name(error.name, bindings, where) from error
    parent = next((name for name, value in bindings.items() if value is error.among), "value")
    raise unknown_name(f"{parent}.{error.name}", error.among, where) from error
