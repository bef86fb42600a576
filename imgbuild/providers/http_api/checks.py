"""Faults of a declaration that only show when its parts are held against each other."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from imgbuild.errors import Misdeclared, did_you_mean
from imgbuild.providers.http_api.bindings import NAMES, many, pictures_of
from imgbuild.providers.http_api.declaration import BODIES, POLL, REQUEST, Declaration
from imgbuild.providers.http_api.declared import Answer, Poll
from imgbuild.providers.http_api.filling import Leaf, Path
from imgbuild.providers.http_api.finding import check_expression
from imgbuild.providers.http_api.secrecy import check_secrets
from imgbuild.templates.values import Group
from imgbuild.templates.varying import is_varying
from imgbuild.types import ROLES, Model

ANSWER: Path = ("params", "answer")
TAKES: Path = ("params", "takes")
_FOUND = ("base64", "url", "seed", "cost", "prompt", "reason", "retry_after")
_ENDS = ("done", "failed", "refused", "pending")
_SMALL = bytes(30_000)  # a small picture: what no template can do with it is told before a real one is sent


def check(declared: Declaration, model: Model) -> None:
    """Raise Misdeclared for the first fault."""
    _check_body(declared)
    check_secrets(declared)
    for path, text in _expressions(declared):
        check_expression(text, path)
    _check_answer(declared.form.answer)
    if declared.form.poll is not None:
        _check_poll(declared, declared.form.poll)
    _check_names(declared, model)
    _check_takes(declared)
    _check_params(declared)
    _check_grade(declared)
    _try(declared, model)


def _check_body(declared: Declaration) -> None:
    bodies = [name for name in BODIES if getattr(declared.form.request, name) is not None]
    if len(bodies) > 1:
        message = f"a request has one body, and here are both '{bodies[0]}' and '{bodies[1]}'"
        raise Misdeclared(message, (*REQUEST, bodies[1]), key=True, hint="remove one of the two")
    if bodies and declared.form.request.method == "GET":
        raise Misdeclared("a GET has no body", (*REQUEST, bodies[0]), key=True, hint="put it into 'query'")


def _expressions(declared: Declaration) -> Iterator[tuple[Path, str]]:
    answer, poll = declared.form.answer, declared.form.poll
    for name in _FOUND:
        yield (*ANSWER, name), getattr(answer, name)
    yield (*ANSWER, "refused", "when"), answer.refused.when
    yield (*ANSWER, "failed"), answer.failed
    for name in ("id", "address", "state") if poll is not None else ():
        yield (*POLL, name), getattr(poll, name)


def _check_answer(answer: Answer) -> None:
    if answer.base64 and answer.url:
        message = "the image is found in one way, and here are both 'base64' and 'url'"
        raise Misdeclared(message, (*ANSWER, "url"), key=True, hint="remove one of the two")


def _check_poll(declared: Declaration, poll: Poll) -> None:
    if bool(poll.address) == bool(poll.url):
        message = "'poll' has both 'url' and 'address'" if poll.url else "'poll' does not say where to ask"
        hint = "give 'id' and 'url', or 'address' where the answer names that"
        raise Misdeclared(message, POLL, key=True, hint=hint)
    if poll.json is not None and poll.method == "GET":
        hint = "add 'method: POST', or put it into the address"
        raise Misdeclared("a GET has no body", (*POLL, "json"), key=True, hint=hint)
    for leaf in declared.asking:
        _check_known(leaf, {"id"})
    if not poll.id and (declared.asks_by_id or poll.result):
        message = "'poll' does not say where the answer has the 'id' that is asked for"
        raise Misdeclared(message, POLL, key=True, hint="such as id: task.id")
    if poll.url and not declared.asks_by_id:
        raise _asks_for_none(poll)
    if is_varying(poll.headers):
        raise Misdeclared("headers of 'poll' are sent as they are, without templates", (*POLL, "headers"))
    declared.asking_call("1")  # what it sends is looked at
    _check_states(poll)


def _asks_for_none(poll: Poll) -> Misdeclared:
    """That nothing says which task is asked for."""
    if poll.json is not None:
        message, hint = "neither 'url' nor 'json' says which task is asked for", "such as task_id: '{{ id }}'"
        return Misdeclared(message, (*POLL, "json"), key=True, hint=hint)
    hint = "such as https://images.example.com/v1/tasks/{{ id }}"
    if poll.method == "POST":
        hint += ", or json: {task_id: '{{ id }}'}"
    return Misdeclared("'url' does not say which task is asked for", (*POLL, "url"), hint=hint)


def _check_states(poll: Poll) -> None:
    given = next((name for name in _ENDS if getattr(poll, name)), "state")
    if bool(poll.state) != bool(poll.done):
        missing, hint = "state", "its JMESPath, such as state: status"
        if poll.state:
            missing, hint = "done", "the values of the state that say that the image is there"
        if poll.state or given != "state":
            message = f"'poll' needs '{missing}' beside '{'state' if poll.state else given}'"
            raise Misdeclared(message, POLL, key=True, hint=hint)
    seen: dict[tuple[type, Any], str] = {}
    for name in _ENDS:
        for value in getattr(poll, name):
            other = seen.setdefault((type(value), value), name)
            if other != name:
                raise Misdeclared(f"the state '{value}' is both '{other}' and '{name}'", (*POLL, name))


def _check_names(declared: Declaration, model: Model) -> None:
    for leaf in declared.leaves:
        _check_known(leaf, NAMES)
        for name in sorted(leaf.names & {"source", "revision"}):
            if not getattr(model, name):
                message = f"the request sends '{name}', and the model has none"
                hint = f"write '{name}: …' beside its 'provider'"
                raise Misdeclared(message, leaf.path, word=name, hint=hint)


def _check_known(leaf: Leaf, known: AbstractSet[str]) -> None:
    for name in sorted(leaf.names - known):
        hint = did_you_mean(name, known, "variables")
        raise Misdeclared(f"unknown variable '{name}'", leaf.path, word=name, hint=hint)


def _check_takes(declared: Declaration) -> None:
    """What is taken is sent, and what is sent is taken, so that nothing is dropped in silence."""
    takes, leaves = declared.form.takes, [*declared.leaves]
    for name in ("negative", "seed", *ROLES):
        asked = {name, many(name)} if name in ROLES else {name}
        sends = next((leaf for leaf in leaves if leaf.names & asked), None)
        if getattr(takes, name) and sends is None:
            message = f"'takes' has '{name}', and the request sends none"
            hint = f"write {{{{ {name}{'.base64' if name in ROLES else ''} }}}} where it goes"
            raise Misdeclared(message, (*TAKES, name), key=True, hint=hint)
        if sends is not None and not getattr(takes, name):
            message = f"the request sends '{name}', and 'takes' does not have it"
            hint = f"add 'takes: {{{name}: {1 if name in ROLES else 'true'}}}'"
            raise Misdeclared(message, sends.path, word=name, hint=hint)
    for role in declared.roles:
        several = _count(getattr(takes, role)) > 1
        if several and not any(many(role) in leaf.names for leaf in leaves):
            message = f"'takes' has several pictures of '{role}', and the request sends the first"
            hint = f"write {{{{ {many(role)}.base64 }}}} for all of them"
            raise Misdeclared(message, (*TAKES, role), hint=hint)


def _check_params(declared: Declaration) -> None:
    listed, leaves = declared.form.takes.params, [*declared.leaves]
    if listed is None:
        return
    used = {name: leaf for leaf in leaves for name in leaf.params}
    for name, leaf in used.items():
        if name not in listed:
            hint = did_you_mean(name, listed, "parameters")
            raise Misdeclared(f"'takes.params' has no '{name}'", leaf.path, word=name, hint=hint)
    for name in listed if not any(leaf.any_params for leaf in leaves) else ():
        if name not in used:
            message = f"'takes.params' has '{name}', and the request sends none"
            hint = f"write {{{{ params.{name} }}}} where it goes"
            raise Misdeclared(message, (*TAKES, "params", name), key=True, hint=hint)


def _check_grade(declared: Declaration) -> None:
    if declared.form.grade == "perceptual" and not declared.form.takes.seed:
        hint = "a picture comes back by its seed: add 'takes: {seed: true}', or leave 'grade' out"
        raise Misdeclared("without a seed no picture can be had again", ("params", "grade"), hint=hint)


def _try(declared: Declaration, model: Model) -> None:
    """Fill the templates with all that there can be, and with the least, so that faults show before a build.

    Parameters that hold templates of their own are known to each cell alone, and what comes of them to each request.
    """
    if is_varying(declared.free):
        return
    given: dict[str, Any] = {
        "prompt": "a brass lamp",
        "seed": 7,
        "width": 1024,
        "height": 768,
        "source": model.source or None,
        "revision": model.revision or None,
        "params": Group(declared.free),
    }
    for negative, most in (("blurry", 2), (None, 0)):
        pictures: dict[str, Any] = {}
        for role in declared.roles:
            pictures |= pictures_of(role, [_SMALL] * min(most, _count(getattr(declared.form.takes, role))))
        declared.filled({**given, **pictures, "negative": negative})
    declared.result_call("1")


def _count(taken: bool | int) -> int:
    """How many pictures; of any number, two."""
    return 2 if taken is True else int(taken)
