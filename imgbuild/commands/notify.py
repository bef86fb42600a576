"""Tells the webhook of the settings how a build went, where something happened that they list."""

from __future__ import annotations

import threading

import msgspec

from imgbuild.commands.session import Session
from imgbuild.errors import ImgbuildError
from imgbuild.notify.message import Message, Month, body, of_build, of_stop
from imgbuild.notify.webhook import send
from imgbuild.pace import Pace
from imgbuild.run.budget import TooDear, spent_this_month
from imgbuild.run.results import Built
from imgbuild.settings import PROJECT_FILE, Settings, setting_place
from imgbuild.store.store import open_store
from imgbuild.types import Where


def tell_end(session: Session, settings: Settings, built: Built, stop: threading.Event) -> None:
    """Tell of a build that came to its end. Who stops one by Ctrl-C knows. What goes wrong is only warned of."""
    if built.finished.interrupted or stop.is_set():
        return
    try:
        month = _month(settings) if built.finished.cost else None
        _tell(session, settings, of_build(settings.root.name, settings.profile_name, built, month), stop)
    except ImgbuildError as error:
        session.warn(f"the notification was not sent: {error.message}")


def tell_stop(session: Session, settings: Settings, error: TooDear, stop: threading.Event) -> None:
    """Tell of a build that its budget did not let begin."""
    _tell(session, settings, of_stop(settings.root.name, settings.profile_name, error), stop)


def check_template(settings: Settings) -> None:
    """See that the template can be filled. Raises SpecError, at its place."""
    _body(settings, Message(text="", project="", profile="", exit_code=0, happened=[]))


def _tell(session: Session, settings: Settings, message: Message, stop: threading.Event) -> None:
    if not set(message.happened) & set(settings.notify.on):
        return
    why = send(settings.notify.url, _body(settings, message), stop)
    if why:
        session.warn(f"the notification was not sent: {why}")


def _body(settings: Settings, message: Message) -> bytes:
    def place(path: tuple[str | int, ...]) -> Where:
        found = setting_place(settings, "notify", "template", *path)
        return found or Where(file=PROJECT_FILE, line=1, column=1)

    return msgspec.json.encode(body(message, settings.notify.template, place))


def _month(settings: Settings) -> Month | None:
    limit = settings.budget.month
    if limit is None:
        return None
    with open_store(settings.root / settings.store, write=False) as store:
        spent = spent_this_month(store.journal, Pace(settings.cost, store.records))
    return Month(limit=limit, spent=spent)
