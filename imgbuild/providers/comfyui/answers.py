"""What ComfyUI says of a prompt: its image, or what went wrong with which node."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from imgbuild.errors import ProviderFailed, TargetError
from imgbuild.providers.comfyui.takes import Found
from imgbuild.providers.keys import without
from imgbuild.providers.web import Reply

_LONGEST = 300  # characters of what a server says


def taken_as(reply: Reply) -> str | None:
    """The name of a prompt that was taken, if the answer has one."""
    told = _dict(_json(reply))
    return str(told["prompt_id"]) if reply.status == 200 and told.get("prompt_id") else None


def not_taken(reply: Reply, nodes: Mapping[str, Any], found: Found) -> TargetError:
    """Why a prompt was turned down: each fault of a node, and what of the spec goes there."""
    told = _dict(_json(reply))
    faults = [
        _fault(name, _dict(fault), nodes, found)
        for name, node in _dict(told.get("node_errors")).items()
        for fault in _list(_dict(node).get("errors"))
    ]
    error = _dict(told.get("error"))
    said = "; ".join(faults) or _joined(error) or str(told.get("error") or f"error {reply.status}")
    return ProviderFailed(f"ComfyUI does not take the workflow: {_short(said)}")


def _fault(name: str, fault: Mapping[str, Any], nodes: Mapping[str, Any], found: Found) -> str:
    key = str(_dict(fault.get("extra_info")).get("input_name", ""))
    bound = [word for word, places in found.bound.items() if (name, key) in places]
    by = f" ('{bound[0]}' of the spec goes there)" if bound else ""
    return f"{_called(name, nodes)}: {_joined(fault)}{by}"


def _joined(fault: Mapping[str, Any]) -> str:
    return ": ".join(str(fault[key]) for key in ("message", "details") if fault.get(key))


def check_done(entry: Mapping[str, Any]) -> None:
    """Raise the error that a prompt ended in, if it did."""
    status = _dict(entry.get("status"))
    told = {str(item[0]): _dict(item[1]) for item in _list(status.get("messages")) if len(_list(item)) == 2}
    if status.get("status_str") != "error" and "execution_error" not in told:
        return
    nodes = nodes_in(entry)
    if "execution_interrupted" in told:
        raise TargetError("it was interrupted at the server", hint="build again")
    error = told.get("execution_error", {})
    kind = str(error.get("exception_type", "")).rpartition(".")[2]
    said = str(error.get("exception_message", "")).strip().partition("\n")[0]
    what = ": ".join(part for part in (kind, said) if part) or "no reason given"
    name = str(error.get("node_id", ""))
    whose = _called(name, nodes) if name else "the workflow"
    hint = "ask for a smaller 'size', or free memory there" if "OutOfMemory" in kind else ""
    raise ProviderFailed(f"{whose} failed: {_short(what)}", hint=hint)


def file_in(entry: Mapping[str, Any], output: str) -> Mapping[str, Any]:
    """Where the image lies that the node gave. Raises ProviderFailed where it gave none, or several."""
    given = _list(_dict(_dict(entry.get("outputs")).get(output)).get("images"))
    whose = _called(output, nodes_in(entry))
    if not given or not isinstance(given[0], dict):
        raise ProviderFailed(
            f"{whose} gave no image", hint="name another node as 'output' in the model's params"
        )
    if len(given) > 1:
        raise ProviderFailed(
            f"{whose} gave {len(given)} images, and one is asked for",
            hint="set the workflow's batch_size to 1",
        )
    return given[0]


def nodes_in(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """The nodes of a prompt, as the history has it."""
    prompt = _list(entry.get("prompt"))
    return _dict(prompt[2]) if len(prompt) > 2 else {}


def _called(name: str, nodes: Mapping[str, Any]) -> str:
    """A node as errors name it."""
    node = _dict(nodes.get(name))
    title = _dict(node.get("_meta")).get("title") or node.get("class_type")
    return f"node '{title}' ({name})" if title else f"node {name}"


def _short(said: str) -> str:
    return without("", said)[:_LONGEST]


def _json(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []
