"""Networks of transformers from a folder, on the CPU, in the same way each time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from imgbuild.errors import TargetError
from imgbuild.weights.causes import must_load
from imgbuild.weights.networks import THREADS, Weights

TALKERS = (
    "torchao",
    "torch.utils._pytree",
)  # they tell what they can't use of a GPU, and each other's old names

_HINT = "it is a folder as transformers writes it, with weights in safetensors"


def pretrained(kind: str, weights: Weights) -> Any:
    """A network, or what prepares pictures or texts for one, by the class that loads it. Raises TargetError."""
    import transformers

    if not weights.path.is_dir():
        raise TargetError(f"'{weights.source}' is a file, and a folder is needed", hint=_HINT)
    for name in TALKERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    transformers.utils.logging.set_verbosity(logging.CRITICAL)
    transformers.utils.logging.disable_progress_bar()
    with must_load(f"the network '{weights.source}'", _HINT):
        made = getattr(transformers, kind)
        told = {} if "Tokenizer" in kind else {"use_fast": False} if "Processor" in kind else _told(weights)
        # Left out, `trust_remote_code` asks whoever sits at the terminal.
        found = made.from_pretrained(weights.path, local_files_only=True, trust_remote_code=False, **told)
        return found.eval() if hasattr(found, "eval") else found


def _told(weights: Weights) -> dict[str, Any]:
    import torch

    return {"dtype": torch.float32, "use_safetensors": None if weights.pickled else True}


@contextmanager
def steady() -> Iterator[None]:
    """Within, torch learns nothing, and takes the same number of threads, so that it gives the same bits."""
    import torch

    torch.set_num_threads(THREADS)  # of this thread and those it starts
    with torch.inference_mode():
        yield
