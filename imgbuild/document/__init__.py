"""YAML text as plain data that knows its places, and its check against a JSON Schema."""

from imgbuild.document.complaints import check
from imgbuild.document.document import Document, parse_document

__all__ = ["Document", "check", "parse_document"]
