"""YAML text as plain data that knows its places, and its check against a JSON Schema."""

from imgbuild.document.complaints import check, complaint
from imgbuild.document.document import Document, parse_document

__all__ = ["Document", "check", "complaint", "parse_document"]
