"""Keys that there are, tested: for each, one request to its vendor that is free and changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from imgbuild.commands.consent import asked, consents_of
from imgbuild.commands.session import Session
from imgbuild.errors import SpecError, TargetError, Unavailable
from imgbuild.files import Files
from imgbuild.foreign import foreign
from imgbuild.pins import Name
from imgbuild.project import Project
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.report.text import money
from imgbuild.survey import Adapters, open_book
from imgbuild.types import Account, Bound, Model, Pin

Found: TypeAlias = tuple[Literal["ok", "note", "broken"], str]


class Question(Struct, frozen=True, kw_only=True):
    """One request. model: says how. keys: the variables with what it is asked with. desk: where, if not at the vendor.

    bounds: the models in use that are asked there, with these.
    """

    model: Model
    keys: tuple[str, ...]
    desk: str = ""
    bounds: tuple[Bound, ...] = ()

    @property
    def whom(self) -> str:
        """`openai (OPENAI_API_KEY)`, with the host where it is another than the vendor's."""
        at = " at ".join(part for part in (", ".join(self.keys), urlsplit(self.desk).netloc) if part)
        return f"{self.model.provider} ({at})" if at else self.model.provider


def tested(session: Session, project: Project | None) -> Iterator[Found]:
    """What comes of each key that is set, or that the `.env` has; and of servers in use that want none.

    project: None where it can't be loaded. Where consent is missing for a model, its server is not asked.
    """
    files = project.files if project is not None else Files(session.root)
    adapters = Adapters(files, environ=session.environ)
    bounds = tuple(project.drafts.context.bounds.values()) if project is not None else ()
    pins = open_book(project)[1].known if project is not None else {}
    strange = _without_consent(session, project) if project is not None else set()
    known = _known(session)
    try:
        for question in _questions(bounds, known, adapters):
            if strange & {(bound.home, bound.alias) for bound in question.bounds}:
                yield "note", f"{question.whom}: not asked without your consent; `imgbuild trust` shows why"
            else:
                yield from _ask(adapters[question.model.provider], question, pins)
    finally:
        for adapter in adapters.values():
            adapter.close()


def _known(session: Session) -> set[str]:
    """The names of all keys that may be used."""
    keys = session.keys()
    names = {name for name, value in session.environ.items() if value.strip()}
    with suppress(TargetError):  # told elsewhere
        written = [name for name in keys.written() if name not in names]
        names.update(name for name in written if keys.get(name))
    return names


def _questions(bounds: Iterable[Bound], known: set[str], adapters: Mapping[str, Provider]) -> list[Question]:
    """Each key once for each server: those of models in use, then those of other vendors."""
    found: dict[tuple[str, tuple[str, ...], str], Question] = {}
    for bound in bounds:
        model = bound.model
        provider = adapters[model.provider]
        keys, desk = _keys(model, provider, known), provider.desk(model)
        if keys is not None and (keys or _answers(provider)):
            where = (model.provider, keys, desk)
            before = found[where].bounds if where in found else ()
            found[where] = Question(model=model, keys=keys, desk=desk, bounds=(*before, bound))
    for name in PROVIDERS.names():
        with suppress(SpecError):
            model, provider = Model(provider=name), adapters[name]
            if provider.env and provider.draws and (keys := _keys(model, provider, known)):
                found.setdefault((name, keys, ""), Question(model=model, keys=keys))
    return list(found.values())


def _keys(model: Model, provider: Provider, known: set[str]) -> tuple[str, ...] | None:
    """The names of what the model is asked with; None where some of that is missing."""
    found = [next((name for name in names if name in known), "") for names in provider.variables(model)]
    return tuple(found) if all(found) else None


def _answers(provider: Provider) -> bool:
    return type(provider).account is not Provider.account


def _without_consent(session: Session, project: Project) -> set[Name]:
    """The models of which something has not been consented to."""
    agreed = consents_of(session).read()
    declared = asked(session, project).declared()
    return {item.name for item in declared if item.kind == "model" and item.digest not in agreed}


def _ask(provider: Provider, question: Question, pins: Mapping[Name, Pin]) -> Iterator[Found]:
    try:
        with foreign(f"provider '{provider.name}'"):
            account = provider.account(question.model)
    except Unavailable as error:
        yield "broken", f"{question.whom}: {error.message.removeprefix('the key is ')}"
    except TargetError as error:
        yield "note", f"{question.whom}: can't be tested: {error.message}"
    else:
        if account is None:
            if question.keys:
                yield "note", f"{question.whom}: can't be tested without paying"
            return
        yield "ok", f"{question.whom}: {'taken' if question.keys else 'answers'}{_more(account)}"
        yield from _listed(question.bounds, account.models, pins)


def _more(account: Account) -> str:
    told = ""
    if account.credits is not None:
        worth = f" ({money(account.dollars)})" if account.dollars is not None else ""
        told = f", {_amount(account.credits)} credits left{worth}"
    return f"{told}, and {account.note}" if account.note else told


def _amount(credits: float) -> str:
    return f"{credits:,.2f}".rstrip("0").rstrip(".")


def _listed(bounds: Sequence[Bound], models: Mapping[str, str], pins: Mapping[Name, Pin]) -> Iterator[Found]:
    """What the server's own list of models says of those in use."""
    for bound in bounds if models else ():
        pin = pins.get((bound.home, bound.alias))
        name = (pin.revision if pin is not None else "") or bound.model.revision or bound.model.source
        name = name if name in models else bound.model.source
        if name not in models:
            yield "note", f"model '{bound.alias}' ({name}) is not in the server's own list"
        elif models[name]:
            yield "note", f"model '{bound.alias}' ({name}) ends on {models[name]}, by the server's own list"
