"""Projects of one or more specs, expanded from their text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any

import pytest

from imgbuild.expand import Expansion, expand, read_drafts
from imgbuild.files import Files
from imgbuild.settings import Policy, Profile, Settings
from imgbuild.spec import load
from imgbuild.types import Target

Expanded = Callable[..., Expansion]


def expand_files(
    files: Mapping[str, str | bytes], policy: Mapping[str, Any] | None = None, profile: Profile | None = None
) -> Expansion:
    """The expansion of a project that holds these files."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        settings = Settings(
            root=root,
            policy=Policy(**(policy or {})),
            profile=profile,
            profile_name="preview" if profile else "",
        )
        source = Files(root)
        return expand(read_drafts(load(source, settings), settings, source))


@pytest.fixture(scope="session")
def expanded() -> Expanded:
    """A function: text of specs/catalog.yaml and of further files → the project's expansion."""

    def run(
        spec: str,
        files: Mapping[str, str | bytes] | None = None,
        policy: Mapping[str, Any] | None = None,
        profile: Profile | None = None,
    ) -> Expansion:
        return expand_files({"specs/catalog.yaml": dedent(spec), **(files or {})}, policy, profile)

    return run


@pytest.fixture(scope="session")
def targets(expanded: Expanded) -> Callable[..., list[Target]]:
    """As `expanded`, and only the targets."""
    return lambda *args, **kwargs: expanded(*args, **kwargs).targets
