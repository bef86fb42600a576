"""The cosine between a picture and a text, as CLIP sees both: the higher, the better the text describes the picture.

Hessel et al., "CLIPScore: A Reference-free Evaluation Metric for Image Captioning", EMNLP 2021; that score is 2.5 times
this figure, and never below 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from msgspec.structs import replace

from imgbuild.errors import TargetError
from imgbuild.images import Picture
from imgbuild.rules.band import Band, rounded
from imgbuild.rules.base import Measured
from imgbuild.rules.clip import clip_at_work
from imgbuild.types import Value
from imgbuild.weights.networks import Networks


class PromptMatch(Band, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the cosine of picture and prompt between `min` and `max`. Real CLIPs give from 0.15 (unrelated) to 0.35.

    model: a declared model of provider `weights` that is a CLIP. text: in place of the prompt. Of a long text, CLIP
    reads the first 77 tokens.
    """

    name: ClassVar[str] = "prompt_match"
    example: ClassVar[str] = "{model: clip, min: 0.24}"
    low: ClassVar[float] = -1
    high: ClassVar[float | None] = 1
    model_fields: ClassVar[tuple[str, ...]] = ("model",)

    model: str
    text: str | None = None

    def about(self, prompt: str) -> Self:
        return replace(self, text=prompt) if prompt and self.text is None else self

    def measured_by(self) -> Mapping[str, Value]:
        return {"text": self.text}

    def measure_by(self, picture: Picture, files: Mapping[str, bytes], networks: Networks) -> Measured:
        if not self.text:
            raise TargetError(
                "'prompt_match' has nothing to compare with: this picture was made by no prompt",
                hint="give the rule a 'text'",
            )
        with clip_at_work(networks, self.model, self.name) as clip:
            return {self.name: rounded(float(clip.read([self.text])[0] @ clip.see(picture)))}
