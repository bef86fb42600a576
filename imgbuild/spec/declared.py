"""What a spec declares, each thing with the file that declares it and its place there."""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import Struct, field

from imgbuild.document import Document
from imgbuild.types import Asset, Model, Template, Value, Where

T = TypeVar("T")


class Declared(Struct, Generic[T], frozen=True, kw_only=True, eq=False):
    """A model, template, set of rules or asset as written, and where. home: name of the spec whose file declares it."""

    value: T
    document: Document
    path: tuple[str | int, ...]
    home: str

    def where(self, *more: str | int, key: bool = False) -> Where:
        """The place of this declaration, or of something in it: `where("models", 0)`."""
        return self.document.where((*self.path, *more), key=key)


class Spec(Struct, frozen=True, kw_only=True, eq=False):
    """One file. name: its path without suffix, from its specs folder or else from the root; file: from the root.

    models, templates, rules (sets of them): its own and those of the files it includes. assets: its own.
    included: it was not asked for, only included by another; its assets are left out.
    """

    name: str
    file: str
    document: Document
    models: dict[str, Declared[Model]] = field(default_factory=dict)
    templates: dict[str, Declared[Template]] = field(default_factory=dict)
    rules: dict[str, Declared[list[Value]]] = field(default_factory=dict)
    assets: dict[str, Declared[Asset]] = field(default_factory=dict)
    included: bool = False
