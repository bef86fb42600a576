"""How likely a picture is to show what not everybody should see, as a network, or a service, sorts pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from msgspec import field

from imgbuild.errors import Misdeclared, TargetError
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
    into "normal" and "nsfw"; or of provider `openai_moderation`, a service, which tells how likely each label is by
    itself. Other labels make it a rule on whatever else the model knows.
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

    def check_service(self, labels: Sequence[str]) -> None:
        for at, label in enumerate(self.labels):
            if label not in labels:
                message, hint = _unknown(label, labels)
                raise Misdeclared(message, ("labels", at), hint=hint)

    def measure_by(self, picture: Picture, files: Mapping[str, bytes], networks: Networks) -> Measured:
        judge = networks.judge(self.model)
        if judge is not None:
            return {label: rounded(figure) for label, figure in judge.ask(picture.flat).items()}
        need("torch", "torch", f"'{self.name}'", "local")
        need("transformers", "transformers", f"'{self.name}'", "local")
        with networks.at_work("sorter", self.model, Sorter) as sorter, steady():
            return sorter.sort(picture)

    def judge(self, measured: Measured) -> Finding:
        for label in self.labels:
            if label not in measured:
                message, hint = _unknown(label, measured)
                raise TargetError(message, hint=hint)
        figure = rounded(sum(measured[label] for label in self.labels))
        return Finding(ok=figure <= self.max, figure=figure, limit=in_words(None, self.max))


def _unknown(label: str, labels: Iterable[str]) -> tuple[str, str]:
    """A sentence and a hint."""
    return f"'nsfw' asks for the label '{label}', which its model has not", f"its labels: {', '.join(labels)}"


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
