"""How likely a picture is to show what not everybody should see, as a network says that sorts pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from msgspec import field

from imgbuild.errors import TargetError
from imgbuild.extras import need
from imgbuild.images import Picture
from imgbuild.rules.band import check_bounds, in_words, rounded
from imgbuild.rules.base import Measured, Rule
from imgbuild.types import Finding
from imgbuild.weights.networks import Networks, Weights
from imgbuild.weights.transformer import pretrained, steady


class Nsfw(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the likelihood of `labels` together, 0 to 1, to at most `max`.

    model: a declared model of provider `weights` that sorts pictures (image classification of transformers), such as
    into "normal" and "nsfw". Other labels make it a rule on whatever else the model knows.
    """

    name: ClassVar[str] = "nsfw"
    example: ClassVar[str] = "{model: safety, max: 0.2}"
    model_fields: ClassVar[tuple[str, ...]] = ("model",)

    model: str
    labels: list[str] = field(default_factory=lambda: ["nsfw"])
    max: float = 0.5

    def __post_init__(self) -> None:
        check_bounds(None, self.max, "min", "max", 0, 1)
        if not self.labels:
            raise ValueError("labels must be at least one")

    def measure_by(self, picture: Picture, files: Mapping[str, bytes], networks: Networks) -> Measured:
        need("torch", "torch", f"'{self.name}'", "local")
        need("transformers", "transformers", f"'{self.name}'", "local")
        with networks.at_work("sorter", self.model, Sorter) as sorter, steady():
            return sorter.sort(picture)

    def judge(self, measured: Measured) -> Finding:
        for label in self.labels:
            if label not in measured:
                raise TargetError(
                    f"'nsfw' asks for the label '{label}', which its model has not",
                    hint=f"its labels: {', '.join(measured)}",
                )
        figure = rounded(sum(measured[label] for label in self.labels))
        return Finding(ok=figure <= self.max, figure=figure, limit=in_words(None, self.max))


class Sorter:
    """A network that sorts pictures, with what prepares them for it."""

    def __init__(self, weights: Weights) -> None:
        self.model = pretrained("AutoModelForImageClassification", weights)
        self.processor = pretrained("AutoImageProcessor", weights)

    def sort(self, picture: Picture) -> Measured:
        """Label → likelihood; they come to 1, unless the model gives several labels to one picture."""
        scores = self.model(**self.processor(images=picture.flat, return_tensors="pt")).logits[0]
        several = self.model.config.problem_type == "multi_label_classification"
        likely = (scores.sigmoid() if several else scores.softmax(0)).tolist()
        return {self.model.config.id2label[at]: rounded(figure) for at, figure in enumerate(likely)}
