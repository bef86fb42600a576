"""How a work ends: compared with the lock, put in its place, remembered. In the loop's thread."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from imgbuild.digest import Manifest
from imgbuild.errors import Drift, Refused
from imgbuild.images import hamming
from imgbuild.keys import DECLARED, bound_at, placed_at, rules_of
from imgbuild.plan import failure_key, outcome_key
from imgbuild.run.accept import status_of, tell
from imgbuild.run.materials import Materials
from imgbuild.run.noting import Noting
from imgbuild.run.recall import Recall
from imgbuild.run.steps import Made
from imgbuild.run.work import Work
from imgbuild.store.records import Output
from imgbuild.types import Digest, Grade, Line, Outcome, Record, Target, Tried

SAME_TO_THE_EYE = 4  # bits of 64 in which the perceptual hashes of two equivalent pictures may differ


class Conclusion:
    """Keeps what works give, and what became of them."""

    def __init__(self, materials: Materials, recall: Recall) -> None:
        self.materials, self.recall, self.ledger = materials, recall, materials.ledger
        self.noting = Noting(materials)
        self.noted: set[Digest] = set()

    def keep_imports(self, records: Sequence[Record]) -> None:
        """Record the pixels of input files, so that they are not opened again while they stay as they are."""
        self.ledger.put_records(records)

    def keep_steps(self, records: Sequence[Record]) -> None:
        """Record the steps that were taken before one failed, so that they are not taken again."""
        self.ledger.put_records(records)
        for record in records:
            self.materials.ran[record.step] = self.materials.ran.get(record.step, 0) + 1

    def keep(self, work: Work, made: Made) -> None:
        """Record what a work gave; count the steps that ran."""
        self.keep_steps(made.records)
        if made.lossless not in (made.image, made.raw):
            self.ledger.put_pixels(made.pixels, made.lossless)
        rules = rules_of(work.decision.target)
        self.ledger.put_measured(
            [
                (self.recall.measurement(rules[place], made.image), values)
                for place, values in made.measured.items()
            ]
        )

    def compare(self, work: Work) -> None:
        """Hold what was made again against the lock. Raises Drift where it is another picture."""
        line, made = work.decision.line, work.made
        assert line is not None
        assert made is not None
        same = made.image == line.image or made.pixels == line.pixels
        if same or _distance(made, line) <= SAME_TO_THE_EYE:
            self._note_equivalent(made, line)
            return
        self.ledger.put_candidate(work.id, self._line(work, made))
        self.noting.drift(work)
        raise Drift(
            "drift: what its pins make now is not the locked image "
            f"(perceptual hashes differ in {_distance(made, line)} of 64 bits)",
            hint=f"get the locked bytes back, or adopt the new image with `imgbuild lock --accept '{work.id}'`",
        )

    def _note_equivalent(self, made: Made, line: Line) -> None:
        """Whatever was made of equivalent pixels in the same way is equivalent too."""
        pairs = [(made.image, line.image), *((made.files[name], line.files.get(name)) for name in made.files)]
        for image, locked in pairs:
            if locked and image != locked:
                self.ledger.put_equivalent(image, locked)

    def put_in_place(self, work: Work) -> bool:
        """Publish; whether a file had to be written. Raises TargetError."""
        made, target = work.made, work.decision.target
        assert made is not None
        line = work.decision.line
        pixels = line.pixels if work.locked and line is not None else made.pixels
        published = placed_at(target, made.image, made.files, pixels)
        if target.won is not None:
            self._take_in(target, made.image)
        written = [self._put(target, path, image) for path, image in published]
        return any(written)

    def _take_in(self, target: Target, image: Digest) -> None:
        """A winner's bytes may be nowhere but at its own place, from where they are to be published once more."""
        blobs, outputs = self.materials.store.blobs, self.materials.outputs
        if not blobs.has(image) and outputs.digest(target.output) == image:
            blobs.add_file(outputs.folder / target.output)

    def _put(self, target: Target, path: str, image: Digest) -> bool:
        outputs = self.materials.outputs
        known, stamp = self.materials.published.get(path), outputs.stamp(path)
        if known is not None and known.digest == image and known.stamp == stamp and known.target == target.id:
            return False
        changed = outputs.digest(path) != image
        if changed:
            stamp = outputs.publish(self.materials.store.blobs, image, path)
        assert stamp is not None
        self.materials.published[path] = output = Output(image, target.id, stamp)
        self.ledger.put_output(path, output)
        return changed

    def hand_on(self, work: Work) -> None:
        """Let others be made from these pixels."""
        assert work.made is not None
        self.materials.made[work.id] = replace(work.made, records=())

    def remember(self, work: Work) -> None:
        """Note how an accepted work ended: its line, its outcome, its manifest."""
        made, decision = work.made, work.decision
        assert made is not None
        if not work.locked:
            self.materials.lines[work.id] = self._line(work, made)
            self.ledger.put_intent(*self._sealed(work))
        if decision.target.recipe.rules:
            self._remember_verdicts(work)
        self.hand_on(work)
        self.ledger.commit_in_time()

    def _remember_verdicts(self, work: Work) -> None:
        line = self.materials.lines.get(work.id) or work.decision.line
        assert line is not None
        outcome = Outcome(
            holds_for=outcome_key(line.intent, work.decision.rules, line.image),
            rules=self._note_rules(work),
            peers=work.peers,
            state=status_of(work.verdicts),
            why=tell(work.verdicts),
            verdicts=tuple(work.verdicts),
            attempts=self._attempts(work, line),
        )
        self.ledger.put_outcome(work.id, outcome)

    def _attempts(self, work: Work, line: Line) -> tuple[Tried, ...]:
        """Those that were turned down before the image was accepted: now or, where it is locked, as is remembered."""
        if not work.locked or not line.attempt:
            return tuple(work.tried)
        before = self.ledger.outcomes([work.id]).get(work.id)
        return before.attempts if before is not None and before.state != "failed" else ()

    def _note_rules(self, work: Work) -> Digest:
        """The digest of the rules, which are recorded once, so that `why` can tell the old ones from the new."""
        digest = work.decision.rules
        if digest and digest not in self.noted:
            self.ledger.put_intent(digest, self.materials.plan.rules[digest])
            self.noted.add(digest)
        return digest

    def remember_failure(self, work: Work) -> None:
        """What the rules or the provider turned down for good is not tried again until something changes."""
        error, decision = work.error, work.decision
        final = bool(work.verdicts) or isinstance(error, Refused)
        if error is None or not final or decision.reproduce:
            return
        if (
            work.crossed and not work.peers
        ):  # it ended before it was known which images its group comes to rest with
            return
        outcome = Outcome(
            holds_for=failure_key(
                self.materials.survey.intents,
                decision.target,
                decision.intent,
                decision.rules,
                decision.seed,
                self.materials.inputs_digest(decision.target),
            ),
            rules=self._note_rules(work),
            peers=work.peers,
            state="failed",
            why=error.message,
            hint=error.hint,
            verdicts=tuple(work.verdicts),
            attempts=(*work.tried, work.as_tried()) if work.tried else (),
        )
        self.ledger.put_outcome(work.id, outcome)

    def _line(self, work: Work, made: Made) -> Line:
        target = work.decision.target
        return Line(
            intent=self._sealed(work)[0],
            seed=work.seed,
            attempt=work.attempt,
            inputs=self.materials.inputs_digest(target),
            raw=made.raw,
            image=made.image,
            pixels=made.pixels,
            phash=made.phash,
            grade=self._grade(work),
            via=bound_at(target, work.position).alias if work.position else "",
            adjusted=work.adjusted,
            files=dict(made.files),
        )

    def _sealed(self, work: Work) -> tuple[Digest, Manifest]:
        """The intent and its manifest, as the image was asked for: of a fallback, or after adjustments, it may be."""
        plan, intent = self.materials.plan, work.decision.intent
        if work.way == DECLARED and intent == plan.sealed[work.id] and work.id in plan.manifests:
            return intent, plan.manifests[work.id]
        sealed = self.materials.survey.intents.of(work.decision.target, plan.sealed, work.way)
        assert sealed is not None
        return sealed

    def _grade(self, work: Work) -> Grade:
        if work.decision.target.recipe.model is None:
            return Grade.BITWISE
        return bound_at(work.decision.target, work.position).capabilities.grade


def _distance(made: Made, line: Line) -> int:
    """Bits of 64 in which the perceptual hashes differ; all of them where the lock has none."""
    return hamming(made.phash, line.phash) if line.phash else 64
