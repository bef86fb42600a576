"""Code that is beside a pipeline's weights, once it may be run: which module has its class, and that class."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from imgbuild.weights.bundles import CODE, INDEX, read_index

STANDARD = "pipeline"  # the module in which diffusers looks for a class that it does not know


def own_code(folder: Path) -> dict[str, Any]:
    """What `from_pretrained` is told so that it runs the code in the folder."""
    _forget()
    module, name = _class(folder)
    told: dict[str, Any] = {"trust_remote_code": True}
    if module and name is None:  # else it finds them itself
        told["custom_pipeline"] = module
    return told


def own_class(folder: Path) -> Any:
    """The pipeline's own class; None where it is one of diffusers. Runs its module."""
    from diffusers.utils.dynamic_modules_utils import get_class_from_dynamic_module

    _forget()
    module, name = _class(folder)
    if not module:
        return None
    return get_class_from_dynamic_module(
        str(folder), module_file=f"{module}{CODE}", class_name=name, trust_remote_code=True
    )


def _class(folder: Path) -> tuple[str, str | None]:
    """The module of the folder that has the pipeline's class, and that (None: its only); "" for one of diffusers."""
    import diffusers

    name = read_index((folder / INDEX).read_bytes(), INDEX)["_class_name"]
    if not isinstance(name, str):
        return name[0], name[1]
    is_own = not hasattr(diffusers, name) and (folder / f"{STANDARD}{CODE}").is_file()
    return (STANDARD if is_own else ""), None


def _forget() -> None:
    """Let no module stand in for another of its name: diffusers keeps those of every folder in one place."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "diffusers_modules"]:
        del sys.modules[name]
