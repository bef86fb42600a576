"""Hugging Face's inference providers: models of the hub, served by many."""

from imgbuild.providers.huggingface.provider import HuggingFace

__all__ = ["HuggingFace"]
