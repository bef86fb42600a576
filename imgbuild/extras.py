"""Libraries that are installed only by who needs them: is one there, and what is to be done where it is not?"""

from __future__ import annotations

from importlib.util import find_spec

from imgbuild.errors import ImgbuildError, TargetError


def need(module: str, title: str, what: str, extra: str, error: type[ImgbuildError] = TargetError) -> None:
    """Raise TargetError, or what else is given as `error`, where a library is missing; nothing is imported.

    module: its name in Python. title: its own name. what: needs it, as a spec writes it. extra: of imgbuild.
    """
    if not _is_there(module):
        raise error(
            f"{what} needs {title}, which is not installed",
            hint=f"install it with `pip install 'imgbuild[{extra}]'`",
        )


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor is the package that it is in
        return False
