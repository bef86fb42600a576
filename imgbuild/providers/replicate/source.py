"""What a declaration names at Replicate: an official model, a version of a model, or a deployment."""

from __future__ import annotations

import re

from msgspec import Struct

from imgbuild.errors import SpecError
from imgbuild.types import Model

FORMS = "write owner/name, owner/name:VERSION, or deployments/owner/name"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}"
_SOURCE = re.compile(rf"(deployments/)?({_NAME})/({_NAME})(?::([0-9a-f]{{64}}))?")
VERSION = re.compile(r"[0-9a-f]{64}")


class Named(Struct, frozen=True, kw_only=True):
    """version: of the model, 64 hexadecimal digits; empty where none is named."""

    owner: str
    name: str
    version: str = ""
    deployment: bool = False

    @property
    def model(self) -> str:
        return f"{self.owner}/{self.name}"


def named_by(model: Model) -> Named:
    """What the source and the revision of a declaration name. Raises SpecError."""
    found = _SOURCE.fullmatch(model.source)
    if found is None:
        said = f"'{model.source}' is no model of" if model.source else "a 'source' is needed by"
        raise SpecError(f"{said} provider 'replicate'", hint=FORMS)
    deployment, owner, name, version = found.groups()
    return Named(owner=owner, name=name, version=_version(model, version or ""), deployment=bool(deployment))


def _version(model: Model, version: str) -> str:
    """The version that source and revision agree on."""
    if model.source.startswith("deployments/") and (version or model.revision):
        raise SpecError(
            "a deployment has no revisions", hint="leave it out: who deploys it chooses the version"
        )
    if model.revision and not VERSION.fullmatch(model.revision):
        raise SpecError(
            f"'{model.revision}' is no version of a model of provider 'replicate'",
            hint="a version has 64 hexadecimal digits; without one, the newest is pinned",
        )
    if model.revision and version and version != model.revision:
        raise SpecError("'source' and 'revision' name different versions", hint="leave one of them out")
    return version or model.revision
