"""What `source` names: a folder of the project, a model that ships with imgbuild, or a repository of the hub."""

from __future__ import annotations

import re
from pathlib import Path

from imgbuild.errors import SpecError, TargetError

BOX = {"imgbuild/tiny-icons": "tiny_icons"}  # source → its folder in imgbuild/models
INDEX = "model_index.json"

_HUB = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def check_source(source: str) -> None:
    """Raise SpecError where this can't be a source."""
    if not source:
        raise SpecError(
            "a model of provider 'diffusers' needs a 'source'",
            hint="name a repository of the hub (owner/name), or a folder that begins with './'",
        )
    if not is_folder(source) and not _HUB.fullmatch(source):
        raise SpecError(
            f"'{source}' is no source of provider 'diffusers'",
            hint="name a repository of the hub (owner/name), or a folder that begins with './'",
        )


def is_folder(source: str) -> bool:
    """Whether it is a folder of the project; its path from the root follows './'."""
    return source.startswith("./")


def box_folder(source: str) -> Path:
    """The folder of a model that ships with imgbuild. Raises TargetError where this installation lacks it."""
    import imgbuild

    folder = Path(imgbuild.__file__).parent / "models" / BOX[source]
    if not (folder / INDEX).is_file():
        raise TargetError(
            f"the model '{source}' is not in this installation of imgbuild",
            hint="install imgbuild again, or name another source",
        )
    return folder
