"""How much nearer a picture is to one word of a pair than to its opposite, as CLIP sees it: CLIP-IQA.

Wang, Chan and Loy, "Exploring CLIP for Assessing the Look and Feel of Images", AAAI 2023. There the network's places in
the picture are left out, so that pictures of any size go in; here one is prepared as the network's own folder says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from imgbuild.images import Picture
from imgbuild.rules.band import Band, rounded
from imgbuild.rules.base import Measured
from imgbuild.rules.clip import clip_at_work
from imgbuild.types import Value
from imgbuild.weights.networks import Networks


class Quality(Band, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the share of the first of `words`, 0 to 1, between `min` and `max`: 0.5 is between the two.

    model: a declared model of provider `weights` that is a CLIP. words: a text and its opposite, such as
    ["Sharp photo.", "Blurry photo."].
    """

    name: ClassVar[str] = "quality"
    example: ClassVar[str] = "{model: clip, min: 0.6}"
    high: ClassVar[float | None] = 1
    model_fields: ClassVar[tuple[str, ...]] = ("model",)

    model: str
    words: tuple[str, str] = ("Good photo.", "Bad photo.")

    def measured_by(self) -> Mapping[str, Value]:
        return {"words": list(self.words)}

    def measure_by(self, picture: Picture, files: Mapping[str, bytes], networks: Networks) -> Measured:
        with clip_at_work(networks, self.model, self.name) as clip:
            likeness = clip.scale * (clip.read(self.words) @ clip.see(picture))
            return {self.name: rounded(float(likeness.softmax(0)[0]))}
