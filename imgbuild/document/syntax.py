"""Text to YAML nodes with marks, bounded in size and depth; syntax faults become plain sentences.

libyaml composes the nodes where PyYAML has it, else PyYAML's own parser; both through the same bounds.
Nothing is resolved here: a node's tag says only whether it was plain, quoted, or carries a tag of its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from imgbuild.document.slips import find_slip

MAX_DEPTH = 64  # nested lists and mappings
MAX_NODES = 300_000  # nodes written in one file
PLAIN, QUOTED = "plain", "quoted"


class Fault(Exception):
    """What is wrong with the text, where (character offsets), and the way out.

    hint: may hold {line}, which stands for the line of the offset `other`.
    """

    def __init__(self, message: str, index: int, hint: str = "", length: int = 1, other: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.index = index
        self.hint = hint
        self.length = length
        self.other = other


class _Plain(NamedTuple):
    """A plain sentence for a parser's phrase."""

    phrase: str
    message: str
    hint: str


_TABLE = tuple(
    _Plain(*row)
    for row in (
        ("found a tab character", "a tab can't indent YAML", "indent with spaces"),
        ("found character '\\t'", "a tab can't indent YAML", "indent with spaces"),
        (
            "mapping values are not allowed",
            "a ':' is not expected here",
            "put text that holds ': ' in quotes",
        ),
        (
            "cannot start any token",
            "text can't begin with this character",
            "put the text in quotes",
        ),
        ("found unexpected end of stream", "the quoted text is not closed", "end it with the same quote"),
        (
            "found unknown escape",
            "this escape is not known",
            "write '\\\\' for a backslash, or use single quotes",
        ),
        ("expected ',' or ']'", "the list is not closed", "a ',' or ']' is missing"),
        ("expected ',' or '}'", "the mapping is not closed", "a ',' or '}' is missing"),
        ("could not find expected ':'", "a ':' is missing after the key", "write 'key: value'"),
        ("expected key", "this does not fit the lines above", "check its indentation, and quotes before it"),
        (
            "expected <block end>",
            "this does not fit the lines above",
            "check its indentation, and quotes before it",
        ),
        (
            "expected '-' indicator",
            "a list item is expected here",
            "begin it with '- ', or mend the indentation",
        ),
        ("expected node content", "a value is expected here", "write it, or remove what asks for it"),
        ("expected alphabetic", "this is no name", "text that begins with '*', '&' or '!' needs quotes"),
        (
            "found undefined alias",
            "this alias has no anchor before it",
            "text that begins with '*' needs quotes",
        ),
        ("second occurrence", "this anchor was named before", "give each anchor its own name"),
        ("another document", "a file holds one document", "remove the '---', or split the file"),
        ("incompatible YAML", "only YAML 1.2 is read", "remove the %YAML line"),
    )
)


class _Bounds:
    """In place of PyYAML's tag resolver: counts nodes and depth, and tells plain from quoted."""

    depth = 0
    nodes = 0

    def descend_resolver(self, parent: Any, index: Any) -> None:
        self.depth += 1
        self.nodes += 1
        if self.depth > MAX_DEPTH:
            raise Fault(f"nested more than {MAX_DEPTH} deep", parent.start_mark.index, "flatten it")
        if self.nodes > MAX_NODES:
            raise Fault(f"more than {MAX_NODES} values in one file", 0, "put rows into a CSV table")

    def ascend_resolver(self) -> None:
        self.depth -= 1

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        return QUOTED if value is not None and not implicit[0] else PLAIN


class _Pure(_Bounds, Reader, Scanner, Parser, Composer):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)


def compose(text: str, pure: bool = False) -> yaml.Node | None:
    """The root node of the one document in the text; None where it is empty. Raises Fault."""
    try:
        node: yaml.Node | None = _loader(pure)(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        raise _explain(error, text) from error
    except yaml.YAMLError as error:
        raise Fault("this is not text that YAML can hold", 0, "save the file as UTF-8 text") from error
    return node


def _loader(pure: bool) -> Any:
    if pure or not yaml.__with_libyaml__:
        return _Pure
    from yaml.cyaml import CParser  # type: ignore[attr-defined]

    class Fast(_Bounds, CParser):
        pass

    return Fast


def _explain(error: yaml.MarkedYAMLError, text: str) -> Fault:
    mark = error.problem_mark or error.context_mark
    index = min(mark.index, len(text)) if mark is not None else 0
    problem = error.problem or error.context or "it can't be read"
    opened = error.context_mark.index if error.context_mark is not None else index
    slip = find_slip(text, min(opened, len(text)), index, problem)
    if slip is not None:
        return Fault(slip.message, slip.at, slip.hint, slip.length)
    for row in _TABLE:
        if row.phrase in problem:
            return _opened(row, error, text, index)
    return Fault(f"not valid YAML: {problem}", index)


def _opened(row: _Plain, error: yaml.MarkedYAMLError, text: str, index: int) -> Fault:
    """The fault at its place; what is not closed is shown where it opens, since it may end anywhere."""
    if text[index : index + 1] == "\t":
        row = _TABLE[0]
    elif "not closed" in row.message and error.context_mark is not None:
        index = error.context_mark.index
    return Fault(row.message, index, row.hint)
