"""Where what a spec says goes: as it is declared, and as common workflows tell by their links."""

import json

import pytest

from imgbuild.errors import TargetError
from imgbuild.providers.comfyui.binding import bound
from imgbuild.providers.comfyui.graph import cut, read_graph
from tests.vendors.comfyui_flows import ERASED, PORTRAIT, REPAINT, edited, node

PATH = "flows/a.json"
FOUND = {
    "prompt": "6.text",
    "negative": "7.text",
    "seed": "3.seed",
    "width": "5.width",
    "height": "5.height",
    "steps": "3.steps",
    "guidance": "3.cfg",
    "sampler_name": "3.sampler_name",
    "scheduler": "3.scheduler",
}
PICTURE = {name: place for name, place in FOUND.items() if name not in ("width", "height")}


def find(flow, output="9", **asked):
    """Everything that is bound, as a spec would write it."""
    whole = read_graph(json.dumps(flow).encode(), PATH)
    found = bound(whole, cut(whole, output), asked, PATH)
    told = {name: [".".join(place) for place in places] for name, places in found.items()}
    return {name: places[0] if len(places) == 1 else places for name, places in told.items()}


def test_a_sampler_leads_to_all_that_it_draws():
    assert find(PORTRAIT) == FOUND


def test_a_picture_that_is_drawn_over():
    over = edited(REPAINT, n11=None)
    over["5"] = node("VAEEncode", pixels=["10", 0], vae=["4", 2])
    assert find(over) == {**PICTURE, "image": "10.image", "strength": "3.denoise"}
    assert find(REPAINT) == {**PICTURE, "image": "10.image", "mask": "11.image", "strength": "3.denoise"}
    assert find(ERASED) == {**PICTURE, "image": "10.image", "mask": "10.image", "strength": "3.denoise"}
    two = {**over, "5": node("LatentBlend", a=["12", 0], b=["13", 0])}
    two |= {"12": node("VAEEncode", pixels=["10", 0]), "13": node("VAEEncode", pixels=["14", 0])}
    assert find({**two, "14": node("LoadImage", image="b.png")}) == PICTURE  # which of them, has to be said


def test_values_that_nodes_of_their_own_give():
    given = edited(PORTRAIT, n3={"seed": ["20", 0]}, n5={"width": ["21", 0]}, n6={"text": ["22", 0]})
    given |= {
        "20": node("Seed (rgthree)", seed=7),
        "21": node("PrimitiveInt", value=768),
        "22": node("PrimitiveStringMultiline", value="a castle"),
    }
    assert find(given) == {**FOUND, "seed": "20.seed", "width": "21.value", "prompt": "22.value"}


def test_a_sampler_that_is_put_together():
    flux = {
        "1": node("UNETLoader", unet_name="flux1-dev.safetensors"),
        "3": node("CLIPTextEncodeFlux", clip_l="a lamp", t5xxl="a brass lamp", guidance=3.5, clip=["2", 0]),
        "2": node("DualCLIPLoader", clip_name1="a", clip_name2="b"),
        "5": node("RandomNoise", noise_seed=42),
        "6": node("BasicGuider", model=["1", 0], conditioning=["3", 0]),
        "7": node("KSamplerSelect", sampler_name="euler"),
        "8": node("BasicScheduler", scheduler="simple", steps=20, denoise=1, model=["1", 0]),
        "9": node("EmptySD3LatentImage", width=1024, height=1024, batch_size=1),
        "10": node(
            "SamplerCustomAdvanced",
            noise=["5", 0],
            guider=["6", 0],
            sampler=["7", 0],
            sigmas=["8", 0],
            latent_image=["9", 0],
        ),
        "11": node("VAEDecode", samples=["10", 0], vae=["12", 0]),
        "12": node("VAELoader", vae_name="ae.safetensors"),
        "13": node("SaveImage", images=["11", 0], filename_prefix="x"),
    }
    assert find(flux, "13") == {
        "prompt": ["3.t5xxl", "3.clip_l"],
        "seed": "5.noise_seed",
        "width": "9.width",
        "height": "9.height",
        "steps": "8.steps",
        "guidance": "3.guidance",
        "sampler_name": "7.sampler_name",
        "scheduler": "8.scheduler",
    }


def test_a_negative_that_is_made_of_the_prompt_takes_none():
    zero = edited(PORTRAIT, n3={"negative": ["12", 0]}, n7=None)
    zero["12"] = node("ConditioningZeroOut", conditioning=["6", 0])
    assert "negative" not in find(zero)


def test_a_sampler_that_has_its_texts_itself():
    whole = edited(PORTRAIT, n3={"positive": "a castle", "negative": ""}, n6=None, n7=None)
    assert find(whole) == {**FOUND, "prompt": "3.positive", "negative": "3.negative"}


TWICE = {
    **edited(PORTRAIT, n8={"samples": ["13", 0]}),
    "12": node("LatentUpscale", samples=["3", 0], width=128, height=96),
    "13": {**PORTRAIT["3"], "inputs": {**PORTRAIT["3"]["inputs"], "latent_image": ["12", 0], "denoise": 0.5}},
}


def test_of_two_samplers_only_what_they_share_is_found():
    assert find(TWICE) == {"prompt": "6.text", "negative": "7.text", "seed": ["3.seed", "13.seed"]}
    by = find(edited(TWICE, n12={"width": ["5", 1], "height": ["5", 2]}))
    assert (by["width"], by["height"]) == ("5.width", "5.height")


def test_what_is_declared_goes_where_it_says():
    asked = {
        "prompt": "Positive prompt.text",
        "cfg": "KSampler.cfg",
        "image": ["4.ckpt_name"],
        "negative": [],
    }
    found = {name: place for name, place in FOUND.items() if name not in ("negative", "guidance")}
    assert find(PORTRAIT, **asked) == {
        **found,
        "cfg": "3.cfg",
        "image": "4.ckpt_name",
        "strength": "3.denoise",
    }
    assert find(PORTRAIT, width=[], height=[]).keys() == FOUND.keys() - {"width", "height"}
    upscaled = {"1": node("LoadImage", image="a.png"), "2": node("SaveImage", images=["1", 0])}
    assert find(upscaled, "2", prompt=[], image="1.image") == {"image": "1.image"}


def test_titles_and_inputs_may_have_dots():
    flow = edited(PORTRAIT)
    flow["6"]["_meta"]["title"] = "v1.5 text"
    flow["12:3"] = node("Resize", **{"size.width": 64, "image": ["8", 0]})
    flow["9"]["inputs"]["images"] = ["12:3", 0]
    found = find(flow, prompt="v1.5 text.text", side="12:3.size.width")
    assert (found["prompt"], found["side"]) == ("6.text", "12:3.size.width")


WRONG = {
    "no text": (
        {"seed": [3]},
        "'bind' is not as it must be: Expected `str`, got `int` - at `$[...][0]`",
        "such as bind: {prompt: 6.text}",
    ),
    "no input": (
        {"seed": "3"},
        "'seed' can't be bound to '3': it names no input",
        "write the node and its input, such as 6.text",
    ),
    "no node": (
        {"seed": "KSamplr.seed"},
        "'seed' can't be bound to 'KSamplr.seed': flows/a.json has no such node",
        "did you mean 'KSampler'? Nodes here: 12, 13, 14, 3, 4, 5, 6, 7, 8, 9, …",
    ),
    "no such input": (
        {"seed": "KSampler.sed"},
        "'seed' can't be bound to 'KSampler.sed': node 'KSampler' (3) has no input 'sed'",
        "did you mean 'seed'? Inputs here: cfg, denoise, latent_image, model, negative, positive, sampler_name, "
        "scheduler, seed, steps",
    ),
    "several": (
        {"prompt": "Extra.text"},
        "'prompt' can't be bound to 'Extra.text': several nodes are called so: 12, 13",
        "name one by its number: 12.text",
    ),
    "aside": (
        {"prompt": "14.text"},
        "'prompt' can't be bound to '14.text': nothing of node 'Aside' (14) goes into the image",
        "bind an input of a node that leads to it",
    ),
    "a link": (
        {"prompt": "3.positive"},
        "'prompt' can't be bound to '3.positive': that input comes from node 'Positive prompt' (6)",
        "bind an input of that node",
    ),
    "a number": (
        {"prompt": "3.steps"},
        "'prompt' can't be bound to '3.steps': that input holds 20, and not a text",
        "bind an input of that kind",
    ),
    "a text": (
        {"width": "6.text"},
        "'width' can't be bound to '6.text': that input holds 'a castle', and not a whole number",
        "bind an input of that kind",
    ),
    "half a size": (
        {"height": []},
        "'width' is bound, and 'height' is not",
        "bind both, or neither: {width: [], height: []}",
    ),
    "two in one": (
        {"a": "3.steps", "b": ["3.steps"]},
        "'a' and 'b' are both bound to '3.steps'",
        "bind one of them elsewhere",
    ),
    "in place of the prompt": (
        {"caption": "6.text"},
        "'caption' is bound to where the prompt goes",
        "bind it elsewhere, or bind the 'prompt' too",
    ),
}
MORE = {
    **PORTRAIT,
    "12": node("CLIPTextEncode", "Extra", text="x", clip=["4", 1]),
    "13": node("CLIPTextEncode", "Extra", text="y", clip=["4", 1]),
    "14": node("CLIPTextEncode", "Aside", text="z", clip=["4", 1]),
}
MORE["8"] = node("VAEDecode", samples=["3", 0], vae=["4", 2], hints=["12", 0], more=["13", 0])


@pytest.mark.parametrize(("asked", "message", "hint"), WRONG.values(), ids=WRONG)
def test_what_leads_nowhere_is_told(asked, message, hint):
    with pytest.raises(TargetError) as raised:
        find(MORE, **asked)
    assert (raised.value.message, raised.value.hint) == (message, hint)


OTHER = {"12": node("CLIPTextEncode", text="a moat", clip=["4", 1])}
UNCLEAR = {
    "two prompts": (
        {**TWICE, **OTHER, "13": edited(TWICE, n13={"positive": ["12", 0], "latent_image": ["3", 0]})["13"]},
        "it can't be told which text of flows/a.json is the prompt",
        "say so in the model's params: bind: {prompt: …}, with one of 6.text, 7.text, 12.text",
    ),
    "no sampler": (
        {"9": node("SaveImage", images=["10", 0]), "10": node("LoadImage", image="a.png")},
        "it can't be told where the prompt of flows/a.json goes",
        "say so in the model's params: bind: {prompt: …}",
    ),
    "a seed from elsewhere": (
        {**edited(PORTRAIT, n3={"seed": ["12", 0]}), "12": node("Dice", sides=6)},
        "it can't be told where the seed of flows/a.json is written, which node 'KSampler' (3) takes from elsewhere",
        "say so in the model's params: bind: {seed: …}, with a node and its input",
    ),
}


@pytest.mark.parametrize(("flow", "message", "hint"), UNCLEAR.values(), ids=UNCLEAR)
def test_what_can_not_be_told_has_to_be_said(flow, message, hint):
    with pytest.raises(TargetError) as raised:
        find(flow)
    assert (raised.value.message, raised.value.hint) == (message, hint)


def test_an_empty_list_says_that_nothing_takes_it():
    assert "seed" not in find(UNCLEAR["a seed from elsewhere"][0], seed=[])
