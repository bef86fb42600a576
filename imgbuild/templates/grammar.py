"""Which of Jinja's syntax templates have; what can grow is put through bounded filters."""

from __future__ import annotations

from typing import Any

from jinja2 import nodes
from jinja2.parser import Parser
from jinja2.visitor import NodeTransformer

from imgbuild.errors import SpecError, did_you_mean
from imgbuild.templates.sandbox import FILTERS, TESTS, Refusal, sandbox

MAX_DEPTH = 40  # levels of nesting in a template

_SYNTAX = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For),
    *(nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Getattr, nodes.Getitem, nodes.Slice),
    *(nodes.Filter, nodes.Test, nodes.Keyword, nodes.CondExpr, nodes.And, nodes.Or, nodes.Not),
    *(nodes.Compare, nodes.Operand, nodes.Concat, nodes.Neg, nodes.Pos),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod),
)
_REFUSED = {nodes.Call: "calls", nodes.Pow: "powers", nodes.Dict: "mappings", nodes.Assign: "assignments"}


def parse(source: str) -> nodes.Template:
    """The template's tree, made safe. Raises Refusal and TemplateSyntaxError."""
    tree = sandbox().parse(source)
    _check_all(tree)
    safe: nodes.Template = _Bounds().visit(tree)
    safe.set_environment(sandbox())
    return safe


def parse_expression(source: str) -> nodes.Template:
    """A tree that gives the expression's value the name `result`, as Jinja's own expressions do."""
    parser = Parser(sandbox(), source, state="variable")
    expression = parser.parse_expression()
    if not parser.stream.eos:
        more = parser.stream.current.value
        raise Refusal("'=' does not compare; '==' does" if more == "=" else f"'{more}' is not expected here")
    _check_all(expression)
    name = nodes.Name("result", "store", lineno=1)
    tree = nodes.Template([nodes.Assign(name, _Bounds().visit(expression), lineno=1)], lineno=1)
    tree.set_environment(sandbox())
    return tree


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
