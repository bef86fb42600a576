"""`imgbuild graph`: which targets are made from which, as DOT, Mermaid or JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from imgbuild.commands.session import Session, selection_of
from imgbuild.errors import Exit
from imgbuild.graph import Graph, closure
from imgbuild.select import handle


def run_graph(session: Session, paths: Sequence[str], select: Sequence[str], form: str) -> int:
    """Print the graph of the chosen targets and all that they need. Raises SpecError, UsageError."""
    project = session.project(paths)
    with session.reading(project) as store:
        found = session.survey(project, store)
        chosen = session.choose(found, store, selection_of(project, session, paths, select))
    ids = closure(project.graph, [target.id for target in chosen])
    session.say(
        FORMS["json" if session.json else form](
            project.graph, [name for name in project.graph.targets if name in ids]
        )
    )
    return Exit.DONE


def as_dot(graph: Graph, ids: Sequence[str]) -> str:
    """Graphviz: inputs on the left."""
    lines = ["digraph imgbuild {", "  rankdir=LR;", "  node [shape=box];"]
    for name in ids:
        inputs = graph.targets[name].inputs
        lines.append(f"  {_quoted(name)};")
        lines += [f"  {_quoted(item.file)} [shape=note];" for item in inputs if item.file]
        lines += [
            f"  {_quoted(item.target or item.file)} -> {_quoted(name)} [label={_quoted(item.role)}];"
            for item in inputs
        ]
    return "\n".join([*dict.fromkeys(lines), "}"])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def as_mermaid(graph: Graph, ids: Sequence[str]) -> str:
    """Mermaid, which GitHub and GitLab draw in Markdown."""
    lines = ["flowchart LR"]
    for name in ids:
        label = name.replace('"', "#quot;")
        lines.append(f'  t{handle(name)}["{label}"]')
        lines += [f"  t{handle(needed)} --> t{handle(name)}" for needed in graph.needs.get(name, ())]
        for item in graph.targets[name].inputs:
            if item.file:
                file = item.file.replace('"', "#quot;")
                lines.append(f'  f{handle(item.file)}(["{file}"]) --> t{handle(name)}')
    return "\n".join(lines)


def as_json(graph: Graph, ids: Sequence[str]) -> str:
    """One object: nodes with id, asset, model and output; edges from input to target, with the input's role."""
    nodes = [
        {
            "id": name,
            "asset": f"{(recipe := graph.targets[name].recipe).spec}/{recipe.asset}",
            "model": recipe.model.alias if recipe.model else None,
            "output": graph.targets[name].output,
        }
        for name in ids
    ]
    edges = [
        {
            "from": item.target or item.file,
            "to": name,
            "role": item.role,
            "kind": "target" if item.target else "file",
        }
        for name in ids
        for item in graph.targets[name].inputs
    ]
    return msgspec.json.format(msgspec.json.encode({"nodes": nodes, "edges": edges}), indent=2).decode()


FORMS: dict[str, Callable[[Graph, Sequence[str]], str]] = {
    "dot": as_dot,
    "mermaid": as_mermaid,
    "json": as_json,
}
