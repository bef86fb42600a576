"""Services that judge pictures, asked as fast as they bear it: through the limiter of their provider."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from imgbuild.providers.base import Provider
from imgbuild.run.limits import Limits, learn
from imgbuild.weights.networks import Judge, Weights

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


def paced(
    found: Weights | Judge, provider: Provider, limits: Limits, stop: threading.Event
) -> Weights | Judge:
    """Weights as they are; a service so that each question waits for its turn, and is tried again, until `stop`."""
    if isinstance(found, Weights):
        return found
    limiter, ask = limits.of(provider.name, found.server), found.ask
    provider.tell_left = learn

    def asked(picture: PILImage) -> Mapping[str, float]:
        return limiter.call(partial(ask, picture), stop)

    return replace(found, ask=asked)
