"""`imgbuild verify`: make locked images again from their pins, and compare. Nothing is published or locked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from imgbuild.commands.consent import require
from imgbuild.commands.interrupt import interruptible
from imgbuild.commands.session import Session, selection_of
from imgbuild.errors import Exit
from imgbuild.report.text import plural
from imgbuild.verify import Compared, verify

BAD = ("drift", "failed")


def run_verify(session: Session, paths: Sequence[str], select: Sequence[str], *, trust: bool = False) -> int:
    """Print how each chosen target compares; 1 where one drifted or can't be made. Raises SpecError, Untrusted."""
    project = session.project(paths)
    require(session, project, paths, given=trust)
    jobs = project.settings.jobs or os.cpu_count() or 2
    with (
        interruptible() as stop,
        session.reading(project) as store,
        TemporaryDirectory(prefix="imgbuild-verify-", ignore_cleanup_errors=True) as folder,
        closing(session.reporter()) as reporter,
    ):
        found = session.survey(project, store)
        chosen = session.choose(found, store, selection_of(project, session, paths, select))
        names = [target.id for target in chosen]
        results = verify(found, store.records, names, Path(folder), reporter, jobs, stop)
    if stop.is_set():
        raise KeyboardInterrupt
    _tell(session, results)
    return Exit.TARGET_FAILED if any(item.verdict in BAD for item in results) else Exit.DONE


def _tell(session: Session, results: Sequence[Compared]) -> None:
    if session.json:
        for item in results:
            session.give(item)
        return
    rows = [
        [item.verdict, item.id, item.detail]
        for item in results
        if session.verbose or item.verdict != "bitwise"
    ]
    if rows:
        session.table(["verdict", "target", "detail"], rows)
    verdicts = sorted({item.verdict for item in results})
    told = ", ".join(f"{sum(1 for item in results if item.verdict == name)} {name}" for name in verdicts)
    session.say(f"{plural(len(results), 'target')} compared with the lock: {told or 'nothing is declared'}")
