"""What `source` names: a folder of the project, a model that ships with imgbuild, or a repository of the hub."""

from __future__ import annotations

from pathlib import Path

from imgbuild.errors import SpecError, TargetError
from imgbuild.weights.source import is_folder, is_repository

# What ships with imgbuild, by its source: its folder or file in imgbuild/models.
BOX = {
    "imgbuild/tiny-icons": "tiny_icons",
    "imgbuild/tiny-icons-brand": "tiny_icons_brand.safetensors",
    "imgbuild/tiny-icons-canny": "tiny_icons_canny",
}

_HINT = "name a repository of the hub (owner/name), or a folder that begins with './'"


def check_source(source: str, what: str = "") -> None:
    """Raise SpecError where this can't be a source. what: the part of a model that it is the source of."""
    if not source:
        raise SpecError("a model of provider 'diffusers' needs a 'source'", hint=_HINT)
    if not is_folder(source) and not is_repository(source):
        of = f"'{what}'" if what else "provider 'diffusers'"
        raise SpecError(f"'{source}' is no source of {of}", hint=_HINT)


def box_path(source: str) -> Path:
    """Where a model that ships with imgbuild lies. Raises TargetError where this installation lacks it."""
    import imgbuild

    path = Path(imgbuild.__file__).parent / "models" / BOX[source]
    if not path.exists():
        raise TargetError(
            f"the model '{source}' is not in this installation of imgbuild",
            hint="install imgbuild again, or name another source",
        )
    return path
