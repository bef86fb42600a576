"""Tells the webhook of the settings how a build went, where something happened that they list."""

from __future__ import annotations

import threading
from contextlib import suppress

import msgspec

from imgbuild.commands.session import Session
from imgbuild.errors import ImgbuildError, SpecError
from imgbuild.notify.message import Message, Month, body, of_build, of_stop
from imgbuild.notify.webhook import send
from imgbuild.pace import Pace
from imgbuild.run.budget import TooDear, spent_this_month
from imgbuild.run.results import Built
from imgbuild.settings import PROJECT_FILE, Settings, setting_place
from imgbuild.store.store import open_store
from imgbuild.types import Where


def tell_end(session: Session, settings: Settings, built: Built, stop: threading.Event) -> None:
    """Tell of a build that came to its end. Who stopped it by Ctrl-C knows."""
    if not (built.finished.interrupted or stop.is_set()):
        month = _month(settings) if built.finished.cost else None
        _tell(session, settings, of_build(settings.root.name, settings.profile_name, built, month), stop)


def tell_stop(session: Session, settings: Settings, error: TooDear, stop: threading.Event) -> None:
    """Tell of a build that its budget did not let begin."""
    _tell(session, settings, of_stop(settings.root.name, settings.profile_name, error), stop)


def check_template(settings: Settings) -> None:
    """See that the template can be filled. Raises SpecError, at its place."""
    _body(settings, Message(text="", project="", profile="", exit_code=0, happened=[]))


def _tell(session: Session, settings: Settings, message: Message, stop: threading.Event) -> None:
    """Nobody's build ends otherwise for what goes wrong here: it is warned of."""
    if not set(message.happened) & set(settings.notify.on):
        return
    try:
        why = send(settings.notify.url, _body(settings, message), stop)
    except SpecError as error:  # of a template that long texts, or many, don't fit
        why = error.message
    if why:
        session.warn(f"the notification was not sent: {why}")


def _body(settings: Settings, message: Message) -> bytes:
    def place(path: tuple[str | int, ...]) -> Where:
        found = setting_place(settings, "notify", "template", *path)
        return found or Where(file=PROJECT_FILE, line=1, column=1)

    return msgspec.json.encode(body(message, settings.notify.template, place))


def _month(settings: Settings) -> Month | None:
    """What there is to tell of its budget, if it has one, and the store can be read."""
    limit = settings.budget.month
    if limit is None:
        return None
    with suppress(ImgbuildError, OSError), open_store(settings.root / settings.store, write=False) as store:
        return Month(limit=limit, spent=spent_this_month(store.journal, Pace(settings.cost, store.records)))
    return None
