"""Keys come from the environment: none is written into a declaration, and each goes along in one way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, urlsplit

from imgbuild.errors import Misdeclared
from imgbuild.providers.http_api.declaration import BODIES, POLL, REQUEST, Declaration
from imgbuild.providers.http_api.declared import Auth
from imgbuild.providers.http_api.filling import Path
from imgbuild.templates.varying import is_varying
from imgbuild.types import Value

AUTH: Path = ("params", "auth")
_KEY = "name the variable that holds it, 'key: IMGBUILD_HOUSE_KEY'; 'auth' says how it goes along"

# Names by which keys go along. What they hold comes from the environment, and never from a spec.
_SECRET = re.compile(r"(.*(api|access|auth|secret|private|subscription)(key|token)|.*secret|password|cookie)")
_SECRET_ALONE = re.compile(rf"{_SECRET.pattern}|key|token|xkey|bearer|(proxy)?authorization")


def check_secrets(declared: Declaration) -> None:
    """Raise Misdeclared for the first fault."""
    _check_literal_keys(declared)
    _check_auth(declared.form.auth, declared.form.key)


def _check_literal_keys(declared: Declaration) -> None:
    """A key that is written into a spec is everybody's."""
    for path, secret, named in _named(declared):
        for name, value in named:
            short = re.sub(r"[-_. ]", "", name.lower())
            if short == "authorization" or (value and not is_varying(value) and secret.fullmatch(short)):
                message = f"'{name}' is written into the spec, and a key has no place there"
                raise Misdeclared(message, (*path, name), key=True, hint=_KEY)


def _named(declared: Declaration) -> Iterator[tuple[Path, re.Pattern[str], list[tuple[str, Value]]]]:
    """The names in a request that could be those of keys, what to look for among them, and their values."""
    sent, poll, oauth = declared.form.request, declared.form.poll, declared.form.auth.oauth
    yield (*REQUEST, "headers"), _SECRET_ALONE, [*sent.headers.items()]
    yield (*REQUEST, "query"), _SECRET_ALONE, [*sent.query.items()]
    yield (*REQUEST, "url"), _SECRET_ALONE, [*parse_qsl(urlsplit(sent.url).query)]
    for name in BODIES:
        body = getattr(sent, name)
        yield (*REQUEST, name), _SECRET, [*body.items()] if isinstance(body, Mapping) else []
    if poll is not None:
        yield (*POLL, "headers"), _SECRET_ALONE, [*poll.headers.items()]
        yield (*POLL, "url"), _SECRET_ALONE, [*parse_qsl(urlsplit(poll.url).query)]
        yield (*POLL, "result"), _SECRET_ALONE, [*parse_qsl(urlsplit(poll.result).query)]
        yield (*POLL, "json"), _SECRET, [*poll.json.items()] if isinstance(poll.json, Mapping) else []
    if oauth is not None:
        yield (*AUTH, "oauth", "fields"), _SECRET, [*oauth.fields.items()]


def _check_auth(auth: Auth, key: str) -> None:
    ways = [name for name in ("header", "query", "basic") if getattr(auth, name)]
    if len(ways) > 1:
        message = f"the key goes along once, and here are both '{ways[0]}' and '{ways[1]}'"
        raise Misdeclared(message, (*AUTH, ways[1]), key=True, hint="remove one of the two")
    given = next((name for name in (*ways, "prefix") if getattr(auth, name)), None)
    if given and not key:
        hint = "name the variable that holds it: 'key: IMGBUILD_HOUSE_KEY'"
        raise Misdeclared(
            "'auth' says how a key goes along, and there is none", (*AUTH, given), key=True, hint=hint
        )
    if auth.prefix is not None and (auth.query or auth.basic):
        raise Misdeclared(
            "a 'prefix' stands in a header only", (*AUTH, "prefix"), key=True, hint="leave it out"
        )
    is_beside = auth.query or auth.header.lower() not in ("", "authorization")
    if auth.oauth is not None and key and not is_beside:
        hint = "let the key have a header of its own: 'auth: {header: x-api-key, …}', or leave it out"
        raise Misdeclared(
            "the token and the key would be the same header", (*AUTH, "oauth"), key=True, hint=hint
        )
    for name, text, odd in (("header", auth.header, r"[^!-9;-~]"), ("prefix", auth.prefix or "", r"[^ -~]")):
        if re.search(odd, text):
            raise Misdeclared(f"'{name}' holds what no header can", (*AUTH, name))
