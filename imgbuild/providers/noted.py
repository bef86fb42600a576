"""An image with what its vendor says of it, as the record has it, whoever the vendor is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgbuild.images import open_header
from imgbuild.types import Image, Request


def noted(
    data: bytes,
    request: Request,
    *,
    seed: object = None,
    prompt: object = None,
    cost: float | None = None,
    more: Mapping[str, Any] | None = None,
    who: str = "the vendor",
) -> Image:
    """The image in `data`. seed, prompt: as the answer has them; what is no seed, or no text, is passed over.

    The prompt is noted where it is not the one that was asked for, and the size where it is not that. cost: US dollars.
    more: further facts; empty ones are left out. who: sent it. Raises BadImage.
    """
    size = open_header(data, f"what {who} sent").size
    told = {
        **(more or {}),
        "revised_prompt": prompt if isinstance(prompt, str) and prompt != request.prompt else "",
        "size": f"{size[0]}x{size[1]}" if size != (request.width, request.height) else "",
    }
    return Image(
        data=data,
        seed=seed if isinstance(seed, int) and not isinstance(seed, bool) else None,
        cost=cost,
        info={name: value for name, value in told.items() if value},
    )
