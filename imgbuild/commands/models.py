"""`imgbuild models`: what is declared to make images, where it is pinned, what it takes, who uses it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial

import msgspec
from msgspec import Struct

from imgbuild.commands.session import Session
from imgbuild.errors import Exit
from imgbuild.expand.fit import parse_size
from imgbuild.expand.models import capabilities_of, draws
from imgbuild.expand.pricing import Pricing, told_price
from imgbuild.pins import is_of, kept, outdated, used_models
from imgbuild.project import Project
from imgbuild.providers import PROVIDERS
from imgbuild.providers.traits import traits_of
from imgbuild.survey import open_book
from imgbuild.types import Bound, Capabilities, Pin

Name = tuple[str, str]  # the declaring spec's name, and the alias
HEADERS = [
    *("model", "provider", "source", "pin", "grade", "licence"),
    *("safety", "traits", "price", "takes", "targets"),
]
SIZES = 4  # that are shown where there are more
REVISION = 12  # characters of a commit or digest that are shown


class Row(Struct, frozen=True, kw_only=True):
    """One declared model. spec: whose file declares it, and whose lock pins it. pin: None where there is none.

    traits: what it is good at, or known not to be. price: of an image of its own size, in US dollars; None where nobody
    knows. targets: that it makes; fallback: that it may take over.
    """

    spec: str
    model: str
    provider: str
    source: str
    revision: str
    pin: Pin | None
    outdated: bool
    license: str
    traits: Mapping[str, bool]
    price: float | None
    targets: int
    fallback: int
    capabilities: Capabilities


def run_models(session: Session) -> int:
    """Print every declared model. Raises SpecError."""
    project = session.project()
    rows = _rows(project)
    if session.json:
        for row in rows:
            session.say(msgspec.json.encode(row, order="sorted").decode())
    elif rows:
        session.table(HEADERS, [_cells(row, rows) for row in rows], frozenset({8, 10}))
    else:
        session.say("no models are declared: assets that name none are drawn by the placeholder")
    return Exit.DONE


def _rows(project: Project) -> list[Row]:
    book, pins = open_book(project)
    bounds = {**_declared(project, book.pins()), **used_models(project.graph.targets.values())}
    known = {
        name: pin for name, pin in book.pins().items() if name in bounds and is_of(pin, bounds[name].model)
    }
    known |= pins.known
    old = set(outdated(known))
    makes, takes_over = _uses(project)
    return [
        Row(
            spec=name[0],
            model=name[1],
            provider=bound.model.provider,
            source=bound.model.source,
            revision=bound.model.revision,
            pin=known.get(name),
            outdated=name in old,
            license=bound.model.license,
            traits=dict(sorted(traits_of(bound.model).items())),
            price=_price(bound, known.get(name)),
            targets=makes[name],
            fallback=takes_over[name],
            capabilities=bound.capabilities,
        )
        for name, bound in sorted(bounds.items())
    ]


def _declared(project: Project, locked: Mapping[Name, Pin]) -> dict[Name, Bound]:
    """Every declaration, used or not. Raises SpecError where a provider does not know the model."""
    found = {}
    for spec in project.specs:
        for alias, declared in spec.models.items():
            name, model = (declared.home, alias), declared.value
            pin = partial(kept, name, model, locked)
            found[name] = Bound(
                alias=alias,
                home=declared.home,
                model=model,
                capabilities=capabilities_of(model, declared.where, project.files, pin),
                where=declared.where(key=True),
            )
    return found


def _uses(project: Project) -> tuple[Mapping[Name, int], Mapping[Name, int]]:
    """How many targets each model makes, or rules and operations use it for; and how many it may take over."""
    makes: Counter[Name] = Counter()
    takes_over: Counter[Name] = Counter()
    for target in project.graph.targets.values():
        recipe = target.recipe
        if recipe.model is not None:
            makes[recipe.model.home, recipe.model.alias] += 1
        takes_over.update((bound.home, bound.alias) for bound in recipe.fallbacks)
        makes.update((bound.home, bound.alias) for bound in recipe.weights)
    return makes, takes_over


def _price(bound: Bound, pin: Pin | None) -> float | None:
    if not draws(bound.model):
        return None
    size = parse_size(bound.model.size) or bound.capabilities.default_size
    return Pricing(bound.model, pin).of(size, bound.model.params)


def _cells(row: Row, rows: list[Row]) -> list[str]:
    namesakes = sum(1 for other in rows if other.model == row.model)
    makes_images = PROVIDERS.get(row.provider).draws
    return [
        row.model if namesakes == 1 else f"{row.spec}/{row.model}",
        row.provider,
        f"{row.source}{f'@{row.revision}' if row.revision else ''}",
        _pin(row),
        row.capabilities.grade.value,
        row.license,
        row.capabilities.safety if makes_images else "",
        ", ".join(name if has else f"no {name}" for name, has in row.traits.items()),
        ("" if row.price is None else told_price(row.price)) if makes_images else "",
        takes_in_short(row.capabilities) if makes_images else "rules and operations use it",
        f"{row.targets:,}{f' + {row.fallback:,} as fallback' if row.fallback else ''}",
    ]


def _pin(row: Row) -> str:
    if row.pin is None:
        return "unpinned"
    moved = row.pin.revision or row.pin.weights
    told = moved[:REVISION] if moved else "pinned"
    return f"{told} (older adapter)" if row.outdated else told


def takes_in_short(takes: Capabilities) -> str:
    """What a model takes beside a prompt, and the sizes it makes."""
    return "; ".join(part for part in (", ".join(sorted(takes.takes)), _sizes(takes)) if part)


def _sizes(takes: Capabilities) -> str:
    if not takes.sized:
        return ""
    if takes.sizes:
        told = ", ".join(f"{width}x{height}" for width, height in takes.sizes[:SIZES])
        return told if len(takes.sizes) <= SIZES else f"{told}, … ({len(takes.sizes)} sizes)"
    step = f" by {takes.multiple_of}" if takes.multiple_of > 1 else ""
    return f"{takes.min_side}–{takes.max_side} px{step}"
