"""Files to Specs: every file read once, checked against the schema, typed, with its includes in scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from posixpath import dirname
from typing import Any, TypeVar

import msgspec

from imgbuild.document import Document, check, parse_document
from imgbuild.errors import Errors, ImgbuildError, SpecError, place, raise_all
from imgbuild.files import Files
from imgbuild.settings import Settings
from imgbuild.spec.crosscheck import crosscheck
from imgbuild.spec.declared import Declared, Spec
from imgbuild.spec.find import find_specs, spec_name
from imgbuild.spec.located import located
from imgbuild.spec.nearby import nearby
from imgbuild.types import Model, SpecFile, Where

T = TypeVar("T")

MAX_INCLUDES = 64  # how deep files may include each other


def load(files: Files, settings: Settings, extra: Sequence[str] = ()) -> tuple[Spec, ...]:
    """All specs of the project, sorted by name, and the files they include.

    `extra`: further files or folders, as paths from the root. Raises SpecError or, for several faults, Errors.
    """
    named = find_specs(files, settings, extra)
    loading = _Loading(files, settings, set(named.values()))
    for file in named.values():
        loading.load(file, None)
    raise_all(loading.errors)
    return tuple(sorted(filter(None, loading.done.values()), key=lambda spec: spec.name))


def load_file(files: Files, settings: Settings, file: str) -> Spec:
    """The spec in one file, a path from the root, and what it includes. Raises SpecError or Errors."""
    loading = _Loading(files, settings, {file})
    spec = loading.load(file, None)
    raise_all(loading.errors)
    assert spec is not None
    return spec


class _Loading:
    """One pass over the files; errors are collected, so that all files tell theirs together.

    done: file → its spec, None where it can't be used. trail: each file on the way here → its include that was taken.
    """

    def __init__(self, files: Files, settings: Settings, asked: set[str]) -> None:
        self.files = files
        self.settings = settings
        self.asked = asked
        self.done: dict[str, Spec | None] = {}
        self.trail: dict[str, Where] = {}
        self.errors: list[ImgbuildError] = []

    def load(self, file: str, where: Where | None) -> Spec | None:
        """The spec in the file that `where` includes; None where it has a fault, which is collected."""
        if file in self.done:
            return self.done[file]
        try:
            self.done[file] = self._spec(file, where)
        except ImgbuildError as error:
            self.errors += error.errors if isinstance(error, Errors) else [error]
            self.done[file] = None
        return self.done[file]

    def _spec(self, file: str, where: Where | None) -> Spec:
        document = _read(self.files, file, where)
        written = typed(document)
        included = [self._include(document, index) for index in range(len(written.include))]
        spec = self._declare(document, written)
        whole = True
        for other in included:
            whole = whole and other is not None
            if other is not None:
                self._take_over(spec, other)
        self.errors += crosscheck(spec, whole=whole)
        return spec

    def _include(self, document: Document, index: int) -> Spec | None:
        """The spec of one `include`; a fault of the path itself is collected here, with its place."""
        where = document.where(("include", index))
        self.trail[document.file] = where
        try:
            file = self.files.locate(document.data["include"][index], dirname(document.file), where)
            self._check_circle(file, where)
            return self.load(file, where)
        except SpecError as error:
            self.errors.append(error)
            return None
        finally:
            del self.trail[document.file]

    def _check_circle(self, file: str, where: Where) -> None:
        if file in self.trail:
            steps = list(self.trail.values())[list(self.trail).index(file) :]
            circle = " → ".join([*(f"{step.file}:{step.line}" for step in steps), file])
            hint = "move what they share into a file that includes neither"
            raise SpecError(f"includes go round in a circle: {circle}", where=where, hint=hint)
        if len(self.trail) > MAX_INCLUDES:
            raise SpecError(
                f"includes nest more than {MAX_INCLUDES} deep", where=where, hint="include directly"
            )

    def _declare(self, document: Document, written: SpecFile) -> Spec:
        home = spec_name(document.file, self.settings)
        included = document.file not in self.asked
        return Spec(
            name=home,
            file=document.file,
            document=document,
            models=_declared(self._located(document, written.models), "models", document, home),
            templates=_declared(written.templates, "templates", document, home),
            rules=_declared(written.rules, "rules", document, home),
            assets={} if included else _declared(written.assets, "assets", document, home),
            included=included,
        )

    def _located(self, document: Document, models: Mapping[str, Model]) -> dict[str, Model]:
        """The models with their paths from the root; a path that leads elsewhere is collected."""
        found = {}
        for name, model in models.items():

            def locate(path: str, place: tuple[str | int, ...], name: str = name) -> str:
                where = document.where(("models", name, *place))
                return self.files.locate(path, dirname(document.file), where)

            try:
                found[name] = located(model, locate)
            except SpecError as error:
                self.errors.append(error)
                found[name] = model
        return found

    def _take_over(self, spec: Spec, other: Spec) -> None:
        self._add("model", spec.models, other.models)
        self._add("template", spec.templates, other.templates)
        self._add("rule set", spec.rules, other.rules)

    def _add(self, what: str, scope: dict[str, Declared[T]], more: Mapping[str, Declared[T]]) -> None:
        """Bring included names into scope; one that means something else there already is an error."""
        for name, declared in more.items():
            known = scope.setdefault(name, declared)
            if known is not declared:
                error = _twice(what, name, known, declared)
                if str(error) not in map(str, self.errors):
                    self.errors.append(error)


def _read(files: Files, file: str, where: Where | None) -> Document:
    """The checked document. Raises SpecError at `where`, the include that asked for it, if there is no file."""
    from imgbuild.spec.schema import spec_schema  # here, so that the schema's module can be run by itself

    try:
        data = files.read(file)
    except FileNotFoundError:
        hint = nearby(files, file, "paths are relative to the file that includes them")
        raise SpecError(f"there is no file '{file}'", where=where, hint=hint) from None
    except OSError as error:
        raise SpecError(f"'{file}' can't be read: {error.strerror}", where=where) from error
    document = parse_document(data, file)
    check(document, spec_schema())
    return document


def typed(document: Document) -> SpecFile:
    """The checked data as structs."""
    try:
        return msgspec.convert(document.data, SpecFile)
    except msgspec.ValidationError as error:  # the schema is stricter than the types, so this is rare
        raise SpecError(f"this does not fit: {error}", where=document.where(())) from error


def _declared(values: Mapping[str, T], section: str, document: Document, home: str) -> dict[str, Declared[T]]:
    return {
        name: Declared(value=value, document=document, path=(section, name), home=home)
        for name, value in values.items()
    }


def _twice(what: str, name: str, first: Declared[Any], second: Declared[Any]) -> SpecError:
    return SpecError(
        f"{what} '{name}' is defined twice",
        where=first.where(key=True),
        hint=f"it is defined at {place(second.where(key=True))} too; rename one of the two",
    )
