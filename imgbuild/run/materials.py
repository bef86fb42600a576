"""What one run works with, shared by those who look up, make and conclude. Only the loop's thread changes it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from imgbuild.given import Given
from imgbuild.keys import bound_at
from imgbuild.ledger import Ledger
from imgbuild.pace import Pace
from imgbuild.pins import digests_of
from imgbuild.plan import Decision, inputs_digest
from imgbuild.process.base import is_upstream
from imgbuild.run.steps import Made
from imgbuild.run.work import Work
from imgbuild.store.records import Output
from imgbuild.store.store import Store
from imgbuild.survey import Survey
from imgbuild.types import Digest, Line, Pin, Target


class Materials:
    """made: what this run has accepted, by target id. lines: the new lock lines. ran: how often each step ran.

    pace: what the work of providers costs that send no bill. given: how large the pictures are that go into models.
    """

    def __init__(self, survey: Survey, store: Store) -> None:
        self.survey, self.store = survey, store
        self.plan, self.files, self.outputs = survey.plan, survey.project.files, survey.outputs
        self.published = dict(survey.published)
        self.ledger = Ledger(store.records, survey.project.settings.profile_name, store.history)
        self.pace = Pace(survey.project.settings.cost, store.records)
        self.given = Given(self.files.root, survey.project.graph.targets)
        self.made: dict[str, Made] = {}
        self.lines: dict[str, Line] = {}
        self.ran: dict[str, int] = {}
        self.digest = digests_of(self.files, survey.pins)  # of what rules and operations read

    def decision(self, name: str) -> Decision:
        return self.plan.decisions[name]

    def pin(self, work: Work) -> Pin:
        """The pin of the model that a work asks now."""
        bound = bound_at(work.decision.target, work.position)
        return self.survey.pins.known[bound.home, bound.alias]

    def pixels_of(self, name: str) -> Digest:
        """The pixels that a target gives to those made from it."""
        made = self.made.get(name)
        if made is not None:
            return made.pixels
        line = self.decision(name).line
        return line.pixels if line else ""

    def upstream_pixels(self, target: Target) -> dict[str, Digest]:
        """The pixels of other targets that its operations take in, by the names that these have for them."""
        taken = (item for item in target.inputs if item.target and is_upstream(item.role))
        return {item.role: self.pixels_of(item.target) for item in taken}

    def paths_of(self, target: Target) -> tuple[str, ...]:
        """Every path that is published for a target by now."""
        if target.won is None:
            return target.paths
        return target.paths_with(self.lines.get(target.id) or self.survey.lines.get(target.id))

    def adopt(self, outputs: Mapping[str, Output]) -> None:
        """Know these outputs as published."""
        for path, output in outputs.items():
            self.published[path] = output
            self.ledger.put_output(path, output)

    def withdraw(self, paths: Collection[str]) -> None:
        """Know these outputs as published no more."""
        self.store.records.drop_outputs(self.survey.project.settings.profile_name, paths)
        for path in paths:
            del self.published[path]

    def inputs_digest(self, target: Target) -> Digest:
        """Digest of the pixels that other targets give to this one now."""
        return inputs_digest(
            target, {item.target: self.pixels_of(item.target) for item in target.inputs if item.target}
        )
