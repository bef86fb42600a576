"""A YAML file as plain data that knows its places: safe, bounded, and read by YAML 1.2's rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from imgbuild.document import scalars
from imgbuild.document.places import Lines
from imgbuild.document.syntax import MAX_DEPTH, PLAIN, QUOTED, Fault, compose
from imgbuild.document.text import decode, nfc
from imgbuild.errors import SpecError
from imgbuild.types import Where

MAX_BYTES = 16 * 1024 * 1024
MAX_COPIED = 100_000  # values that aliases may add to those written

Path = Sequence[str | int]


class Document:
    """One file. file: its path from the project's root; data: mappings, lists and scalars, all text in NFC."""

    def __init__(self, file: str, text: str, root: Node | None, data: Any) -> None:
        self.file = file
        self.data = data
        self._root = root
        self._lines = Lines(file, text)
        self._pairs: dict[int, dict[str, tuple[Node, Node]]] = {}

    def where(self, path: Path, *, key: bool = False) -> Where:
        """The place of the value at `path`, or of its key; of the nearest ancestor where there is none."""
        found = name = self._root
        for step in path:
            pair = self._child(found, step)
            if pair is None:
                break
            name, found = pair
        node = name if key else found
        if node is None:
            return self._lines.at(0)
        at = self._lines.span if isinstance(node, ScalarNode) else self._lines.at
        return at(node.start_mark.index, node.end_mark.index)

    def written(self, path: Path) -> str:
        """A scalar as the file has it, if it stands there without quotes; else nothing."""
        found = self._root
        for step in path:
            pair = self._child(found, step)
            if pair is None:
                return ""
            found = pair[1]
        return str(found.value) if isinstance(found, ScalarNode) and found.tag != QUOTED else ""

    def _child(self, node: Node | None, step: str | int) -> tuple[Node, Node] | None:
        """The key's and the value's node; for an item of a list the value is both."""
        if isinstance(node, SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
            return node.value[step], node.value[step]
        if isinstance(node, MappingNode):
            if id(node) not in self._pairs:
                self._pairs[id(node)] = {nfc(pair[0].value): pair for pair in node.value}
            return self._pairs[id(node)].get(str(step))
        return None


def parse_document(
    data: bytes, file: str, *, pure: bool = False, shown: Callable[[str], str] = str
) -> Document:
    """The file's data and places; an empty file is an empty mapping. `pure`: without libyaml.

    shown: gives the text as errors may show it, with as many characters and the same lines.

    Raises SpecError, with the place, for anything but one bounded UTF-8 document of plain YAML.
    """
    if len(data) > MAX_BYTES:
        raise SpecError(f"{file} is larger than {MAX_BYTES} bytes", hint="put rows into a CSV table")
    text = decode(data, file)
    try:
        root = compose(text, pure)
        built = _Builder(text).build(root, 0) if root is not None else None
    except Fault as fault:
        where = Lines(file, shown(text)).at(fault.index, fault.index + fault.length)
        hint = fault.hint.replace("{line}", str(Lines(file, text).at(fault.other).line))
        raise SpecError(fault.message, where=where, hint=hint) from None
    return Document(file, shown(text), root, {} if built is None else built)


class _Builder:
    """Nodes to plain data; counts what aliases add, so that a few lines can't grow without bound."""

    def __init__(self, text: str) -> None:
        self.tagged = "!" in text
        self.text = text
        self.built: set[int] = set()
        self.open: set[int] = set()
        self.copied = 0

    def build(self, node: Node, depth: int) -> Any:
        if self.tagged and self._is_tagged(node):
            raise _fault(f"the tag {_tag(node)} is not allowed", node, "write the plain value")
        if isinstance(node, ScalarNode):
            return _scalar(node)
        self._enter(node, depth)
        value = self._mapping(node, depth) if isinstance(node, MappingNode) else self._list(node, depth)
        self.open.discard(id(node))
        return value

    def _is_tagged(self, node: Node) -> bool:
        """Whether the node was written with a tag; a plain '!' is in no node's tag, only in the text."""
        index = node.start_mark.index
        bare = isinstance(node, ScalarNode) and self.text[index : index + 1] == "!"
        return bare or node.tag not in (PLAIN, QUOTED)

    def _enter(self, node: Node, depth: int) -> None:
        if id(node) in self.open:
            raise _fault("this holds an alias of itself", node, "write the values out")
        if depth >= MAX_DEPTH:
            raise _fault(f"aliases nest this more than {MAX_DEPTH} deep", node, "write the values out")
        if id(node) in self.built:
            self.copied += len(node.value) + 1
            if self.copied > MAX_COPIED:
                raise _fault(
                    f"aliases grow this to more than {MAX_COPIED} values", node, "write the values out"
                )
        self.built.add(id(node))
        self.open.add(id(node))

    def _list(self, node: Node, depth: int) -> list[Any]:
        return [self.build(item, depth + 1) for item in node.value]

    def _mapping(self, node: Node, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, item in node.value:
            text = self._key(name, depth)
            if text in values:
                raise _twice(text, name, node)
            values[text] = self.build(item, depth + 1)
        return values

    def _key(self, node: Node, depth: int) -> str:
        if not isinstance(node, ScalarNode):
            raise self._no_text(node)
        if node.value == "<<" and node.tag != QUOTED:
            hint = "write the keys out, or share them through a template or `include`"
            raise _fault("merge keys ('<<') are not part of YAML 1.2", node, hint)
        if node.value == "" and node.tag != QUOTED:
            raise _fault("a key is missing before the ':'", node, "write 'key: value'")
        if self.tagged:
            self.build(node, depth)
        return nfc(node.value)

    def _no_text(self, node: Node) -> Fault:
        """A mapping or a list where a key stands: mostly text that begins with '{{' and lacks its quotes."""
        start = node.start_mark.index
        if self.text[max(0, start - 1) : start + 1] == "{{":
            hint = 'put the whole text in quotes: "{{ name }} …"'
            return Fault("text that begins with '{{' needs quotes", start - 1, hint, length=2)
        return _fault("a key must be text", node, "text with '{', '[' or '? ' in front needs quotes")


def _scalar(node: ScalarNode) -> Any:
    if node.tag == QUOTED:
        return nfc(node.value)
    try:
        value = scalars.resolve(node.value)
    except ValueError:
        message = f"'{node.value[:40]}' is not a number that can be used"
        raise _fault(message, node, "it must be finite and fit 64 bits; put text in quotes") from None
    return nfc(value) if isinstance(value, str) else value


def _tag(node: Node) -> str:
    return "!" if node.tag in (PLAIN, QUOTED) else str(node.tag).replace("tag:yaml.org,2002:", "!!")


def _fault(message: str, node: Node, hint: str) -> Fault:
    index = node.start_mark.index
    return Fault(message, index, hint, length=node.end_mark.index - index)


def _twice(text: str, name: Node, node: Node) -> Fault:
    first = next(key for key, _ in node.value if nfc(key.value) == text)
    fault = _fault(
        f"'{text}' is defined twice", name, "it stands in line {line} already; remove one of the two"
    )
    fault.other = first.start_mark.index
    return fault
