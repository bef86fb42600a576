"""One picture laid over another: how large, where, how opaque. What operations share that do so."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from PIL import Image as pillow

from imgbuild.errors import TargetError
from imgbuild.images import decode, normal
from imgbuild.process.placement import Anchor, offset, scaled

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


def check_laying(margin: int, scale: float | None, opacity: float) -> None:
    """Raises ValueError for parameters that can't be meant."""
    if margin < 0:
        raise ValueError(f"margin must be at least 0, not {margin}")
    if scale is not None and not 0 < scale <= 1:
        raise ValueError(f"scale must be above 0 and at most 1, not {scale}")
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity must be between 0 and 1, not {opacity}")


def drawn(files: Mapping[str, bytes], path: str) -> PILImage:
    """The picture in a file, RGBA. Raises BadImage."""
    return normal(decode(files[path], path), path).convert("RGBA")


def lay(
    whole: PILImage,
    above: PILImage,
    what: str,
    *,
    anchor: Anchor,
    margin: int,
    scale: float | None,
    opacity: float,
) -> None:
    """Lay `above` over `whole`, both RGBA; the latter is changed.

    margin: pixels from the sides. scale: its width as a share of the whole's; None: as it is. what: it is, in errors.
    Raises TargetError where it does not fit.
    """
    above = _faded(_scaled(above, scale, whole.width), opacity)
    free = (whole.width - above.width - 2 * margin, whole.height - above.height - 2 * margin)
    if min(free) < 0:
        raise TargetError(
            f"{what} is {above.width}×{above.height}, and does not fit into {whole.width}×{whole.height}",
            hint="give it a smaller 'scale' or 'size', or less 'margin'",
        )
    left, top = (margin + int(side) for side in offset(anchor, *free))
    whole.alpha_composite(above, (left, top))


def _scaled(above: PILImage, scale: float | None, width: int) -> PILImage:
    if scale is None:
        return above
    by = Fraction(str(scale)) * width / above.width
    size = (scaled(above.width, by), scaled(above.height, by))
    return above.convert("RGBa").resize(size, pillow.Resampling.LANCZOS).convert("RGBA")


def _faded(above: PILImage, opacity: float) -> PILImage:
    if opacity == 1:
        return above
    faded = above.copy()
    faded.putalpha(above.getchannel("A").point([int(level * opacity + 0.5) for level in range(256)]))
    return faded
