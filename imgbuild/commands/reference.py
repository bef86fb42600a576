"""`imgbuild rules`, `imgbuild operations`: what specs can hold images against, and do to them; a page for each."""

from __future__ import annotations

import inspect
import sys
from typing import Any

from msgspec import NODEFAULT, UNSET, Struct
from msgspec.structs import FieldInfo, fields

from imgbuild.commands.session import Session
from imgbuild.document.shapes import components
from imgbuild.errors import Exit
from imgbuild.process import OPERATIONS
from imgbuild.registry import Registry
from imgbuild.rules import RULES

SHARED = ("on_fail", "adjust")  # parameters that all rules have: told last
HEADERS = ["parameter", "value", "default"]


class Page(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a rule or an operation. about: what it measures or does, and by which source.

    holds: when a rule holds, or how an operation works. unit: of the figure. parameters: JSON Schemas, by name;
    defaults: of those that can be left out (null: nothing is asked). example: of the parameters.
    """

    name: str
    about: str
    holds: str
    unit: str = ""
    group: bool = False
    parameters: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    example: str = ""


def run_rules(session: Session, name: str = "") -> int:
    """Print the list of rules, or the page of one. Raises SpecError for a name that is none."""
    return _run(session, RULES, "validate", name)


def run_operations(session: Session, name: str = "") -> int:
    """Print the list of operations, or the page of one. Raises SpecError for a name that is none."""
    return _run(session, OPERATIONS, "process", name)


def _run(session: Session, registry: Registry[Any], section: str, name: str) -> int:
    pages = [_page(each, registry.get(each)) for each in ([name] if name else registry.names())]
    if session.json:
        for page in pages:
            session.give(page)
    elif name:
        _print(session, pages[0], section)
    else:
        session.table([registry.kind, "what for"], [[page.name, _first(page.about)] for page in pages])
    return Exit.DONE


def _page(name: str, kind: Any) -> Page:
    (_,), found = components([kind])
    described = found[kind.__name__]
    return Page(
        name=name,
        about=inspect.cleandoc(sys.modules[kind.__module__].__doc__ or ""),
        holds=inspect.getdoc(kind) or "",
        unit=getattr(kind, "unit", ""),
        group=getattr(kind, "group", False),
        parameters=described.get("properties", {}),
        defaults={field.encode_name: _default(field) for field in fields(kind) if not field.required},
        example=kind.example,
    )


def _default(field: FieldInfo) -> Any:
    default = field.default if field.default is not NODEFAULT else field.default_factory()
    return None if default is UNSET else default


def _first(text: str) -> str:
    """The first sentence, which is a line of its own."""
    return text.partition("\n")[0].rstrip(".")


def _print(session: Session, page: Page, section: str) -> None:
    for text in (page.about, page.holds):
        session.say(f"{text}\n")
    ordered = sorted(page.parameters.items(), key=lambda item: item[0] in SHARED)
    rows = [
        [name, _words(schema), _shown(page.defaults[name]) if name in page.defaults else "needed"]
        for name, schema in ordered
    ]
    session.table(HEADERS, rows)
    session.say(f"\n{section}:\n  - {page.name}{f': {page.example}' if page.example else ''}")


def _words(schema: dict[str, Any]) -> str:
    """What a parameter may be: "number", "one of: a, b", "list of text"."""
    if "enum" in schema:
        return f"one of: {', '.join(map(str, schema['enum']))}"
    if "$ref" in schema:
        return "mapping"
    if "anyOf" in schema:
        return " or ".join(map(_words, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_words(schema['items'])}" if schema.get("items") else "list"
    names = {"string": "text", "boolean": "true or false", "integer": "whole number", "object": "mapping"}
    kind = str(schema.get("type", "anything"))
    return names.get(kind, kind)


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple | list):
        return ", ".join(map(str, default))
    return "" if default is None else str(default)
