"""Values that may hold templates: parameters and sizes, computed once for each distinct set of what they use."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from imgbuild.templates.template import Bindings, Holes, compile_template
from imgbuild.templates.values import identity, plain
from imgbuild.types import Value, Where

_HOLED = re.compile(r"\{\{|\{%|\{#")
_WHOLE = re.compile(r"\s*\{\{((?:(?!\{\{|\}\}).)+)\}\}\s*", re.DOTALL)

Compute = Callable[[Bindings], Any]


class Varying:
    """A value with templates inside. Where its whole text is one hole, the value keeps its type.

    once: what goes in is of one request; see `compile_template`.
    """

    def __init__(self, value: Value, where: Where, *, once: bool = False) -> None:
        self.where, self._once = where, once
        self.names: set[str] = set()
        self._compute = self._compile(value)

    def of(self, bindings: Bindings) -> Any:
        """The plain value for these bindings. Raises SpecError."""
        return plain(self._compute(bindings))

    def key(self, bindings: Bindings) -> tuple[Any, ...]:
        """Equal for bindings that give the same value."""
        return tuple([identity(bindings.get(name)) for name in self.names])

    def _compile(self, value: Value) -> Compute:
        if isinstance(value, Mapping):
            parts = {name: self._compile(item) for name, item in value.items()}
            return lambda bindings: {name: part(bindings) for name, part in parts.items()}
        if isinstance(value, list):
            items = [self._compile(item) for item in value]
            return lambda bindings: [item(bindings) for item in items]
        return self._compile_text(value) if is_varying(value) else lambda bindings: value

    def _compile_text(self, text: str) -> Compute:
        template = compile_template(text, self.where, once=self._once)
        self.names |= template.names
        whole = _WHOLE.fullmatch(text)
        if whole is None:
            return template.render
        if isinstance(template, Holes):
            return template.value
        from imgbuild.templates.phrases import TEMPLATES
        from imgbuild.templates.sandboxed import Expression

        return Expression(whole[1].strip("-+ "), self.where, TEMPLATES).value


def is_varying(value: Value) -> bool:
    """Whether there is a template in the value."""
    if isinstance(value, str):
        return _HOLED.search(value) is not None
    if isinstance(value, Mapping):
        return any(map(is_varying, value.values()))
    return isinstance(value, list) and any(map(is_varying, value))
