"""The page's own files: what a browser loads, whether the server hands it out or an export lies on a disk."""

from __future__ import annotations

from importlib import resources

KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def read_page() -> dict[str, tuple[bytes, str]]:
    """The files by name: bytes and type. These names are all that is ever handed out."""
    found = {}
    for item in resources.files("imgbuild.gallery.page").iterdir():
        kind = KINDS.get(item.name.rpartition(".")[2])
        if kind is not None and item.is_file():
            found[item.name] = item.read_bytes(), kind
    return found
