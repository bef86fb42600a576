"""Networks in one ONNX file, run by ONNX Runtime on the CPU, with the same bits each time.

The runtime is given the bytes: files beside it, which no digest knows, are not read.
"""

from __future__ import annotations

from typing import Any

from imgbuild.errors import ProviderFailed
from imgbuild.weights.networks import THREADS, Weights


def session_of(weights: Weights) -> Any:
    """What runs the network. Raises ProviderFailed where it can't be loaded."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(
            weights.path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the library's errors have no class in common
        told = str(error).strip().splitlines()
        raise ProviderFailed(
            f"the network '{weights.source}' can't be loaded: {told[0] if told else type(error).__name__}",
            hint="it must be one file in the ONNX format",
        ) from error
