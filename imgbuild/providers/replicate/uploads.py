"""Pictures that go along: small ones within the request, others uploaded first, for a day."""

from __future__ import annotations

import io
from base64 import b64encode

from imgbuild.errors import ProviderFailed
from imgbuild.providers.replicate.api import Look, part_of

SMALL = 256_000  # bytes of an address that holds the picture itself; the vendor wants larger ones uploaded


def address_of(png: bytes, look: Look) -> str:
    """Where the vendor finds a picture. look: gives what the API says to one call of the SDK. Raises ProviderFailed."""
    within = f"data:image/png;base64,{b64encode(png).decode()}"
    if len(within) <= SMALL:
        return within
    told = look(
        lambda client: client.files.create(io.BytesIO(png), filename="image.png", content_type="image/png")
    )
    address = part_of(told, "urls", "get")
    if not isinstance(address, str) or not address.startswith(("https://", "http://")):
        raise ProviderFailed("the vendor took a picture, and did not say where it lies", hint="build again")
    return address
