"""What Jinja says of a faulty template, in plain words, at the place it speaks of."""

from __future__ import annotations

import re
from typing import NamedTuple

from imgbuild.errors import SpecError, did_you_mean
from imgbuild.templates.template import spot
from imgbuild.types import Where

TEMPLATES = "templates are Jinja: {{ name }}, {{ name | upper }}, {% if sale %}…{% endif %}"
CONDITIONS = "conditions are Jinja: stock > 0, color == 'red', name in ['lamp', 'desk'], not sale"
TAGS = ("else", "elif", "endfor", "endif", "for", "if")

_OPEN_HOLE = r"\{\{(?!(?:(?!\{\{).)*?\}\})"
_OPEN_TAG = r"\{%(?!(?:(?!\{%).)*?%\})"
_NOT_CLOSED = r"unexpected '\}'|unexpected end of template, expected 'end of"


class _Phrase(NamedTuple):
    """says: a pattern of Jinja's message; `\\1` in the rest stands for its group. spot: what it is about."""

    says: str
    message: str
    hint: str = ""
    spot: str = ""


_PHRASES = [
    _Phrase(_NOT_CLOSED, "a '{{' is not closed", "write two braces on each side: {{ name }}", _OPEN_HOLE),
    _Phrase(_NOT_CLOSED, "a '{%' is not closed", "write {% if sale %}…{% endif %}", _OPEN_TAG),
    _Phrase(
        r"needs to be closed is '(\w+)'",
        r"'{% \1 … %}' has no end",
        r"end it with {% end\1 %}",
        r"\{%-?\s*\1\b",
    ),
    _Phrase(
        r"expected token 'end of [^']*', got '(.+)'",
        r"'\1' is not expected here",
        "a hole names one value: {{ name }}, or a column of a row as {{ product.name }}",
        r"(?<![\w.])\1(?!\w)",
    ),
    _Phrase(
        r"Expected an expression, got 'end of",
        "a hole is empty",
        "name a variable in it: {{ name }}",
        r"\{[{%]\W*[%}]\}",
    ),
    _Phrase(
        "unexpected char \"'\"|unexpected char '\"'",
        "a quote in a hole is not closed",
        "",
        r"\{\{[^}]*?(['\"].*)",
    ),
    _Phrase(r"unexpected char '(.+)' at", r"'\1' can't stand in a hole", "", r"\1"),
    _Phrase(
        r"expected token 'name', got", "a name is missing after '|' or '.'", "", r"[|.](?=\s*(?:\}\}|%\}))"
    ),
    _Phrase(
        r"unknown tag '(end\w*|else|elif)'",
        r"'{% \1 %}' belongs to nothing before it",
        "begin with {% if … %} or {% for … %}, or leave it out",
        r"\{%-?\s*\1\b",
    ),
    _Phrase(r"Missing end of comment tag", "a '{#' is not closed", "end it with #}", r"\{#"),
    _Phrase(r"unexpected 'end of template'", "the expression ends too early"),
]
_UNKNOWN_TAG = re.compile(r"unknown tag '(\w+)'")
_COMPARED = re.compile(r"'(.+)' not supported between instances of '(\w+)' and '(\w+)'")


def explain(says: str, where: Where, hint: str, line: int = 1) -> SpecError:
    """The error for what Jinja's parser says. hint: the way out where none is better. line: in the template."""
    within = f" in line {line} of the template" if line > 1 else ""
    matches = [(phrase, found) for phrase in _PHRASES if (found := re.search(phrase.says, says))]
    known = [_explained(phrase, found, where, hint) for phrase, found in matches]
    best = next((error for error in known if error.where is not where), None)
    if best is not None:
        return best
    if known:
        return SpecError(f"{known[0].message}{within}", where=where, hint=known[0].hint)
    unknown = _UNKNOWN_TAG.search(says)
    if unknown:
        place = spot(where, rf"\{{%-?\s*({unknown[1]})\b") or where
        tags = did_you_mean(unknown[1], TAGS, "tags")
        return SpecError(f"unknown tag '{unknown[1]}'", where=place, hint=tags)
    return SpecError(f"{says[:1].lower()}{says[1:].rstrip('.')}{within}", where=where, hint=hint)


def _explained(phrase: _Phrase, found: re.Match[str], where: Where, hint: str) -> SpecError:
    """The error for a phrase of Jinja's; its place is `where` itself if nothing nearer is found."""
    place = spot(where, _filled(phrase.spot, found, literal=True)) if phrase.spot else None
    message, own = _filled(phrase.message, found), _filled(phrase.hint, found)
    return SpecError(message, where=place or where, hint=own or hint)


def _filled(text: str, found: re.Match[str], *, literal: bool = False) -> str:
    group = found[1] if found.re.groups else ""
    return text.replace(r"\1", re.escape(group) if literal else group)


def computed(says: str) -> str:
    """What went wrong in computing, in plain words."""
    found = _COMPARED.search(says)
    if found:
        return f"{_kind(found[2])} and {_kind(found[3])} can't be compared with '{found[1]}'"
    return f"this can't be rendered: {says}"


def _kind(name: str) -> str:
    """What a value of that class is to the people who wrote it."""
    if name == "NoneType":
        return "nothing"
    if name in ("dict", "Group"):
        return "a mapping"
    for kind, words in (("Text", "text"), ("str", "text"), ("ist", "a list")):
        if name.endswith(kind):
            return words
    return "a number"
