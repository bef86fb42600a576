"""fal's queue, in which many vendors' models are served."""

from imgbuild.providers.fal.provider import Fal

__all__ = ["Fal"]
