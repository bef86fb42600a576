"""Weights that rules and operations use; a model of this provider makes no images."""

from imgbuild.providers.weights.provider import WeightsOnly

__all__ = ["WeightsOnly"]
