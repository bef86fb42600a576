"""Lays layers over each other, the picture among them: a cut-out on a background, with a badge above."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from msgspec import Struct
from msgspec.structs import replace
from PIL import Image as pillow

from imgbuild.colours import rgba_of
from imgbuild.process.base import Operation, upstream_name
from imgbuild.process.laying import check_laying, drawn, lay
from imgbuild.process.placement import Anchor, check_result, check_size
from imgbuild.process.scaling import cover
from imgbuild.types import Edge, Pick

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class Layer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of: an `image` in a file, a target of another `asset`, the winner that was picked among several of them
    (`pick`), a `color` that fills the whole, the `picture` itself.

    match: variables in which that target, or those that compete, agree with this one; left out, all that both have.
    model, index: which of several, where that is not settled by the cell, or which of them compete.
    scale: its width as a share of the whole's; left out, it keeps its size. anchor, margin: where it lies, in pixels
    from the sides. opacity: 1.0 hides what is below.
    """

    image: str | None = None
    asset: str | None = None
    pick: str | None = None
    match: list[str] | None = None
    model: str = ""
    index: int | None = None
    color: str | None = None
    picture: bool = False
    anchor: Anchor = "center"
    margin: int = 0
    scale: float | None = None
    opacity: float = 1.0

    def __post_init__(self) -> None:
        named = (self.image, self.asset, self.pick, self.color)
        if (*(name is not None for name in named), self.picture).count(True) != 1:
            raise ValueError(
                "a layer is an image, an asset, a pick, a color or the picture: give one of the five"
            )
        if self.edge is None and (self.match, self.model, self.index) != (None, "", None):
            raise ValueError("match, model and index choose a target of an asset: give the asset too")
        if self.color is not None:
            rgba_of(self.color)
            if (self.scale, self.margin) != (None, 0):
                raise ValueError("a layer of a color fills the whole: leave scale and margin out")
        check_laying(self.margin, self.scale, self.opacity)

    @property
    def edge(self) -> Edge | Pick | None:
        if self.pick is not None:
            return Pick(pick=self.pick, match=self.match, model=self.model, index=self.index)
        if self.asset is None:
            return None
        return Edge(asset=self.asset, match=self.match, model=self.model, index=self.index)

    @property
    def file(self) -> str | None:
        """What its picture is known by, if it is neither a colour nor the picture itself."""
        return self.image if (edge := self.edge) is None else upstream_name(edge)


class Compose(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lays the `layers` over each other, the first at the bottom; `{picture: true}` among them is the picture itself.

    The others are `{image: FILE}`, `{asset: NAME}`, `{pick: NAME}` (the winner among that asset's targets) and
    `{color: …}`. Each may have an `anchor`, a `margin`, a `scale` and an `opacity`. The whole is as large as `width`
    and `height` say, and else as the first layer that has a size. A first layer that is an image, an asset or a pick
    fills the whole: it is scaled, and what stands over is cut off at its `anchor`'s other side. The result has alpha
    where something of it is transparent.
    """

    name: ClassVar[str] = "compose"
    example: ClassVar[str] = (
        "{layers: [{color: white}, {picture: true}, {image: refs/logo.png, anchor: top}]}"
    )

    added: ClassVar[tuple[str, ...]] = ("pick",)  # of a layer

    layers: list[Layer]
    width: int | None = None
    height: int | None = None

    def __post_init__(self) -> None:
        if sum(layer.picture for layer in self.layers) != 1:
            raise ValueError("compose needs the picture as one of its layers: {picture: true}")
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height go together")
        check_size(self.width, self.height)

    def mixes_in(self) -> bool:
        return any(layer.file is not None for layer in self.layers)

    def files(self) -> Sequence[str]:
        return tuple(dict.fromkeys(layer.file for layer in self.layers if layer.file is not None))

    def edges(self) -> Sequence[tuple[tuple[str | int, ...], Edge | Pick]]:
        found = ((("layers", at), layer.edge) for at, layer in enumerate(self.layers))
        return [(path, edge) for path, edge in found if edge is not None]

    def placed(self, locate: Callable[[str], str]) -> Self:
        layers = [
            layer if layer.image is None else replace(layer, image=locate(layer.image))
            for layer in self.layers
        ]
        return replace(self, layers=layers)

    def apply_with(self, picture: PILImage, files: Mapping[str, bytes]) -> PILImage:
        layers = [self._drawn(layer, picture, files) for layer in self.layers]
        sized = next(layer for layer in layers if layer is not None)
        size = (self.width, self.height) if self.width and self.height else sized.size
        check_result(self.name, *size)
        whole = pillow.new("RGBA", size, (0, 0, 0, 0))
        for number, (layer, above) in enumerate(zip(self.layers, layers, strict=True)):
            if above is None:
                above = pillow.new("RGBA", size, rgba_of(layer.color or ""))
            elif number == 0 and layer.file is not None and layer.scale is None:
                above = cover(above, *size, layer.anchor)
            lay(
                whole,
                above,
                layer.image
                or (f"the image of '{named}'" if (named := layer.asset or layer.pick) else "the picture"),
                anchor=layer.anchor,
                margin=layer.margin,
                scale=layer.scale,
                opacity=layer.opacity,
            )
        return whole if whole.getchannel("A").getextrema() != (255, 255) else whole.convert("RGB")

    def _drawn(self, layer: Layer, picture: PILImage, files: Mapping[str, bytes]) -> PILImage | None:
        """The layer as RGBA, at its own size; None for a colour, which has none."""
        if layer.picture:
            return picture.convert("RGBA")
        if layer.file is None:
            return None
        return drawn(files, layer.file)
