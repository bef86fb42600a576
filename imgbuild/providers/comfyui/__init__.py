"""ComfyUI: workflows of one's own, drawn by its server."""

from imgbuild.providers.comfyui.provider import ComfyUI

__all__ = ["ComfyUI"]
