"""The most memory that drawing a batch takes: the GPU's, or this process's own where it draws on the CPU."""

from __future__ import annotations

import sys


def forget(device: str) -> None:
    """Begin to look for the most of a new batch; what is loaded already counts."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)


def most(device: str) -> int:
    """Bytes: of tensors on the GPU since `forget`; of the process since it began; 0 where the system does not say."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_allocated(device))
    return of_process()


def of_process() -> int:
    """Bytes of memory that this process has taken at most; 0 where the system does not say."""
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return getrusage(RUSAGE_SELF).ru_maxrss * unit
