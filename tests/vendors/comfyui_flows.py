"""Workflows as ComfyUI exports them for its API."""

from copy import deepcopy


def node(kind, title="", **inputs):
    return {"inputs": inputs, "class_type": kind, "_meta": {"title": title or kind}}


PORTRAIT = {
    "3": node(
        "KSampler",
        seed=156680208700286,
        steps=20,
        cfg=8,
        sampler_name="euler",
        scheduler="simple",
        denoise=1,
        model=["4", 0],
        positive=["6", 0],
        negative=["7", 0],
        latent_image=["5", 0],
    ),
    "4": node("CheckpointLoaderSimple", "Load Checkpoint", ckpt_name="sdxl.safetensors"),
    "5": node("EmptyLatentImage", "Empty Latent Image", width=64, height=48, batch_size=1),
    "6": node("CLIPTextEncode", "Positive prompt", text="a castle", clip=["4", 1]),
    "7": node("CLIPTextEncode", "Negative prompt", text="text, watermark", clip=["4", 1]),
    "8": node("VAEDecode", "VAE Decode", samples=["3", 0], vae=["4", 2]),
    "9": node("SaveImage", "Save Image", filename_prefix="portraits/hero", images=["8", 0]),
}

# A picture is drawn over where it is masked, by a mask of its own or by what it lacks.
REPAINT = {
    **PORTRAIT,
    "5": node("VAEEncodeForInpaint", pixels=["10", 0], vae=["4", 2], mask=["11", 0]),
    "10": node("LoadImage", "Load Image", image="example.png"),
    "11": node("LoadImageMask", "Load Mask", image="example.png", channel="alpha"),
}
ERASED = {
    **REPAINT,
    "5": node("VAEEncodeForInpaint", pixels=["10", 0], vae=["4", 2], mask=["10", 1]),
}


def edited(flow, **changes):
    """The flow with other inputs of nodes, by their numbers: {n3: {…}}; None takes a node out."""
    made = deepcopy(flow)
    for name, inputs in changes.items():
        if inputs is None:
            del made[name[1:]]
        else:
            made[name[1:]]["inputs"] |= inputs
    return made
