"""What the expansion of every asset needs: the specs, the settings, the files, and where warnings go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from posixpath import dirname
from typing import Any

from msgspec import Struct

from imgbuild.errors import SpecError, place
from imgbuild.expand.words import Words
from imgbuild.files import Files
from imgbuild.settings import Settings
from imgbuild.spec.declared import Spec
from imgbuild.types import Bound, Model, Pin, Where


class Notice(Struct, frozen=True, kw_only=True):
    """Something worth knowing that stops nothing."""

    message: str
    where: Where | None = None

    def __str__(self) -> str:
        return f"{place(self.where)}: {self.message}" if self.where else self.message


FindPin = Callable[[str, str, Model], Pin | None]  # the declaring spec's name, the alias, the model → its pin


class Context:
    """One expansion. It remembers the models it bound, so that targets share them, and what the policy refuses.

    pins: finds the pin of a model, if it has one already; asked only where what a model takes hangs on it, or whether
    it is chosen. chosen: by the declaring spec's name and the alias, the choices that fell on a model, by their digest.
    """

    def __init__(self, specs: Sequence[Spec], settings: Settings, files: Files, pins: FindPin) -> None:
        self.specs: Mapping[str, Spec] = {spec.name: spec for spec in specs}
        self.settings = settings
        self.files = files
        self.pins = pins
        self.blocked = Words(settings.policy.blocked)
        self.warned = Words(settings.policy.warned)
        self.notices: dict[Notice, None] = {}
        self.refusals: dict[tuple[str, Where], SpecError] = {}
        self.bounds: dict[tuple[str, str], Bound] = {}
        self.drafts: dict[tuple[str, str], Any] = {}
        self.chosen: dict[tuple[str, str], dict[str, Any]] = {}

    def warn(self, message: str, where: Where | None) -> None:
        self.notices[Notice(message=message, where=where)] = None

    def refuse(self, message: str, where: Where, hint: str) -> None:
        """Note a fault that need not be told before all are found."""
        self.refusals[message, where] = SpecError(message, where=where, hint=hint)

    def folder(self, where: Where) -> str:
        """The folder that paths written at this place are relative to."""
        return dirname(where.file)
