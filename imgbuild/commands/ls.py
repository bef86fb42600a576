"""`imgbuild ls`: the targets there are, with their states and short handles, and their pictures if asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from imgbuild.commands.contact import published_of
from imgbuild.commands.pictures import Terminal, terminal_for
from imgbuild.commands.session import Session, selection_of
from imgbuild.errors import Exit
from imgbuild.report.text import printable
from imgbuild.select import handle
from imgbuild.survey import states_of, unpicked


def run_ls(session: Session, paths: Sequence[str], select: Sequence[str], *, pictures: bool = False) -> int:
    """Print the chosen targets. pictures: with their images, where the terminal can. Raises SpecError, UsageError."""
    terminal = terminal_for(session) if pictures else None
    project = session.project(paths)
    with session.reading(project) as store:
        found = session.survey(project, store)
        states = states_of(found, store)
        chosen = session.choose(found, store, selection_of(project, session, paths, select))
        rows = [[handle(target.id), states[target.id], target.id, target.output] for target in chosen]
        if terminal is not None and rows:
            _show(session, terminal, rows, published_of(project, store, [target.id for target in chosen]))
            return Exit.DONE
    if session.json:
        for short, state, id, output in rows:
            session.give({"handle": short, "state": state, "id": id, "output": output})
    elif rows:
        session.table(["handle", "state", "target", "output"], rows)
        for remark in unpicked(found.project, found.lines):
            session.say(f"note: {found.project.told(remark)}")
    else:
        session.say("no targets: write a spec, or let `imgbuild init` write one")
    return Exit.DONE


def _show(
    session: Session,
    terminal: Terminal,
    rows: Sequence[Sequence[str]],
    images: Mapping[str, Callable[[], bytes]],
) -> None:
    """Each target below its picture, if it has one."""
    for short, state, id, output in rows:
        if id in images:
            terminal.draw(images[id](), output)
        session.say(printable(f"{short}  {state}  {id}  {output}"))
