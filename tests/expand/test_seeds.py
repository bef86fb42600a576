"""Seeds: derived, listed, counted; never moved by what is not theirs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.errors import SpecError
from imgbuild.expand import attempt_seed, derive_seed
from imgbuild.types import Target

Targets = Callable[..., list[Target]]
LABELS = st.lists(
    st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=3, unique_by=lambda pair: pair[0]
)


def test_literal_seeds() -> None:
    """A change of these is a change of every unlocked picture of every project."""
    assert derive_seed("thumbnails", [("sku", "A1"), ("color", "red")], 0) == 700434527
    assert derive_seed("logo", [], 3) == 1753776685
    assert attempt_seed(1189998819, 1) == 23931865


@given(st.text(), LABELS, st.integers(0, 10_000))
def test_derived_seeds_fit_every_provider(asset: str, labels: list[tuple[str, str]], index: int) -> None:
    seed = derive_seed(asset, labels, index)
    assert 0 <= seed < 2**31
    assert derive_seed(asset, labels[::-1], index) == seed
    assert attempt_seed(seed, 0) == seed
    assert 0 <= attempt_seed(seed, 7) < 2**31


def spec(seeds: str, prompt: str = "x", more: str = "") -> str:
    matrix = "{c: [1, 2], d: [u, v]}"
    return (
        f"version: 1\nassets:\n  a:\n    prompt: {prompt}\n    matrix: {matrix}\n    seeds: {seeds}\n{more}"
    )


def seeds(targets: list[Target]) -> list[int]:
    return [target.seed for target in targets]


def test_derived(targets: Targets) -> None:
    made = targets(spec("2"))
    assert len(set(seeds(made))) == 8
    assert [target.index for target in made[:4]] == [0, 1, 0, 1]
    assert not any(target.explicit for target in made)
    assert made[1].seed == derive_seed("a", [("c", "1"), ("d", "u")], 1)


def test_neither_prompt_nor_model_moves_a_seed(targets: Targets) -> None:
    models = "    models: [m]\nmodels: {m: {provider: placeholder}}\n"
    assert seeds(targets(spec("2"))) == seeds(targets(spec("2", "other {{ c }}", models)))


def test_listed_and_counted(targets: Targets) -> None:
    listed = targets(spec("[7, 11]"))
    assert seeds(listed)[:3] == [7, 11, 7]
    assert [target.id[-1] for target in listed[:3]] == ["0", "1", "0"]
    assert all(target.explicit for target in listed)
    assert seeds(targets(spec("{base: 42, count: 3}")))[:4] == [42, 43, 44, 42]


def test_per_shares_seeds_between_cells(targets: Targets) -> None:
    made = targets(spec("{count: 1, per: [c]}"))
    assert seeds(made) == [derive_seed("a", [("c", label)], 0) for label in ("1", "1", "2", "2")]


def test_per_takes_columns_and_rows(targets: Targets) -> None:
    text = (
        "version: 1\nassets:\n  a:\n    prompt: x\n    vars: {l: [1, 2]}\n"
        "    matrix: {p: {csv: p.csv, key: sku}}\n    seeds: {count: 1, per: [%s]}\n"
    )
    files = {"specs/p.csv": "sku,kind\nA1,x\nA2,x\nA3,y\n"}
    kinds = seeds(targets(text % "kind", files))
    assert kinds[0] == kinds[1] != kinds[2]
    assert len(set(seeds(targets(text % "p", files)))) == 3
    assert len(set(seeds(targets(text % "l", files)))) == 1


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ("[7, 11, 7]", "seed 7 is listed twice"),
        ("{base: 2147483647, count: 2}", "seeds from 2147483647 on leave the range 0 to 2147483647"),
        ("{base: 1, count: 2, per: [c]}", "'per' is for derived seeds, and these are counted from 'base'"),
        ("{count: 2, per: [e]}", "unknown variable 'e'"),
    ],
)
def test_faults(targets: Targets, seeds: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        targets(spec(seeds))
    assert caught.value.message == message
    assert caught.value.where is not None
    assert caught.value.where.line == 6
