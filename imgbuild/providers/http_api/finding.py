"""What answers hold, found by JMESPath."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from imgbuild.errors import Misdeclared, did_you_mean
from imgbuild.providers.http_api.filling import Path

if TYPE_CHECKING:
    from jmespath.parser import ParsedResult

LONGEST = 1000  # characters of an expression
_HINT = "such as images[0].url; jmespath.org tells all of it"


def check_expression(text: str, path: Path) -> None:
    """Raise Misdeclared for what is no JMESPath. Where its library is missing, that is told when a model is pinned."""
    if not text or find_spec("jmespath") is None:
        return
    from jmespath.exceptions import JMESPathError
    from jmespath.functions import Functions

    if len(text) > LONGEST:
        raise Misdeclared(f"an expression has more than {LONGEST} characters", path)
    try:
        tree = _compiled(text).parsed
    except (JMESPathError, RecursionError) as error:
        raise Misdeclared(f"'{text}' is no JMESPath: {_said(error)}", path, hint=_HINT) from error
    for name in _called(tree):
        if name not in Functions.FUNCTION_TABLE:
            hint = did_you_mean(name, Functions.FUNCTION_TABLE, "functions")
            raise Misdeclared(f"JMESPath has no function '{name}'", path, word=name, hint=hint)


def find(text: str, told: Any) -> Any:
    """What the expression finds; None where that is nothing, or it can't be looked for in what was told."""
    if not text:
        return None
    try:
        return _compiled(text).search(told)
    except (
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
        RecursionError,
    ):  # an answer may hold anything
        return None


@lru_cache(maxsize=256)
def _compiled(text: str) -> ParsedResult:
    import jmespath

    return jmespath.compile(text)


def _called(tree: Any) -> Iterator[str]:
    """The functions that an expression calls."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            if node.get("type") == "function_expression":
                yield str(node.get("value"))
            waiting += node.get("children", ())


def _said(error: Exception) -> str:
    """What the parser says, in plain words."""
    token, position = getattr(error, "token_value", None), getattr(error, "lex_position", None)
    if position is None:
        return "it is nested too deep"
    if not token:
        return "it ends too early"
    return f"'{token}' is not expected at character {position + 1}"
