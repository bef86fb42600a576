"""Where images come from: one file an adapter, found by name."""

from imgbuild.providers.base import Provider
from imgbuild.registry import Registry

PROVIDERS: Registry[type[Provider]] = Registry(
    "provider",
    "imgbuild.providers",
    {
        "automatic1111": "imgbuild.providers.automatic1111:Automatic1111",
        "bfl": "imgbuild.providers.bfl:BFL",
        "comfyui": "imgbuild.providers.comfyui:ComfyUI",
        "diffusers": "imgbuild.providers.diffusers:Diffusers",
        "fal": "imgbuild.providers.fal:Fal",
        "google": "imgbuild.providers.google:Google",
        "http": "imgbuild.providers.http_api:HttpApi",
        "huggingface": "imgbuild.providers.huggingface:HuggingFace",
        "ideogram": "imgbuild.providers.ideogram:Ideogram",
        "openai": "imgbuild.providers.openai:OpenAI",
        "openai_moderation": "imgbuild.providers.openai.moderation:Moderation",
        "placeholder": "imgbuild.providers.placeholder:Placeholder",
        "replicate": "imgbuild.providers.replicate:Replicate",
        "stability": "imgbuild.providers.stability:Stability",
        "weights": "imgbuild.providers.weights:WeightsOnly",
    },
    Provider,
)
