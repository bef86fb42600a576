"""YAML text as plain data that knows its places, and its check against a JSON Schema."""

from imgbuild.document.complaints import Misfit, check, complaint, first_misfit
from imgbuild.document.document import Document, parse_document

__all__ = ["Document", "Misfit", "check", "complaint", "first_misfit", "parse_document"]
