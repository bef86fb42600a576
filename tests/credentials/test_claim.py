from imgbuild.credentials.claim import Claim, Ingredient, actions_of
from imgbuild.process import OPERATIONS
from imgbuild.provenance.xmp import SOURCES


def piece(label, relationship):
    return Ingredient(
        label=label, title="a.png", mime="image/png", relationship=relationship, digest="d", read=bytes
    )


def operation(name, **parameters):
    import msgspec

    return msgspec.convert(parameters, OPERATIONS.get(name))


def test_a_drawn_picture_was_created_and_finished():
    told = {"source": "trainedAlgorithmicMedia", "generation": {"prompt": "a lamp"}}
    given = piece("picture-1", "inputTo")
    steps = [(operation("crop", width=8, height=8), []), (operation("shadow"), [])]
    assert actions_of(told, "diffusers house/lamps", [], [given], steps) == [
        {
            "action": "c2pa.created",
            "digitalSourceType": f"{SOURCES}trainedAlgorithmicMedia",
            "softwareAgent": {"name": "diffusers house/lamps"},
            "parameters": {"imgbuild": {"prompt": "a lamp"}, "ingredientIds": ["picture-1"]},
        },
        {"action": "c2pa.cropped", "description": "crop"},
        {"action": "c2pa.edited", "description": "shadow"},
    ]


def test_a_photograph_was_opened_and_others_placed_on_it():
    parent, placed = piece("picture-1", "parentOf"), piece("picture-2", "componentOf")
    steps = [(operation("overlay", image="logo.png"), [placed])]
    assert actions_of({}, "", [parent], [], steps) == [
        {"action": "c2pa.opened", "parameters": {"ingredientIds": ["picture-1"]}},
        {"action": "c2pa.placed", "description": "overlay", "parameters": {"ingredientIds": ["picture-2"]}},
    ]


def test_a_sheet_of_photographs_is_a_composite_that_no_model_made():
    assert actions_of({}, "", [], [], []) == [
        {"action": "c2pa.created", "digitalSourceType": f"{SOURCES}composite"}
    ]


def test_a_key_knows_all_but_the_version_of_the_tool():
    claim = Claim(title="a.png", mime="image/png", actions=[], ingredients=[piece("picture-1", "parentOf")])
    assert claim.definition("1.0")["claim_generator_info"] == [{"name": "imgbuild", "version": "1.0"}]
    assert claim.fields() == {
        "title": "a.png",
        "mime": "image/png",
        "actions": [],
        "ingredients": [
            {
                "label": "picture-1",
                "title": "a.png",
                "mime": "image/png",
                "relationship": "parentOf",
                "digest": "d",
            }
        ],
    }
