"""The targets of an asset as another model would be asked for them, or why it can't be."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from imgbuild.expand.asked import read_asked
from imgbuild.expand.chain import Chain
from imgbuild.expand.context import Context
from imgbuild.expand.expansion import Drafts
from imgbuild.expand.fit import Fit, misfit
from imgbuild.expand.models import capabilities_of
from imgbuild.expand.policies import refuse_model
from imgbuild.types import Ask, Bound, Model, Target, Where

NOWHERE = Where(file="", line=1, column=1)  # of a model that no spec declares


def bind_instead(drafts: Drafts, home: str, name: str, model: Model) -> Bound:
    """The model, ready to be asked. home: the spec that declares it, if one does.

    Raises SpecError where there is none such, or the project's policy does not allow it.
    """
    own = drafts.context
    context = Context([*own.specs.values()], own.settings, own.files, own.pins)
    refuse_model(context, name, model, _at)
    for refusal in context.refusals.values():
        raise refusal
    takes = capabilities_of(model, _at, own.files, lambda: own.pins(home, name, model))
    return Bound(alias=name, home=home, model=model, capabilities=takes, where=NOWHERE)


def _at(*path: str | int, key: bool = False) -> Where:
    return NOWHERE


def asked_instead(
    drafts: Drafts, asset: tuple[str, str], bound: Bound, now: Sequence[Target]
) -> list[Target]:
    """The asset's targets as this model would make them, in their order; what it can't make of one is its fault.

    now: all of the asset's targets as they are. Where the asset names no size and the model has none of its own, they
    keep theirs, if the model makes such. Raises SpecError where the model can make none of them.
    """
    draft, spec = drafts.assets[asset], drafts.context.specs[asset[0]]
    negative = draft.wording.negative if draft.wording else None
    asked = read_asked(drafts.context, spec.assets[asset[1]], negative.where if negative else None)
    wishes = asked.of(spec, bound)
    chain = Chain(fits=(Fit(bound, wishes),))
    lineup = replace(draft.lineup, chains=(chain,) * len(draft.lineup.chains))
    recipes = tuple(replace(item, model=bound, fallbacks=(), adjustments=()) for item in draft.recipes)
    made = replace(draft, lineup=lineup, recipes=recipes, bounds=()).part().targets
    return [
        replace(
            target,
            asks=(target.asks[0] if wishes.size else _as_large(target.asks[0], before.asks[0], bound),),
            inputs=before.inputs,
        )
        for target, before in zip(made, now, strict=True)
    ]


def _as_large(ask: Ask, before: Ask, bound: Bound) -> Ask:
    """The ask with the size of another one, if the model makes such images."""
    if misfit((before.width, before.height), bound.capabilities):
        return ask
    return replace(ask, width=before.width, height=before.height)
