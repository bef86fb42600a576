"""Which cells an edit affects, by the outline: every target that differs from before, or was left open, is among them."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.expand import expand, read_drafts
from imgbuild.expand.outline import Outline, affected, outline_of
from imgbuild.files import Files
from imgbuild.settings import Settings
from imgbuild.spec import load

WORDS = st.sampled_from(["lamp", "desk", "chair", "Ünï", "7", "7.0"])
ROWS = st.lists(st.fixed_dictionaries({"name": WORDS, "kind": WORDS}), min_size=3, max_size=3)
SHADES = st.fixed_dictionaries({"plain": WORDS | st.booleans(), "moody": WORDS | st.integers(0, 2)})
EXCLUDES = st.sampled_from(
    [[], [{"color": "red", "sku": "A1"}], [{"name": "lamp"}], [{"style": "moody", "kind": "desk"}]]
)
INCLUDES = st.sampled_from(
    [[], [{"sku": "C1", "name": "mug", "kind": "cup", "color": "red", "style": "plain"}]]
)
PROMPTS = st.sampled_from(["{{ name }}", "{{ kind }} in {{ color }}", "{{ style }} {{ product.name }}"])
ROUTES = st.sampled_from(
    [
        None,
        [{"when": "name == 'lamp'", "model": "b"}, {"model": "a"}],
        [{"when": "'a' in tags", "model": "b"}, {"model": "a"}],
        [{"when": "name == 'lamp'", "model": "b"}, {"cheapest": ["a", "b"]}],
        {"cheapest": ["a", "b"], "needs": {"text": True}},
    ]
)


@st.composite
def projects(draw):
    return {
        "rows": draw(ROWS), "style": draw(SHADES), "exclude": draw(EXCLUDES), "include": draw(INCLUDES),
        "prompt": draw(PROMPTS), "steps": draw(st.integers(1, 2)), "tags": draw(st.sampled_from([[], ["a"]])),
        "seeds": draw(st.sampled_from([1, 2, {"count": 1, "per": ["kind"]}])), "route": draw(ROUTES),
        "hero": draw(WORDS),
    }  # fmt: skip


def files_of(project):
    shots = {
        "prompt": project["prompt"],
        "matrix": {
            "product": {"csv": "rows.csv", "key": "sku"}, "color": ["red", "blue"], "style": project["style"],
            "exclude": project["exclude"], "include": project["include"],
        },
        "params": {"steps": project["steps"]}, "tags": project["tags"], "seeds": project["seeds"],
        "output": "{{ sku }}_{{ color }}_{{ style.label }}_{{ index }}.png",
        **({"route": project["route"]} if project["route"] else {"models": ["a"]}),
    }  # fmt: skip
    spec = {
        "models": {"a": {"provider": "placeholder"}, "b": {"provider": "placeholder", "source": "b"}},
        "assets": {"shots": shots, "hero": {"prompt": f"a {project['hero']}", "models": ["a"]}},
    }
    rows = "".join(f"A{at},{row['name']},{row['kind']}\n" for at, row in enumerate(project["rows"]))
    return {"catalog.yaml": json.dumps(spec), "rows.csv": f"sku,name,kind\n{rows}"}


def drafts_of(project, root):
    (root / "specs").mkdir(exist_ok=True)
    for name, text in files_of(project).items():
        (root / "specs" / name).write_text(text)
    files, own = Files(root), Settings(root=root)
    return read_drafts(load(files, own), own, files)


def told(target):
    """What a target is, but for the places of its parts in the spec."""
    bound = target.recipe.model
    return (
        target.id, target.seed, target.asks, target.output, target.fault, target.recipe.tags,
        bound and (bound.alias, bound.model),
    )  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(before=projects(), data=st.data())
def test_what_is_not_affected_is_as_it_was(before, data):
    key = data.draw(st.sampled_from(list(before)))
    after = {**before, key: data.draw(projects())[key]}
    with TemporaryDirectory() as folder:
        old, old_targets, left = outline_and_targets(before, Path(folder), data)
        drafts = drafts_of(after, Path(folder))
        only = affected(old, outline_of(drafts), drafts)
        now = {target.id: told(target) for target in expand(drafts).targets}
        some = expand(drafts, only).targets if only is not None else ()
    if only is None:
        return
    looked_at = {target.id: told(target) for target in some}
    assert looked_at.items() <= now.items()
    # A route may pick another model for a cell that changed: its old id is gone, its new one is among those looked at.
    assert {name: now[name] for name in now.keys() - looked_at.keys()}.items() <= old_targets.items()
    assert left & now.keys() <= looked_at.keys()
    if before == after and not left:
        assert looked_at == {}


def outline_and_targets(project, root, data):
    """What is kept, all targets, and the ids of those that were left open."""
    drafts = drafts_of(project, root)
    targets = expand(drafts).targets
    left = data.draw(st.lists(st.sampled_from(targets), max_size=3), "left open")
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(outline_of(drafts, left)), type=Outline)
    return kept, {target.id: told(target) for target in targets}, {target.id for target in left}


def test_one_row_is_one_choice(tmp_path):
    project = {
        "rows": [{"name": "lamp", "kind": "a"}] * 3, "style": {"plain": "x", "moody": "y"}, "exclude": [], "include": [],
        "prompt": "{{ name }}", "steps": 1, "tags": [], "seeds": 1, "route": None, "hero": "lamp",
    }  # fmt: skip
    old = outline_of(drafts_of(project, tmp_path))
    project["rows"] = [*project["rows"][:2], {"name": "mug", "kind": "a"}]
    drafts = drafts_of(project, tmp_path)
    assert affected(old, outline_of(drafts), drafts) == {
        ("catalog", "shots"): [frozenset({2}), frozenset(), frozenset()]
    }
    assert old.texts == {"specs", "specs/catalog.yaml", "specs/rows.csv"}


def test_what_was_left_open_is_covered_by_the_choices_of_fewest_cells(tmp_path):
    project = {
        "rows": [{"name": "lamp", "kind": "a"}] * 3, "style": {"plain": "x", "moody": "y"}, "exclude": [],
        "include": [{"sku": "C1", "name": "mug", "kind": "cup", "color": "red", "style": "plain"}],
        "prompt": "{{ name }}", "steps": 1, "tags": [], "seeds": 1, "route": None, "hero": "lamp",
    }  # fmt: skip
    drafts = drafts_of(project, tmp_path)
    targets = {target.id.removeprefix("catalog/"): target for target in expand(drafts).targets}

    def again(*names):
        left = outline_of(drafts, [targets[name] for name in names])
        return affected(left, outline_of(drafts), drafts)

    row, colour = "shots[sku=A1,color=red,style={}]@a#0", "shots[sku=A{},color=red,style=plain]@a#0"
    assert again() == {}
    assert again(row.format("plain"), row.format("moody")) == {
        ("catalog", "shots"): [frozenset({1}), frozenset(), frozenset()]
    }
    assert again(*map(colour.format, range(3))) == {
        ("catalog", "shots"): [frozenset(), frozenset({0}), frozenset()]
    }
    assert again("hero@a#0") == {("catalog", "hero"): None}
    assert again("shots[sku=C1,color=red,style=plain]@a#0") == {("catalog", "shots"): None}
