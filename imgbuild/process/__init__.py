"""What is done to pixels after generation: one file an operation, found by name."""

from imgbuild.process.base import Operation
from imgbuild.registry import Registry

OPERATIONS: Registry[type[Operation]] = Registry(
    "operation",
    "imgbuild.process",
    {
        "adjust": "imgbuild.process.adjust:Adjust",
        "convert": "imgbuild.process.convert:Convert",
        "crop": "imgbuild.process.crop:Crop",
        "pad": "imgbuild.process.pad:Pad",
        "pad_mask": "imgbuild.process.pad:PadMask",
        "resize": "imgbuild.process.resize:Resize",
        "sharpen": "imgbuild.process.sharpen:Sharpen",
    },
    Operation,
)
