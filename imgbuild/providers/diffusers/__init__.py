"""Local diffusion: pipelines of Hugging Face diffusers, on this machine's own GPU or CPU."""

from imgbuild.providers.diffusers.provider import Diffusers

__all__ = ["Diffusers"]
