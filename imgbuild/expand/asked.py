"""What an asset asks of its models besides the prompt, each thing with the line that asks for it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from imgbuild.errors import SpecError, did_you_mean
from imgbuild.expand.context import Context
from imgbuild.settings import profile_place
from imgbuild.spec.declared import Declared, Spec
from imgbuild.types import ROLES, Asset, Bound, Value, Where

STRENGTH = "strength"  # written among the inputs, since it says how far their picture may be left


class Wish(Struct, frozen=True, kw_only=True):
    """One thing that is asked of a model, and the place that asks for it; `name` is that of its key.

    own: the model's declaration asks for it.
    """

    value: Value
    where: Where
    name: Where
    own: bool = False


class Wishes(Struct, frozen=True, kw_only=True):
    """All that one model is asked. pictures: how many a role has. size: None where it is left to the model."""

    negative: Where | None
    roles: Mapping[str, Where]
    pictures: Mapping[str, int]
    params: Mapping[str, Wish]
    size: Wish | None


class Asked(Struct, frozen=True, kw_only=True):
    """What an asset asks of any of its models. over: the profile's parameters, which outrank all others."""

    negative: Where | None
    roles: Mapping[str, Where]
    pictures: Mapping[str, int]
    params: Mapping[str, Wish]
    over: Mapping[str, Wish]
    size: Wish | None

    def of(self, spec: Spec, bound: Bound) -> Wishes:
        """All that this model is asked: its own parameters and size are the ground of it."""
        own = {
            name: Wish(
                value=value,
                where=_place(spec, bound, name),
                name=_place(spec, bound, name, key=True),
                own=True,
            )
            for name, value in bound.model.params.items()
        }
        size = self.size
        if size is None and bound.model.size:
            size = Wish(value=bound.model.size, where=bound.where, name=bound.where)
        return Wishes(
            negative=self.negative,
            roles=self.roles,
            pictures=self.pictures,
            params={**own, **self.params, **self.over},
            size=size,
        )


def _place(spec: Spec, bound: Bound, param: str, *, key: bool = False) -> Where:
    declared = spec.models.get(bound.alias)
    written = declared is not None and declared.value.params is bound.model.params
    return declared.where("params", param, key=key) if declared is not None and written else bound.where


def read_asked(context: Context, declared: Declared[Asset], negative: Where | None) -> Asked:
    """What the asset's keys ask, under the active profile. negative: the place of its negative prompt."""
    asset, profile = declared.value, context.settings.profile
    _check_roles(declared)
    params = {name: _wish(declared, value, "params", name) for name, value in asset.params.items()}
    if STRENGTH in asset.inputs:
        params[STRENGTH] = _wish(declared, asset.inputs[STRENGTH], "inputs", STRENGTH)
    size = _wish(declared, asset.size, "size") if asset.size else None
    if profile is not None and profile.size:
        where = profile_place(context.settings, "size") or declared.where(key=True)
        size = Wish(value=profile.size, where=where, name=where)
    return Asked(
        negative=negative,
        roles={role: declared.where("inputs", role, key=True) for role in asset.inputs if role in ROLES},
        pictures={
            role: len(given) if isinstance(given, list) else 1
            for role, given in asset.inputs.items()
            if role in ROLES
        },
        params=params,
        over=_profile_params(context, declared),
        size=size,
    )


def _wish(declared: Declared[Asset], value: Value, *path: str) -> Wish:
    return Wish(value=value, where=declared.where(*path), name=declared.where(*path, key=True))


def _profile_params(context: Context, declared: Declared[Asset]) -> dict[str, Wish]:
    settings, here = context.settings, declared.where(key=True)
    params = settings.profile.params if settings.profile is not None else {}
    return {
        name: Wish(
            value=value,
            where=profile_place(settings, "params", name) or here,
            name=profile_place(settings, "params", name, key=True) or here,
        )
        for name, value in params.items()
    }


def _check_roles(declared: Declared[Asset]) -> None:
    for role in declared.value.inputs:
        if role not in (*ROLES, STRENGTH):
            raise SpecError(
                f"unknown input '{role}'",
                where=declared.where("inputs", role, key=True),
                hint=did_you_mean(role, (*ROLES, STRENGTH), "inputs"),
            )
