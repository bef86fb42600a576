"""What an asset asks, fitted to what one model takes. Nothing is dropped unless the model's declaration says so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from imgbuild.adjustments import fold
from imgbuild.document.sentences import shape
from imgbuild.errors import SpecError
from imgbuild.expand.asked import Wish, Wishes
from imgbuild.expand.cell import Cell
from imgbuild.expand.faults import Fault
from imgbuild.expand.schemas import complaint, typed
from imgbuild.templates.varying import Varying, is_varying
from imgbuild.types import Ask, Bound, Capabilities, Value, Where

Size = tuple[int, int]

_SIZE = re.compile(r"\s*([1-9][0-9]{0,4})\s*[x×]\s*([1-9][0-9]{0,4})\s*")


class Fit:
    """What one model is asked, cell by cell. Pieces that cells share are made once."""

    def __init__(self, bound: Bound, wishes: Wishes, instead_of: str = "") -> None:
        self.bound = bound
        self.title = f"model '{bound.alias}'" + (
            f", which takes over from '{instead_of}'," if instead_of else ""
        )
        self._negative = self.negative(wishes.negative) if wishes.negative is not None else "keep"
        self._roles = wishes.roles
        for role, where in wishes.roles.items():
            self._fit_role(role, wishes.pictures[role], where)
        self.fixed: dict[str, Value] = {}
        self.unkeyed: dict[str, Value] = {}
        self.varying: dict[str, tuple[Varying, Value]] = {}
        for name, wish in wishes.params.items():
            self._fit_param(name, wish)
        self.size = self._fit_size(wishes.size)
        self._params_known: dict[Any, tuple[Mapping[str, Value], list[Fault]]] = {}
        self._sizes_known: dict[Any, tuple[Size, list[Fault]]] = {}

    def ask(self, cell: Cell, prompt: str, negative: str, faults: list[Fault]) -> Ask:
        """The model's part in a target; what this cell asks in vain is added to `faults`. Raises SpecError."""
        folded = negative if self._negative == "fold" else ""
        if self._negative != "keep":
            prompt, negative = fold(prompt, folded), ""
        width, height = (
            self.size if isinstance(self.size, tuple) else self._vary_size(self.size, cell, faults)
        )
        params = self._vary_params(cell, faults) if self.varying else self.fixed
        return Ask(
            alias=self.bound.alias,
            prompt=prompt,
            negative=negative,
            width=width,
            height=height,
            params=params,
            folded=folded,
            unkeyed=self.unkeyed,
        )

    def _fit_role(self, role: str, count: int, where: Where) -> None:
        """Check that the model takes that many pictures of a role. Raises SpecError."""
        takes = self.bound.capabilities
        if role not in takes.takes:
            self._refuse(role, f"takes no input '{role}'", where)
            return
        wanted, other = takes.pictures.get(role, count), takes.needs.get(role)
        if count != wanted:
            raise SpecError(
                f"{self.title} takes {_count(wanted)} for input '{role}', not {count}",
                where=where,
                hint="give one path" if wanted == 1 else f"give a list of {wanted}",
            )
        if other is not None and other not in self._roles:
            raise SpecError(
                f"input '{role}' of {self.title} means nothing without an input '{other}'",
                where=where,
                hint=f"give both, or leave '{role}' out",
            )

    def negative(self, where: Where) -> str:
        """What becomes of a negative prompt that stands there: "keep", "drop" or "fold". Raises SpecError."""
        if "negative" in self.bound.capabilities.takes:
            return "keep"
        if self._unsupported("negative") == "fold":
            return "fold"
        self._refuse("negative", "takes no negative prompt", where)
        return "drop"

    def schema_of(self, name: str, wish: Wish) -> Value | None:
        """The schema of a parameter; None where it is left out. Raises SpecError where it can't be asked for."""
        schemas = self.bound.capabilities.params
        if name not in schemas and "*" not in schemas:
            takes = ", ".join(sorted(schemas)) or "none"
            near = get_close_matches(name, schemas, n=1)
            asked = f"did you mean '{near[0]}'? Else " if near else ""
            message, more = f"takes no parameter '{name}'", f"; its parameters: {takes}"
            self._refuse(name, message, wish.name, more, asked)
            return None
        if not self._is_meant(name, wish):
            return None
        return schemas[name] if name in schemas else schemas["*"]

    def _fit_param(self, name: str, wish: Wish) -> None:
        schema = self.schema_of(name, wish)
        if schema is None:
            return
        if self._varies(name, wish):
            self.varying[name] = Varying(wish.value, wish.where), schema
            return
        wrong = complaint(wish.value, schema)
        if wrong:
            raise SpecError(
                f"parameter '{name}' of {self.title} {wrong}",
                where=wish.where,
                hint=advice(schema),
            )
        kept = self.unkeyed if name in self.bound.capabilities.unkeyed else self.fixed
        kept[name] = wish.value

    def _varies(self, name: str, wish: Wish) -> bool:
        """Whether the parameter may have another value in each cell."""
        return name not in self.bound.capabilities.verbatim and is_varying(wish.value)

    def _is_meant(self, name: str, wish: Wish) -> bool:
        """Whether the parameter has a meaning here. Raises SpecError where the asset should not have given it."""
        takes = self.bound.capabilities
        if name in takes.of_model and (not wish.own or self._varies(name, wish)):
            raise SpecError(
                f"parameter '{name}' of {self.title} can't differ between its images",
                where=wish.name,
                hint="give it in the model's own declaration; declare another model for another value",
            )
        role = takes.needs.get(name)
        if role is None or role in self._roles:
            return True
        if wish.own:  # the model's own is for those of its images that have such an input
            return False
        raise SpecError(
            f"parameter '{name}' of {self.title} means nothing without an input '{role}'",
            where=wish.name,
            hint=f"leave it out, or give 'inputs: {{{role}: …}}'",
        )

    def _fit_size(self, wish: Wish | None) -> Size | Varying:
        if wish is None:
            return self.bound.capabilities.default_size
        if not self.bound.capabilities.sized:
            self._refuse("size", "takes no size", wish.where)
            return self.bound.capabilities.default_size
        if is_varying(wish.value):
            return Varying(wish.value, wish.where)
        size = parse_size(wish.value)
        if size is None:
            raise SpecError(f"'{wish.value}' is not a size", where=wish.where, hint="write it as 1024x768")
        wrong = misfit(size, self.bound.capabilities)
        if wrong:
            message, hint = f"makes no images of {size[0]}x{size[1]}", f"; {wrong}"
            self._refuse("size", message, wish.where, hint)
            return self.bound.capabilities.default_size
        return size

    def _vary_params(self, cell: Cell, faults: list[Fault]) -> Mapping[str, Value]:
        key = tuple([varying.key(cell.bindings) for varying, _ in self.varying.values()])
        if key not in self._params_known:
            self._params_known[key] = self._compute_params(cell)
        params, wrong = self._params_known[key]
        faults += wrong
        return params

    def _compute_params(self, cell: Cell) -> tuple[Mapping[str, Value], list[Fault]]:
        params, faults = dict(self.fixed), []
        for name, (varying, schema) in self.varying.items():
            value = typed(varying.of(cell.bindings), schema)
            wrong = complaint(value, schema)
            if wrong:
                faults.append(
                    Fault(f"parameter '{name}' of {self.title} {wrong}, not '{value}'", advice(schema))
                )
            else:
                params[name] = value
        return params, faults

    def _vary_size(self, varying: Varying, cell: Cell, faults: list[Fault]) -> Size:
        key = varying.key(cell.bindings)
        if key not in self._sizes_known:
            self._sizes_known[key] = self._compute_size(str(varying.of(cell.bindings)))
        size, wrong = self._sizes_known[key]
        faults += wrong
        return size

    def _compute_size(self, text: str) -> tuple[Size, list[Fault]]:
        size, default = parse_size(text), self.bound.capabilities.default_size
        if size is None:
            return default, [Fault(f"'{text}' is not a size", "write it as 1024x768")]
        wrong = misfit(size, self.bound.capabilities)
        if wrong and self._unsupported("size") != "drop":
            return default, [Fault(f"{self.title} makes no images of {text}", wrong)]
        return (default if wrong else size), []

    def _unsupported(self, what: str) -> str:
        policy = self.bound.model.unsupported
        return policy if isinstance(policy, str) else policy.get(what, "error")

    def _refuse(self, what: str, message: str, where: Where, more: str = "", first: str = "") -> None:
        """Raise the error for what the model doesn't take, unless its declaration says to drop it."""
        if self._unsupported(what) == "drop":
            return
        ways = f"drop}}' or '{{{what}: fold" if what == "negative" else "drop"
        if what in self.bound.capabilities.ways:
            first = f"{self.bound.capabilities.ways[what]}, "
        hint = f"{first}leave it out, or let the model say 'unsupported: {{{what}: {ways}}}'{more}"
        raise SpecError(f"{self.title} {message}", where=where, hint=hint)


def _count(pictures: int) -> str:
    return "one picture" if pictures == 1 else f"{pictures} pictures"


def parse_size(text: Value) -> Size | None:
    found = _SIZE.fullmatch(str(text))
    return (int(found[1]), int(found[2])) if found else None


def misfit(size: Size, capabilities: Capabilities) -> str:
    """Why the model can't make images of this size, in pixels; empty where it can."""
    if capabilities.sizes:
        known = ", ".join(f"{width}x{height}" for width, height in capabilities.sizes)
        return "" if size in capabilities.sizes else f"its sizes: {known}"
    if not all(capabilities.min_side <= side <= capabilities.max_side for side in size):
        return f"sides must be {capabilities.min_side} to {capabilities.max_side} pixels"
    if any(side % capabilities.multiple_of for side in size):
        return f"sides must be multiples of {capabilities.multiple_of}"
    return ""


def advice(schema: Value) -> str:
    """What the parameter takes, in words: `it takes a whole number from 1 to 1000`."""
    low, high = schema.get("minimum"), schema.get("maximum")
    bounds = f" from {low} to {high}" if low is not None and high is not None else ""
    bounds = bounds or (
        f" from {low} on" if low is not None else f" up to {high}" if high is not None else ""
    )
    described = schema.get("description", "")
    return f"it takes {shape(schema)}{bounds}{f': {described}' if described else ''}"
