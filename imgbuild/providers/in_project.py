"""Weights among the project's files, which providers weigh whenever somebody asks."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from imgbuild.files import Files
from imgbuild.types import Digest
from imgbuild.weights.bundles import Bundle


class InProject:
    """Digests of files and folders, given from the root, as they are now; taken anew only where their stamps changed.

    Where something is not there, None is given for the whole; TargetError is raised where it is not as it must be.
    """

    def __init__(self, files: Files) -> None:
        self.files = files

    def names(self, *folder: str) -> list[str]:
        """The files of a folder."""
        return self.files.names("/".join(folder))

    def over(self, folder: str, names: Iterable[str], bundle: Bundle) -> Digest | None:
        """The digest of a bundle in a folder."""
        chosen = bundle.choose(names, lambda name: self.files.read(f"{folder}/{name}"))
        digests = {name: self.digest(f"{folder}/{name}") for name in chosen}
        known = {name: digest for name, digest in digests.items() if digest is not None}
        return bundle.digest(known) if len(known) == len(digests) else None

    def digest(self, path: str) -> Digest | None:
        """The digest of one file."""
        return self.files.digest_now(self.files.locate(path), limit=sys.maxsize)
