"""OpenAI's images, and those of servers that speak its protocol."""

from imgbuild.providers.openai.provider import OpenAI

__all__ = ["OpenAI"]
