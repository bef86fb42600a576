"""The edge to code that may be another package's: what it should not raise fails its target, not the build."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from imgbuild.errors import ImgbuildError, TargetError


class Broke(TargetError):
    """A provider, rule or operation raised what its contract does not name. What it did before is unknown."""


@contextmanager
def foreign(what: str) -> Iterator[None]:
    """Turn any unexpected exception of `what` ("rule 'sharpness'") into Broke, with the line that raised it."""
    try:
        yield
    except ImgbuildError:
        raise
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise Broke(
            f"{what} broke: {type(error).__name__}: {error}",
            hint=f"this is a bug of it, or of what it uses, at {last.filename}:{last.lineno}",
        ) from error
