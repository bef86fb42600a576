"""Rules that look through networks: their figures are those of a plain call of transformers, or of a sum by hand."""

import io
import json

import pytest
from PIL import Image as pillow

pytestmark = pytest.mark.slow

MODELS = """
    models:
      clip: {provider: weights, source: ./weights/clip}
      sorter: {provider: weights, source: ./weights/sorter}
      head: {provider: weights, source: ./weights/head.safetensors}
"""
TEXT = "a red lamp"


def picture():
    return pillow.effect_noise((40, 24), 60).convert("RGB")


def saved(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def shelf(bench, small_networks):
    """A project with small networks and one picture."""
    files = {
        f"weights/{kind}/{name}": data
        for kind, found in small_networks.items()
        for name, data in found.items()
    }
    return bench({**files, "photo.png": saved(picture())})


def figures(shelf, *rules):
    """What the rules say of the picture, by name: figure and status."""
    shelf.write(
        {"rules.yaml": f"{MODELS}    rules:\n      all:\n" + "".join(f"        - {rule}\n" for rule in rules)}
    )
    told = shelf.tell("check", "--rules", "rules.yaml", "photo.png", "--json")
    assert told.err == ""
    rows = [json.loads(line) for line in told.out.splitlines()]
    return {row["rule"]: (row["figure"], row["status"]) for row in rows if row["event"] == "verdict"}


def clip_of(shelf, texts):
    """Picture and texts as vectors, by a plain call of transformers; and the network's scale."""
    import torch
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    folder = shelf.root / "weights/clip"
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    with pillow.open(io.BytesIO((shelf.root / "photo.png").read_bytes())) as opened:
        pixels = AutoImageProcessor.from_pretrained(folder, use_fast=False)(
            images=opened, return_tensors="pt"
        )
    with torch.no_grad():
        out = model(**pixels, **tokenizer(texts, padding=True, return_tensors="pt"))
    return out.image_embeds[0], out.text_embeds, out.logits_per_image[0]


def test_a_text_is_compared_as_clip_compares_it(shelf):
    found = figures(shelf, f"prompt_match: {{model: clip, text: {TEXT}, max: -0.99}}")
    image, texts, _ = clip_of(shelf, [TEXT])
    assert found["prompt_match"] == (pytest.approx(float(image @ texts[0]), abs=1e-5), "fail")


def test_quality_is_the_share_of_the_first_of_two_words(shelf):
    found = figures(shelf, "quality: {model: clip, min: 0.0}")
    likely = clip_of(shelf, ["Good photo.", "Bad photo."])[2].softmax(0)
    assert found["quality"] == (pytest.approx(float(likely[0]), abs=1e-5), "pass")


def test_a_head_of_several_layers_is_summed_by_hand(shelf):
    import torch
    from safetensors.torch import save_file

    state = {
        "layers.0.weight": torch.arange(16.0).reshape(2, 8) / 10,
        "layers.0.bias": torch.tensor([1.0, -2.0]),
        "layers.2.weight": torch.tensor([[3.0, 0.5]]),
        "layers.2.bias": torch.tensor([0.25]),
    }
    save_file(state, shelf.root / "weights/head.safetensors")
    found = figures(shelf, "aesthetic: {model: clip, head: head, min: 0}")
    seen = clip_of(shelf, ["x"])[0].tolist()
    first = sum(at / 10 * value for at, value in enumerate(seen)) + 1
    second = sum((at + 8) / 10 * value for at, value in enumerate(seen)) - 2
    assert found["aesthetic"][0] == pytest.approx(3 * first + 0.5 * second + 0.25, abs=1e-4)


def test_a_head_of_another_clip(shelf):
    import torch
    from safetensors.torch import save_file

    save_file({"weight": torch.ones(1, 9), "bias": torch.zeros(1)}, shelf.root / "weights/head.safetensors")
    shelf.write(
        {"rules.yaml": f"{MODELS}    rules:\n      all: [aesthetic: {{model: clip, head: head, min: 0}}]\n"}
    )
    told = shelf.tell("check", "--rules", "rules.yaml", "photo.png")
    assert (told.code, told.err) == (1, "")
    why = "'./weights/head.safetensors' is no head for this CLIP: it takes 9 figures, and there are 8"
    assert why in told.out


def test_labels_are_as_likely_as_the_network_says(shelf):
    import torch
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    found = figures(shelf, "nsfw: {model: sorter, labels: [nsfw, drawing], max: 0.1}")
    folder = shelf.root / "weights/sorter"
    with pillow.open(shelf.root / "photo.png") as opened:
        pixels = AutoImageProcessor.from_pretrained(folder, use_fast=False)(
            images=opened, return_tensors="pt"
        )
    with torch.no_grad():
        likely = AutoModelForImageClassification.from_pretrained(folder)(**pixels).logits[0].softmax(0)
    assert found["nsfw"] == (pytest.approx(float(likely[1] + likely[2]), abs=1e-5), "fail")


def test_a_label_that_the_network_has_not(shelf):
    shelf.write({"rules.yaml": f"{MODELS}    rules:\n      all: [nsfw: {{model: sorter, labels: [porn]}}]\n"})
    told = shelf.tell("check", "--rules", "rules.yaml", "photo.png")
    assert (told.code, told.err) == (1, "")
    assert "'nsfw' asks for the label 'porn', which its model has not" in told.out


def test_a_network_of_another_kind(shelf):
    shelf.write({"rules.yaml": f"{MODELS}    rules:\n      all: [quality: {{model: sorter, min: 0.1}}]\n"})
    told = shelf.tell("check", "--rules", "rules.yaml", "photo.png")
    assert (told.code, told.err) == (1, "")
    assert "the network './weights/sorter' can't be loaded:" in told.out


def test_a_pickled_head_is_read_with_consent_alone(shelf):
    import torch

    head = {"linear.weight": torch.ones(1, 8), "linear.bias": torch.tensor([2.0])}
    torch.save({"state_dict": head}, shelf.root / "weights/head.pth")
    models = MODELS.replace("head.safetensors}", "head.pth, params: {allow_pickle: true}}")
    shelf.write(
        {"rules.yaml": f"{models}    rules:\n      all: [aesthetic: {{model: clip, head: head, min: -9}}]\n"}
    )
    call = ("check", "--rules", "rules.yaml", "photo.png", "--json")
    told = shelf.tell(*call)
    assert (told.code, told.out) == (2, "")
    assert told.err == (
        "error: model 'head' reads pickled weights of weights/head.pth: whoever made them could run any program on this "
        "machine\nhint: if you trust it, add --trust\n"
    )
    row = json.loads(shelf.tell(*call, "--trust").out.splitlines()[0])
    assert row["figure"] == pytest.approx(float(clip_of(shelf, ["x"])[0].sum()) + 2, abs=1e-4)


def test_a_file_where_a_folder_is_needed(shelf):
    shelf.write(
        {
            "weights/head.safetensors": b"",
            "rules.yaml": f"{MODELS}    rules:\n      all: [quality: {{model: head, min: 0}}]\n",
        }
    )
    told = shelf.tell("check", "--rules", "rules.yaml", "photo.png")
    assert (told.code, told.err) == (1, "")
    assert "'./weights/head.safetensors' is a file, and a folder is needed" in told.out


def test_a_long_text_is_read_as_far_as_the_network_reads(shelf):
    text = "a red lamp on a table beside a very old green chair"
    found = figures(shelf, f"prompt_match: {{model: clip, text: {text}, min: -1}}")
    assert found["prompt_match"][1] == "pass"
