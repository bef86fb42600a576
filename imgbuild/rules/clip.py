"""Pictures and texts as one network sees both: CLIP.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from imgbuild.extras import need
from imgbuild.images import Picture
from imgbuild.weights.causes import must_load
from imgbuild.weights.networks import Networks, Weights
from imgbuild.weights.transformer import pretrained, steady


@contextmanager
def clip_at_work(networks: Networks, name: str, rule: str) -> Iterator[Clip]:
    """The CLIP of a declared model. rule: that looks through it. Raises TargetError."""
    need("torch", "torch", f"'{rule}'", "local")
    need("transformers", "transformers", f"'{rule}'", "local")
    with networks.at_work("clip", name, Clip) as clip, steady():
        yield clip


class Clip:
    """A network with what prepares pictures and texts for it."""

    def __init__(self, weights: Weights) -> None:
        self.model = pretrained("AutoModel", weights)
        self.processor = pretrained("AutoImageProcessor", weights)
        self.tokenizer = pretrained("AutoTokenizer", weights)
        with must_load(
            f"the network '{weights.source}'", "it must see pictures and read texts, as CLIP does"
        ):
            self.scale = float(self.model.logit_scale.detach().exp())
            self.length = int(self.model.config.text_config.max_position_embeddings)

    def see(self, picture: Picture) -> Any:
        """The picture as a vector of length 1."""
        given = self.processor(images=picture.flat, return_tensors="pt")
        return _unit(self.model.get_image_features(pixel_values=given["pixel_values"]))[0]

    def read(self, texts: Sequence[str]) -> Any:
        """Each text as a vector of length 1; of a long one, what the network reads of it."""
        rows = [
            self.tokenizer(text, truncation=True, max_length=self.length, return_tensors="pt")
            for text in texts
        ]
        import torch

        return torch.cat([_unit(self.model.get_text_features(**row)) for row in rows])


def _unit(features: Any) -> Any:
    found = getattr(features, "pooler_output", features)  # since transformers 5 it is a part of what comes
    return found / found.norm(dim=-1, keepdim=True)
