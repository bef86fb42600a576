"""What an image says of itself, as a JSON file beside it: for programs that open no images."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from imgbuild.digest import to_hex
from imgbuild.provenance.describe import told_by
from imgbuild.types import Digest, Recipe, Value


def write_sidecar(recipe: Recipe, manifest: Mapping[str, Value], image: Digest, pixels: Digest) -> bytes:
    """JSON text. manifest: of the image's first step. image, pixels: as in the lock.

    sha256 is of the image's file, pixels of what it shows, whatever the file. The rest is what metadata says.
    """
    told = {
        "sha256": to_hex(image),
        "pixels": pixels,
        "format": recipe.format.type,
        **told_by(recipe, manifest),
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"
