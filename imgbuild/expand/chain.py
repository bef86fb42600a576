"""A model and those that take over from it, fitted to what an asset asks."""

from __future__ import annotations

from msgspec import Struct

from imgbuild.expand.asked import Asked
from imgbuild.expand.cell import Cell
from imgbuild.expand.context import Context
from imgbuild.expand.faults import Fault
from imgbuild.expand.fit import Fit
from imgbuild.expand.models import fallbacks
from imgbuild.spec.declared import Spec
from imgbuild.types import Ask, Bound


class Chain(Struct, frozen=True, kw_only=True, eq=False):
    """A model and those that take over from it, fitted to what the asset asks; empty for existing pictures."""

    fits: tuple[Fit, ...] = ()

    @property
    def alias(self) -> str:
        return self.fits[0].bound.alias if self.fits else ""

    def asks(self, cell: Cell, prompt: str, negative: str, faults: list[Fault]) -> tuple[Ask, ...]:
        """For the model, then for each fallback."""
        return tuple([fit.ask(cell, prompt, negative, faults) for fit in self.fits])


def read_chain(context: Context, spec: Spec, bound: Bound, asked: Asked) -> Chain:
    """The model and its fallbacks, fitted. Raises SpecError."""
    others = fallbacks(context, spec, bound)
    first = Fit(bound, asked.of(spec, bound))
    return Chain(fits=(first, *(Fit(other, asked.of(spec, other), bound.alias) for other in others)))
