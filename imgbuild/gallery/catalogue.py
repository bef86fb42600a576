"""Survey + records + reviews → catalogue: what the page shows of all targets, and of one. Pure, and no server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from imgbuild.digest import fingerprint
from imgbuild.gallery.facts import UNKNOWN, Fact
from imgbuild.gallery.look import Look, Made
from imgbuild.gallery.rivals import Rivals, rivals_of, winners_of
from imgbuild.select import handle
from imgbuild.types import Target, Verdict

GRAVITY = ("pass", "warn", "review", "fail")  # of what a rule said, the worst last


class AssetCard(Struct, frozen=True, kw_only=True):
    """An asset, as targets refer to it."""

    id: str
    tags: tuple[str, ...]


class Card(Struct, frozen=True, kw_only=True, gc=False):
    """A target, as the grid shows it.

    asset, prompt: places in the catalogue's lists. image: SHA-256 of the published bytes in hexadecimal, empty where
    there are none. pixels: digest of what it shows. width, height: of the image, and until somebody looked, of what was
    asked for. color: its mean. rules: what each said of it. review: open, changed, approved or rejected.
    wins: whether it was picked over others. cost: US dollars. seconds: that it took to make.
    """

    id: str
    handle: str
    asset: int
    cell: Mapping[str, str]
    model: str
    index: int
    prompt: int
    output: str
    state: str
    why: str
    image: str
    pixels: str
    width: int
    height: int
    color: str
    rules: Mapping[str, str]
    review: str
    wins: bool
    stars: int
    seed: int
    attempt: int
    cost: float
    seconds: float
    grade: str
    via: str


class Can(Struct, frozen=True, kw_only=True):
    """What the page may do. review: add decisions."""

    review: bool


class Catalogue(Struct, frozen=True, kw_only=True):
    """All that the page needs at once. variables: every name there is, in the order in which they first appear."""

    project: str
    root: str
    profile: str
    can: Can
    checklist: tuple[str, ...]
    variables: tuple[str, ...]
    assets: tuple[AssetCard, ...]
    prompts: tuple[str, ...]
    targets: tuple[Card, ...]
    groups: tuple[Rivals, ...] = ()


def catalogue(look: Look, facts: Mapping[str, Fact], *, can_review: bool) -> Catalogue:
    """What the page shows of the chosen targets. facts: of images, by SHA-256 in hexadecimal."""
    settings = look.found.project.settings
    assets: dict[str, AssetCard] = {}
    places: dict[str, int] = {}
    prompts: dict[str, int] = {}
    cards, winners = [], winners_of(look)
    for target in look.chosen:
        name = f"{target.recipe.spec}/{target.recipe.asset}"
        if name not in assets:
            places[name] = len(assets)
            assets[name] = AssetCard(id=name, tags=target.recipe.tags)
        prompt = prompts.setdefault(prompt_of(target), len(prompts))
        cards.append(_card(look, facts, target, places[name], prompt, wins=target.id in winners))
    return Catalogue(
        project=settings.root.name,
        root="",
        profile=settings.profile_name,
        can=Can(review=can_review),
        checklist=tuple(settings.review.checklist),
        variables=tuple(dict.fromkeys(name for target in look.chosen for name, _ in target.cell)),
        assets=tuple(assets.values()),
        prompts=tuple(prompts),
        targets=tuple(cards),
        groups=rivals_of(look),
    )


def encode(whole: Catalogue) -> tuple[bytes, str]:
    """The catalogue as JSON, and its tag."""
    data = msgspec.json.encode(whole)
    return data, f'"{fingerprint(data)}"'


def prompt_of(target: Target) -> str:
    return target.asks[0].prompt if target.asks else ""


def _card(
    look: Look, facts: Mapping[str, Fact], target: Target, asset: int, prompt: int, *, wins: bool
) -> Card:
    standing = look.standing_of(target)
    return Card(
        id=target.id,
        handle=handle(target.id),
        asset=asset,
        cell=dict(target.cell),
        model=target.recipe.model.alias if target.recipe.model is not None else "",
        index=target.index,
        prompt=prompt,
        output=target.output,
        **_state(look, target),
        **_image(look, facts, target),
        **locked(look, target),
        review="changed" if standing.has_changed else standing.state,
        wins=wins,
        stars=len(standing.stars),
    )


def _state(look: Look, target: Target) -> dict[str, Any]:
    """How it stands, and what rules said."""
    outcome = look.outcome_of(target)
    return {
        "state": look.states[target.id],
        "why": look.why(target),
        "rules": _worst(outcome.verdicts) if outcome is not None else {},
    }


def _image(look: Look, facts: Mapping[str, Fact], target: Target) -> dict[str, Any]:
    """Its image and, as far as is known, how that looks."""
    image, line = look.image_of(target), look.line_of(target)
    fact, ask = facts.get(image, UNKNOWN), target.asks[0] if target.asks else None
    return {
        "image": image,
        "pixels": line.pixels if line is not None else "",
        "width": fact.width or (ask.width if ask else 0),
        "height": fact.height or (ask.height if ask else 0),
        "color": fact.color,
    }


def locked(look: Look, target: Target) -> dict[str, Any]:
    """How its image was made, or is going to be made."""
    decision, line = look.found.plan.decisions[target.id], look.line_of(target)
    made = look.made.get(line.raw, Made()) if line is not None else Made()
    return {
        "seed": line.seed if line is not None else decision.seed,
        "attempt": line.attempt if line is not None else decision.attempt,
        "grade": line.grade.value if line is not None else "",
        "via": line.via if line is not None else "",
        "cost": made.cost,
        "seconds": round(made.seconds, 3),
    }


def _worst(verdicts: Sequence[Verdict]) -> dict[str, str]:
    """By rule, the gravest of what it said: several of one name may stand in a spec."""
    found: dict[str, str] = {}
    for verdict in verdicts:
        known = found.get(verdict.rule, verdict.status)
        found[verdict.rule] = max(known, verdict.status, key=GRAVITY.index)
    return found


def changed(before: Catalogue, after: Catalogue) -> list[dict[str, Any]] | None:
    """The targets that are not as they were, each with its prompt as text; None where more than that has changed."""
    same = ("project", "profile", "can", "checklist", "variables", "assets", "groups")
    if any(getattr(before, name) != getattr(after, name) for name in same):
        return None
    if [card.id for card in before.targets] != [card.id for card in after.targets]:
        return None
    found = []
    for old, new in zip(before.targets, after.targets, strict=True):
        text = after.prompts[new.prompt]
        if before.prompts[old.prompt] != text or (old is not new and not _is_same(old, new)):
            found.append({**msgspec.to_builtins(new), "text": text})
    return found


def patched(whole: Catalogue, part: Catalogue) -> Catalogue | None:
    """The whole with those targets that are in the part as they are there; None where that can't be told so.

    Who competes is not for a part to tell: where that changes, the whole is looked at.
    """
    assets = {asset.id: place for place, asset in enumerate(whole.assets)}
    known = {card.id: place for place, card in enumerate(whole.targets)}
    places = [assets.get(asset.id) for asset in part.assets]
    if any(
        place is None or whole.assets[place] != asset
        for place, asset in zip(places, part.assets, strict=True)
    ):
        return None
    if not (set(part.variables) <= set(whole.variables) and all(card.id in known for card in part.targets)):
        return None
    prompts = {text: place for place, text in enumerate(whole.prompts)}
    cards = list(whole.targets)
    for card in part.targets:
        prompt = prompts.setdefault(part.prompts[card.prompt], len(prompts))
        asset = places[card.asset]
        cards[known[card.id]] = msgspec.structs.replace(card, prompt=prompt, asset=asset)
    return msgspec.structs.replace(whole, targets=tuple(cards), prompts=tuple(prompts))


def _is_same(old: Card, new: Card) -> bool:
    """But for where its prompt stands in the list, and for what was found out of the same image meanwhile."""
    known = msgspec.structs.replace(old, prompt=new.prompt)
    if old.image == new.image:
        known = msgspec.structs.replace(known, width=new.width, height=new.height, color=new.color)
    return known == new


def images_of(look: Look) -> dict[str, tuple[str, str]]:
    """Every image that may be asked for, by SHA-256 in hexadecimal: its digest, and the path where it is published."""
    found = {}
    for target in look.chosen:
        image = look.image_of(target)
        if image:
            found[image] = (look.digest_of(target), target.output)
    return found
