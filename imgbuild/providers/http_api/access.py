"""Who asks: the key as it goes along, and tokens of OAuth 2, fetched with a client's secret and kept a while."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from msgspec import Struct
from msgspec.json import encode

from imgbuild.errors import Throttled, Transient, Unanswered, Unavailable
from imgbuild.providers.http_api.declared import Declared, OAuth
from imgbuild.providers.keys import key_of, without
from imgbuild.providers.web import Reply, Web, said_of

MARGIN = 30.0  # seconds before its end at which a token counts as expired
SHORTEST = 4  # letters of what is a secret: fewer stand in any text
_PROVIDER = "http"


class Access(Struct, frozen=True, kw_only=True):
    """What a call has beside what it says. headers: by names in small letters. query: added to the address.

    token: the one among them. secrets: what is in no error and no record.
    """

    headers: Mapping[str, str] = {}
    query: tuple[tuple[str, str], ...] = ()
    token: str = ""
    secrets: tuple[str, ...] = ()

    def hide(self, text: str) -> str:
        """The text without any of the secrets, whether it has them as they are or percent-encoded."""
        for secret in sorted(
            {*self.secrets, *(quote(secret, safe="") for secret in self.secrets)}, key=len, reverse=True
        ):
            if len(secret) >= SHORTEST:
                text = text.replace(secret, "(key)")
        return text


class _Token(Struct, frozen=True):
    """until: by the clock; None where it was not said."""

    text: str
    until: float | None


class Tokens:
    """Tokens of OAuth 2, by client credentials (RFC 6749, 4.4). Safe to use from several threads.

    A token is kept in memory until it expires, or turns out to be no good.
    """

    def __init__(self, web: Web, clock: Callable[[], float] = time.monotonic) -> None:
        self._web, self._clock = web, clock
        self._known: dict[bytes, _Token] = {}  # by all that is declared of the client
        self._lock = threading.Lock()

    def of(self, oauth: OAuth, environ: Mapping[str, str]) -> str:
        """The token of a client. Raises Unavailable where it gets none, Transient where it gets none now.

        environ: where the keys are looked up.
        """
        client = encode(oauth)
        with self._lock:
            known = self._known.get(client)
            if known is None or (known.until is not None and self._clock() >= known.until):
                known = self._known[client] = self._fetched(oauth, environ)
            return known.text

    def drop(self, oauth: OAuth, token: str) -> None:
        """A token was not taken; whoever asks next gets another one."""
        client = encode(oauth)
        with self._lock:
            if (known := self._known.get(client)) is not None and known.text == token:
                del self._known[client]

    def _fetched(self, oauth: OAuth, environ: Mapping[str, str]) -> _Token:
        form = {
            "grant_type": "client_credentials",
            "client_id": key_of([oauth.client_id], _PROVIDER, environ),
            "client_secret": key_of([oauth.client_secret], _PROVIDER, environ),
            **({"scope": oauth.scope} if oauth.scope else {}),
            **oauth.fields,
        }
        try:
            reply = self._web.call("POST", oauth.url, data=form, headers={"accept": "application/json"})
        except Unanswered as error:  # no image was asked for
            raise Transient(f"no token could be had: {error.message}") from None
        told: Any = None
        with suppress(ValueError):
            told = json.loads(reply.body)
        token = told.get("access_token") if isinstance(told, Mapping) else None
        token = token.strip() if isinstance(token, str) else ""
        if reply.status != 200 or not (token and token.isascii() and token.isprintable()):
            raise _refused(reply, oauth, form["client_secret"])
        return _Token(token, self._until(told.get("expires_in")))

    def _until(self, seconds: object) -> float | None:
        with suppress(ValueError, TypeError):
            lasts = float(seconds)  # type: ignore[arg-type]  # some send it as text
            return self._clock() + lasts - min(MARGIN, lasts / 10)
        return None


def access_of(form: Declared, tokens: Tokens, environ: Mapping[str, str]) -> Access:
    """What goes along with a call now. environ: where keys are looked up. Raises Unavailable, Transient."""
    auth, key = form.auth, key_of([form.key], _PROVIDER, environ) if form.key else ""
    headers, query, secrets = dict[str, str](), list[tuple[str, str]](), [key] if key else []
    if auth.query:
        query.append((auth.query, key))
    elif auth.basic:
        login = key if ":" in key else f"{key}:"
        packed = b64encode(login.encode()).decode()
        headers["authorization"] = f"Basic {packed}"
        secrets += [packed, login.partition(":")[2]]
    elif key:
        header = auth.header.lower() or "authorization"
        prefix = "Bearer " if auth.prefix is None and header == "authorization" else auth.prefix or ""
        headers[header] = f"{prefix}{key}"
    token = tokens.of(auth.oauth, environ) if auth.oauth is not None else ""
    if auth.oauth is not None:
        headers["authorization"] = f"Bearer {token}"
        secrets += [token, key_of([auth.oauth.client_secret], _PROVIDER, environ)]
    return Access(headers=headers, query=tuple(query), token=token, secrets=tuple(secrets))


def _refused(reply: Reply, oauth: OAuth, secret: str) -> Unavailable | Transient:
    """What an answer without a token means."""
    said = without(secret, said_of(reply))[:300]
    if reply.status == 429:
        return Throttled(f"no token could be had: {said}", retry_after=reply.wait)
    if reply.status >= 500:
        return Transient(f"no token could be had: {said}", retry_after=reply.wait)
    hint = f"do {oauth.client_id} and {oauth.client_secret} hold those of a client that may do this?"
    return Unavailable(f"no token is given: {said}", hint=hint)
