"""Which existing pictures models had a part in, however far upstream."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgbuild.expand import Expansion

Expanded = Callable[..., Expansion]
Asset = tuple[bool, set[int]]  # whether a model draws it, and the assets that it takes in


def spec(assets: list[Asset]) -> str:
    lines = ["assets:"]
    for at, (drawn, taken) in enumerate(assets):
        layers = "".join(f"{{asset: a{other}}}, " for other in sorted(taken))
        process = f", process: [{{compose: {{layers: [{layers}{{picture: true}}]}}}}]" if taken else ""
        lines.append(f"  a{at}: {{{'prompt: x' if drawn else 'from: a.png'}{process}}}")
    return "\n".join(lines)


def noted(expanded: Expanded, assets: list[Asset]) -> list[bool]:
    found = {
        target.recipe.asset: target.recipe.takes_drawn
        for target in expanded(spec(assets), {"specs/a.png": b""}).targets
    }
    return [found[f"a{at}"] for at in range(len(assets))]


@st.composite
def acyclic(draw: st.DrawFn) -> list[Asset]:
    """Assets, of which each takes in some of those before it, in any order."""
    count = draw(st.integers(1, 7))
    order = draw(st.permutations(range(count)))
    assets: list[Asset] = [(draw(st.booleans()), set()) for _ in range(count)]
    for place, at in enumerate(order):
        assets[at][1].update(draw(st.sets(st.sampled_from(order[:place]))) if place else ())
    return assets


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acyclic())
def test_a_picture_takes_what_is_drawn_where_anything_upstream_is(
    expanded: Expanded, assets: list[Asset]
) -> None:
    def takes(at: int) -> bool:
        return any(assets[other][0] or takes(other) for other in assets[at][1])

    assert noted(expanded, assets) == [takes(at) for at in range(len(assets))]


def test_a_long_chain_is_followed_to_its_end(expanded: Expanded) -> None:
    chain: list[Asset] = [(True, set()), *((False, {at}) for at in range(1500))]
    assert noted(expanded, chain) == [False, *[True] * 1500]
