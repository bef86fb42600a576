"""Replicate's models: official ones, versions of anybody's, and deployments."""

from imgbuild.providers.replicate.provider import Replicate

__all__ = ["Replicate"]
