"""Templates and expressions that need Jinja: compiled, rendered, and their errors told at the spec's place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from jinja2 import TemplateError, TemplateSyntaxError
from jinja2.environment import TemplateExpression
from jinja2.meta import find_undeclared_variables
from jinja2.utils import missing

from imgbuild.errors import ImgbuildError, SpecError
from imgbuild.expand.grammar import parse, parse_expression
from imgbuild.expand.sandbox import Refusal, UnknownName, sandbox
from imgbuild.expand.template import MAX_TEXT, Bindings, blank, narrow, too_long, unknown_name
from imgbuild.expand.values import NoText, comparable, identity, nfc
from imgbuild.types import Where

# What rendering raises for values that an operation does not take; anything else is a bug.
_FAULTS = (
    *(TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, AssertionError),
    *(SyntaxError, RecursionError, MemoryError),
)


class Sandboxed:
    """A template that needs Jinja: rendered once for each distinct set of the values it uses."""

    def __init__(self, source: str, where: Where) -> None:
        self.where = where
        self.literal = nfc(blank(source))
        tree = _guarded(lambda: parse(source), where)
        self.names = frozenset(_guarded(lambda: find_undeclared_variables(tree), where))
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
        tree = _guarded(lambda: parse_expression(source), where)
        self.names = frozenset(_guarded(lambda: find_undeclared_variables(tree), where))
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


def _guarded(step: Callable[[], Any], where: Where, bindings: Mapping[str, Any] | None = None) -> Any:
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
