"""The type of the published file, told by its bytes and not by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from imgbuild.images import Picture
from imgbuild.rules.base import Measured, Rule
from imgbuild.types import Finding


class FileFormat(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the file's type to `type`."""

    name: ClassVar[str] = "format"
    example: ClassVar[str] = "{type: png}"

    type: Literal["png", "jpeg", "webp", "avif", "tiff", "gif", "bmp"]

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        return {"format": picture.format}

    def judge(self, measured: Measured) -> Finding:
        return Finding(ok=measured["format"] == self.type, figure=measured["format"], limit=self.type)
