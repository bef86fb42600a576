"""What the project's policy says of models and assets. All faults are collected, and told together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from imgbuild.expand.context import Context
from imgbuild.expand.inputs import EdgeSource, FileSource
from imgbuild.expand.licenses import AS_OF, license_of
from imgbuild.process.base import Operation, is_upstream
from imgbuild.spec.declared import Declared
from imgbuild.types import Asset, Metadata, Model, Value, Where

STAND_IN = "placeholder"  # the model that is there without being declared; no policy is about it
LEVELS = ("none", "minimal", "full")  # of metadata, each with all that those before it say
# Parts of the names of parameters that bring others' work in.
FITTED = ("lora", "adapter", "embedding", "inversion")

_RIGHTS = (
    "add 'rights: …': who made them, and by which licence they are used ('policy.rights' in imgbuild.yaml)"
)


class At(Protocol):
    """The place of a key's value within a declaration, or of the declaration itself; the nearest where it is absent."""

    def __call__(self, *path: str) -> Where: ...


def refuse_model(context: Context, alias: str, model: Model, at: At) -> None:
    """Collect what the project does not allow of a model that an asset uses, as one of a chain or by a profile."""
    if model.provider == STAND_IN:
        return
    policy = context.settings.policy
    if policy.providers and model.provider not in policy.providers:
        context.refuse(
            f"model '{alias}' is of provider '{model.provider}', which the project does not allow",
            at("provider"),
            f"allowed: {', '.join(policy.providers)} ('policy.providers' in imgbuild.yaml)",
        )
    if policy.licenses or policy.commercial:
        _refuse_license(context, alias, model, at)
    fitted = _fitted(model.params)
    if policy.rights and fitted and not model.rights.strip():
        context.refuse(f"model '{alias}' has '{fitted}', and states no rights", at(), _RIGHTS)


def refuse_asset(
    context: Context,
    declared: Declared[Asset],
    name: str,
    sources: Iterable[FileSource | EdgeSource],
    steps: Iterable[Operation],
) -> None:
    """Collect what the project does not allow of an asset's pictures. steps: its operations, renditions' too.

    What comes of other assets is theirs to state; what rules compare with goes into no picture.
    """
    asset = declared.value
    if not context.settings.policy.rights or asset.rights.strip():
        return
    fitted = _fitted(asset.params)
    brings = "pictures from files" if any(isinstance(item, FileSource) for item in sources) else ""
    brings = brings or (f"'{fitted}'" if fitted else "") or _read_by(steps)
    if brings:
        context.refuse(
            f"asset '{name}' has {brings}, and states no rights", declared.where(key=True), _RIGHTS
        )


def _read_by(steps: Iterable[Operation]) -> str:
    """The first operation that reads a file, in words; empty where none does."""
    named = (step.name for step in steps if any(not is_upstream(path) for path in step.files()))
    return next((f"files that '{name}' reads" for name in named), "")


def refuse_metadata(context: Context, declared: Declared[Asset], name: str, told: Metadata) -> None:
    """Collect that an asset's images say less of themselves than the project wants."""
    wanted = context.settings.policy.metadata
    if LEVELS.index(told.level or "none") < LEVELS.index(wanted):
        where = (
            declared.where("metadata") if declared.value.metadata is not None else declared.where(key=True)
        )
        hint = f"say 'metadata: {wanted}' there or for the project ('policy.metadata' in imgbuild.yaml)"
        context.refuse(
            f"asset '{name}' has the metadata '{told.level}', and the project wants '{wanted}'", where, hint
        )


def _fitted(params: Mapping[str, Value]) -> str:
    """The first parameter that names a LoRA, an adapter or an embedding; empty where none does."""
    named = (name for name, value in params.items() if value and any(part in name.lower() for part in FITTED))
    return next(named, "")


def _refuse_license(context: Context, alias: str, model: Model, at: At) -> None:
    policy, stated = context.settings.policy, model.license.strip()
    listed = f"allowed: {', '.join(policy.licenses)} ('policy.licenses' in imgbuild.yaml)"
    if not stated:
        asked = f"; {listed}" if policy.licenses else " ('policy.commercial' in imgbuild.yaml)"
        hint = f"add 'license: …' to it, as its maker names it{asked}"
        context.refuse(
            f"model '{alias}' states no licence, which the project does not allow", at("provider"), hint
        )
        return
    is_listed = stated.casefold() in (name.strip().casefold() for name in policy.licenses)
    if policy.licenses and not is_listed:
        context.refuse(
            f"model '{alias}' has the licence '{stated}', which the project does not allow",
            at("license"),
            listed,
        )
    elif policy.commercial:
        _judge_commercial(context, alias, stated, at("license"), is_listed=is_listed)


def _judge_commercial(context: Context, alias: str, stated: str, where: Where, *, is_listed: bool) -> None:
    """is_listed: the project allows this licence by its name, so that it knows of what is not known here."""
    known = license_of(stated)
    has = f"model '{alias}' has the licence '{stated}'"
    if known is None:
        if not is_listed:
            context.warn(f"{has}, of which it is not known here whether it allows commercial use", where)
    elif known.commercial == "no":
        note = f": {known.note}" if known.note else ""
        hint = (
            f"as its text stood in {AS_OF}; take another model, or 'commercial' off 'policy' in imgbuild.yaml"
        )
        context.refuse(f"{has}, which forbids commercial use{note}", where, hint)
    elif known.commercial == "conditional":
        context.warn(f"{has}, which allows commercial use on a condition: {known.note}", where)
