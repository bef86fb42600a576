"""Where the gallery learns of the project: what it is given to look, and to act, by whoever starts it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from msgspec import Struct

from imgbuild.project import Project
from imgbuild.store.store import Store
from imgbuild.survey import Survey
from imgbuild.types import Target


class Source(Struct, frozen=True, kw_only=True):
    """load: the project, read now. reading: its store, to look at. survey: of a loaded project.

    choose: the targets that are shown. person: who decides, as git names them. reseed: move these targets' seeds on.
    Each raises ImgbuildError.
    """

    load: Callable[[], Project]
    reading: Callable[[Project], AbstractContextManager[Store]]
    survey: Callable[[Project, Store], Survey]
    choose: Callable[[Survey, Store], Sequence[Target]]
    person: Callable[[], str]
    reseed: Callable[[Sequence[str]], object]
