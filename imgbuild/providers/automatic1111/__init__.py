"""AUTOMATIC1111's Stable Diffusion web UI, and those that speak its API."""

from imgbuild.providers.automatic1111.provider import Automatic1111

__all__ = ["Automatic1111"]
