"""What is checked on images: one file a rule, found by name."""

from imgbuild.registry import Registry
from imgbuild.rules.base import Rule

RULES: Registry[type[Rule]] = Registry(
    "rule",
    "imgbuild.rules",
    {
        "aesthetic": "imgbuild.rules.aesthetic:Aesthetic",
        "aspect_ratio": "imgbuild.rules.aspect_ratio:AspectRatio",
        "background": "imgbuild.rules.background:Background",
        "banding": "imgbuild.rules.banding:Banding",
        "brightness": "imgbuild.rules.brightness:Brightness",
        "command": "imgbuild.rules.command:Command",
        "contrast": "imgbuild.rules.contrast:Contrast",
        "differs_from": "imgbuild.rules.differs_from:DiffersFrom",
        "dimensions": "imgbuild.rules.dimensions:Dimensions",
        "edges": "imgbuild.rules.edges:Edges",
        "faces": "imgbuild.rules.faces:Faces",
        "file_size": "imgbuild.rules.file_size:FileSize",
        "format": "imgbuild.rules.format:FileFormat",
        "mode": "imgbuild.rules.mode:Mode",
        "noise": "imgbuild.rules.noise:Noise",
        "not_blank": "imgbuild.rules.not_blank:NotBlank",
        "nsfw": "imgbuild.rules.nsfw:Nsfw",
        "palette": "imgbuild.rules.palette:Palette",
        "prompt_match": "imgbuild.rules.prompt_match:PromptMatch",
        "python": "imgbuild.rules.python:Python",
        "quality": "imgbuild.rules.quality:Quality",
        "sharpness": "imgbuild.rules.sharpness:Sharpness",
        "similar_to": "imgbuild.rules.similar_to:SimilarTo",
        "subject": "imgbuild.rules.subject:Subject",
        "text": "imgbuild.rules.text:Text",
        "unique": "imgbuild.rules.unique:Unique",
    },
    Rule,
)
