"""The vendor's client, kept from call to call, for whoever asks there: it sends nothing twice by itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from imgbuild.providers.clients import Clients

if TYPE_CHECKING:
    import openai

ADDRESS = "https://api.openai.com/v1"
KEY = "OPENAI_API_KEY"


def client_of(
    kept: Clients[openai.OpenAI], key: str, base_url: str, timeout: float, version: str = ""
) -> openai.OpenAI:
    """This thread's client of a server. timeout: seconds. version: of Azure's API, where keys and paths are others.

    Whether to send again is the run's to decide.
    """
    import openai

    kind = partial(openai.AzureOpenAI, api_version=version) if version else openai.OpenAI
    make = partial(kind, api_key=key, base_url=base_url, max_retries=0, timeout=timeout)
    return kept.of(make, key, base_url, version, timeout)
