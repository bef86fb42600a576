"""What in the declaration of a local model could harm the reader, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from imgbuild.providers.diffusers.settings import setup_of
from imgbuild.providers.diffusers.source import BOX
from imgbuild.types import Concern, Model
from imgbuild.weights.source import is_folder


def concerns(model: Model) -> Sequence[Concern]:
    """What the declaration wants beyond numbers and settings. What ships with imgbuild is as safe as imgbuild."""
    setup = setup_of(model.params)
    found = []
    if setup.allow_pickle and model.source not in BOX:
        wants = f"reads pickled weights of {_whose(model)}: whoever made them could run any program on this machine"
        found.append(Concern(wants=wants, place=("params", "allow_pickle")))
    if setup.trust_remote_code and model.source not in BOX:
        wants = f"runs the Python code in {_whose(model)}: whoever wrote it can do whatever you can on this machine"
        found.append(Concern(wants=wants, place=("params", "trust_remote_code")))
    return found


def _whose(model: Model) -> str:
    if is_folder(model.source):
        return f"the folder {model.source.removeprefix('./')}"
    return f"the hub's repository {model.source}{f' at {model.revision}' if model.revision else ''}"
