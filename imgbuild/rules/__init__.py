"""What is checked on images: one file a rule, found by name."""

from imgbuild.registry import Registry
from imgbuild.rules.base import Rule

RULES: Registry[type[Rule]] = Registry(
    "rule",
    "imgbuild.rules",
    {
        "aspect_ratio": "imgbuild.rules.aspect_ratio:AspectRatio",
        "brightness": "imgbuild.rules.brightness:Brightness",
        "contrast": "imgbuild.rules.contrast:Contrast",
        "dimensions": "imgbuild.rules.dimensions:Dimensions",
        "file_size": "imgbuild.rules.file_size:FileSize",
        "format": "imgbuild.rules.format:FileFormat",
        "mode": "imgbuild.rules.mode:Mode",
        "not_blank": "imgbuild.rules.not_blank:NotBlank",
        "palette": "imgbuild.rules.palette:Palette",
        "sharpness": "imgbuild.rules.sharpness:Sharpness",
        "similar_to": "imgbuild.rules.similar_to:SimilarTo",
        "unique": "imgbuild.rules.unique:Unique",
    },
    Rule,
)
