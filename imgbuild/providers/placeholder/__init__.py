"""The embedded provider: handsome stand-ins, the same bits on every machine, without model, key or network."""

from imgbuild.providers.placeholder.provider import Placeholder

__all__ = ["Placeholder"]
