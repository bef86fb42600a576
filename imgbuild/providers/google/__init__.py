"""Google's Gemini models that make images."""

from imgbuild.providers.google.provider import Google

__all__ = ["Google"]
