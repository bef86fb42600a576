"""`imgbuild ls`: the targets there are, with their states and short handles."""

from __future__ import annotations

from collections.abc import Sequence

from imgbuild.commands.session import Session, selection_of
from imgbuild.errors import Exit
from imgbuild.select import handle
from imgbuild.survey import states_of


def run_ls(session: Session, paths: Sequence[str], select: Sequence[str]) -> int:
    """Print the chosen targets. Raises SpecError, UsageError."""
    project = session.project(paths)
    with session.reading(project) as store:
        found = session.survey(project, store)
        states = states_of(found, store)
        chosen = session.choose(found, store, selection_of(project, session, paths, select))
    rows = [[handle(target.id), states[target.id], target.id, target.output] for target in chosen]
    if session.json:
        for short, state, id, output in rows:
            session.give({"handle": short, "state": state, "id": id, "output": output})
    elif rows:
        session.table(["handle", "state", "target", "output"], rows)
    else:
        session.say("no targets: write a spec, or let `imgbuild init` write one")
    return Exit.DONE
