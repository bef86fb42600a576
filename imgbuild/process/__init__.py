"""What is done to pixels after generation: one file an operation, found by name."""

from imgbuild.process.base import Operation
from imgbuild.registry import Registry

OPERATIONS: Registry[type[Operation]] = Registry(
    "operation",
    "imgbuild.process",
    {
        "adjust": "imgbuild.process.adjust:Adjust",
        "blur": "imgbuild.process.blur:Blur",
        "color": "imgbuild.process.color:Color",
        "command": "imgbuild.process.command:Command",
        "compose": "imgbuild.process.compose:Compose",
        "convert": "imgbuild.process.convert:Convert",
        "crop": "imgbuild.process.crop:Crop",
        "grayscale": "imgbuild.process.grayscale:Grayscale",
        "overlay": "imgbuild.process.overlay:Overlay",
        "pad": "imgbuild.process.pad:Pad",
        "pad_mask": "imgbuild.process.pad:PadMask",
        "quantize": "imgbuild.process.quantize:Quantize",
        "remove_background": "imgbuild.process.remove_background:RemoveBackground",
        "resize": "imgbuild.process.resize:Resize",
        "restore_faces": "imgbuild.process.restore_faces:RestoreFaces",
        "round_corners": "imgbuild.process.round_corners:RoundCorners",
        "shadow": "imgbuild.process.shadow:Shadow",
        "sharpen": "imgbuild.process.sharpen:Sharpen",
        "trim": "imgbuild.process.trim:Trim",
        "upscale": "imgbuild.process.upscale:Upscale",
    },
    Operation,
)
