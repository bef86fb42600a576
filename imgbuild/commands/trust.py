"""`imgbuild trust`: show what could harm the reader of a project, and keep or forget their consent to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from imgbuild.commands.asking import agreed
from imgbuild.commands.consent import asked, consents_of
from imgbuild.commands.session import Session
from imgbuild.errors import Exit, excerpt, place
from imgbuild.report.text import plural, printable
from imgbuild.trust import Declaration
from imgbuild.types import Digest


def run_trust(session: Session, paths: Sequence[str], *, yes: bool) -> int:
    """Show all that needs consent, and ask for what is missing. Raises SpecError, UsageError where nobody can."""
    wanted = asked(session, session.project(paths))
    declared, consents = wanted.declared(), consents_of(session)
    given = [*wanted.declared({}), *declared]  # whoever trusts a source trusts what it is pinned to here
    known = consents.read()
    _show(session, declared, known)
    new = [item for item in declared if item.digest not in known]
    if not new:
        _say(session, "all of it is trusted" if declared else "nothing here needs your consent")
        return Exit.DONE
    if not yes and not _agreed(session, len(new)):
        session.say("nothing was consented to")
        return Exit.DONE
    consents.add(given)
    _say(session, f"consented to {plural(len(new), 'declaration')}; `imgbuild trust --revoke` forgets it")
    return Exit.DONE


def _agreed(session: Session, count: int) -> bool:
    declarations = plural(count, "declaration")
    return agreed(
        session,
        f"consent to {declarations}?",
        would=f"{declarations} would need your consent",
        hint="read what they want, then consent by --yes",
    )


def _show(session: Session, declared: Sequence[Declaration], known: Collection[Digest]) -> None:
    for item in declared:
        if session.json:
            session.give(
                {
                    "event": "concern",
                    "spec": item.name[0],
                    item.kind: item.name[1],
                    "where": place(item.where),
                    "wants": item.wants,
                    "trusted": item.digest in known,
                }
            )
            continue
        trusted = " (trusted)" if item.digest in known else ""
        session.say(printable(f"{place(item.where)}: {item.sentence}{trusted}"))
        for line in excerpt(item.where):
            session.say(printable(line))


def _say(session: Session, text: str) -> None:
    if not (session.quiet or session.json):
        session.say(text)


def run_revoke(session: Session) -> int:
    """Forget every consent given in the project; it need not load for that."""
    count = consents_of(session).forget()
    if session.json:
        session.give({"event": "revoked", "consents": count})
    else:
        _say(session, "forgot what was consented to here" if count else "nothing was consented to here")
    return Exit.DONE
