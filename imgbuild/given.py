"""How large the pictures are that go into a model, as far as that can be told before they are made or opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from imgbuild.keys import inputs_for
from imgbuild.types import Input, Size, Target


class Given:
    """Of the project at `root`. targets: by id, those that pictures come from. Each file is looked at once."""

    def __init__(self, root: Path, targets: Mapping[str, Target]) -> None:
        self._root, self._targets = root, targets
        self._files: dict[str, Size | None] = {}

    def sizes(self, target: Target, position: int) -> dict[str, list[Size]]:
        """For each role that the model at that place takes, the sizes of its pictures, in pixels.

        One that another target gives counts as that was asked for; one of which nothing is known as large as what is
        to be made of it.
        """
        ask = target.asks[position]
        found: dict[str, list[Size]] = {}
        for item in inputs_for(target, position):
            found.setdefault(item.role, []).append(self._size(item) or (ask.width, ask.height))
        return found

    def _size(self, item: Input) -> Size | None:
        if item.file:
            return self._size_in(item.file)
        upstream = self._targets.get(item.target)
        if upstream is None or upstream.recipe.sheet is not None:
            return None
        if upstream.asks:
            return upstream.asks[0].width, upstream.asks[0].height
        return self._size(upstream.inputs[0]) if upstream.inputs else None

    def _size_in(self, path: str) -> Size | None:
        if path not in self._files:
            from imgbuild.images import size_in

            self._files[path] = size_in(self._root / path)
        return self._files[path]
