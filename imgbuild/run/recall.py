"""What is known already: which pixels go in, how far records carry, what was measured. In the loop's thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from imgbuild.digest import Manifest, digest_bytes
from imgbuild.keys import (
    FindDigest,
    generate_key,
    import_key,
    inputs_for,
    published_at,
    rule_reference,
    rules_of,
    sheet_key,
)
from imgbuild.plan import Action
from imgbuild.rules.base import Measured, Rule
from imgbuild.run.materials import Materials
from imgbuild.run.steps import Made
from imgbuild.run.texts import write_texts
from imgbuild.run.work import Work
from imgbuild.store.records import Measurement
from imgbuild.traces import Trace, follow, lossless_blob
from imgbuild.types import ON_SHEET, Digest, Input, Line, Record, Target


class Recall:
    """Answers from the records of this build and of earlier ones."""

    def __init__(self, materials: Materials) -> None:
        self.materials = materials
        self.files, self.ledger, self.blobs = materials.files, materials.ledger, materials.store.blobs
        self.input_pixels: dict[Digest, Digest] = {}

    def unopened(self, work: Work) -> list[str]:
        """The input files whose pixels are not known yet; a `from` picture is opened by its first step."""
        target = work.decision.target
        if target.recipe.model is None:
            return []
        digests = {item.file: self.files.digest(item.file) or "" for item in target.inputs if item.file}
        wanted = {digest for digest in digests.values() if digest not in self.input_pixels}
        if wanted:
            self.note_inputs(self._imported(wanted))
        return [path for path, digest in digests.items() if digest not in self.input_pixels]

    def _imported(self, digests: set[Digest]) -> list[Record]:
        found = (self.ledger.record(import_key(digest)[0]) for digest in digests)
        return [record for record in found if record is not None]

    def note_inputs(self, records: Sequence[Record]) -> None:
        """Input files have been opened."""
        self.input_pixels.update((record.blob, record.pixels) for record in records)

    def is_unmoved(self, work: Work) -> bool:
        """Whether a target that only might have changed has not: same intent, same pixels from its inputs."""
        line = work.decision.line
        if work.decision.action is not Action.MAYBE or line is None or line.intent != work.decision.intent:
            return False
        return line.inputs == self.materials.inputs_digest(work.decision.target)

    def is_at_hand(self, work: Work) -> bool:
        """Whether the locked image, or one equivalent to it, and all its further files can be put in their places."""
        line = work.decision.line
        assert line is not None
        places = published_at(work.decision.target, line.image, line.files)
        return all(self._is_at_hand(image, path) for path, image in places)

    def _is_at_hand(self, image: Digest, path: str) -> bool:
        image = self._stand_in(image)
        return self.blobs.has(image) or self.materials.outputs.digest(path) == image

    def repainted(self, work: Work) -> str:
        """A winner that goes in, and that this run made another picture of than the one that was picked."""
        for item in work.decision.target.inputs:
            if not item.picked or self.materials.decision(item.target).reproduce:  # that is equal to the eye
                continue
            if item.picked != self.materials.pixels_of(item.target):
                return item.target
        return ""

    def look_up(self, work: Work) -> Made | None:
        """Follow the records as far as they carry; the whole image, if that is to the end."""
        trace = work.trace
        if trace is None or trace.first is None:  # a request for the same key may have come back meanwhile
            key, manifest = (trace.key, trace.manifest) if trace else self._first_key(work)
            trace = work.trace = follow(
                work.decision.target, key, manifest, self.ledger.record, self.blobs.has, self._digests(work)
            )
        work.sources = self._sources(work.decision.target)
        made = self._whole(work.decision.target, trace)
        rules = rules_of(work.decision.target)
        work.measured = self._known(rules, trace.image) if trace.image and made is None else {}
        return made

    def _whole(self, target: Target, trace: Trace) -> Made | None:
        """The image and all its further files, where there is nothing left to make."""
        if not trace.is_whole or trace.first is None:
            return None
        texts = {
            name: digest_bytes(text)
            for name, text in write_texts(
                target, trace.manifest, trace.first.info, trace.image, trace.pixels
            ).items()
        }
        if not all(map(self.blobs.has, texts.values())):
            return None
        renditions = zip(target.recipe.renditions, trace.renditions, strict=True)
        return Made(
            raw=trace.first.blob,
            image=trace.image,
            pixels=trace.pixels,
            phash=trace.phash,
            lossless=trace.lossless,
            files={item.name: reach.image for item, reach in renditions} | texts,
        )

    def _digests(self, work: Work) -> FindDigest:
        """Finds the digest of what the target's operations read, the pixels of other targets among it."""
        upstream = self.materials.upstream_pixels(work.decision.target)
        return lambda name: upstream.get(name) or self.materials.digest(name)

    def _first_key(self, work: Work) -> tuple[Digest, Manifest]:
        target = work.decision.target
        if target.recipe.sheet is not None:
            shown = [item for item in target.inputs if item.role == ON_SHEET]
            pictures = [(item.name, self.materials.pixels_of(item.target)) for item in shown]
            return sheet_key(target.recipe.sheet, pictures)
        if target.recipe.model is None:
            return import_key(self.files.digest(target.inputs[0].file) or "")
        pixels = self._input_pixels(inputs_for(target, work.position))
        return generate_key(work.ask, self.materials.pin(work), work.seed, pixels)

    def _input_pixels(self, inputs: Sequence[Input]) -> dict[str, list[Digest]]:
        given: dict[str, list[Digest]] = {}
        for item in inputs:
            pixels = self.materials.pixels_of(item.target) if item.target else self._file_pixels(item.file)
            given.setdefault(item.role, []).append(pixels)
        return given

    def _file_pixels(self, path: str) -> Digest:
        return self.input_pixels[self.files.digest(path) or ""]

    def _sources(self, target: Target) -> dict[str, Digest]:
        """The blobs that hold the pixels of the targets it is made from."""
        return {item.target: self._source(item.target) for item in target.inputs if item.target}

    def _source(self, name: str) -> Digest:
        made, decision = self.materials.made.get(name), self.materials.decision(name)
        if made is not None:
            return made.lossless
        return self._lossless(decision.target, decision.line) if decision.line else ""

    def _lossless(self, target: Target, line: Line) -> Digest:
        return lossless_blob(target, line, self.ledger.record, self.blobs.has)

    def locked_image(self, work: Work) -> Made:
        """The image that the lock names, or one equivalent to it, as if it had just been made."""
        line = work.decision.line
        assert line is not None
        return Made(
            raw=line.raw,
            image=self._stand_in(line.image),
            pixels=line.pixels,
            phash=line.phash,
            lossless=self._lossless(work.decision.target, line),
            files={name: self._stand_in(digest) for name, digest in line.files.items()},
        )

    def _stand_in(self, image: Digest) -> Digest:
        """The locked image, or one equivalent to it where that is at hand."""
        stand_ins = [image, *self.materials.survey.equals.get(image, ())]
        return next((digest for digest in stand_ins if self.blobs.has(digest)), image)

    def measured(self, work: Work) -> bool:
        """Put what was measured before on this image into `made`; whether that is all its rules need."""
        assert work.made is not None
        rules = rules_of(work.decision.target)
        measured = self._known(rules, work.made.image)
        work.made = replace(work.made, measured=measured)
        return len(measured) == len(rules)

    def measured_of_line(self, name: str) -> Mapping[int, Measured] | None:
        """What was measured on the locked image of a target outside this run; None where something is missing."""
        decision = self.materials.decision(name)
        if decision.line is None or not decision.line.image:
            return None
        rules = rules_of(decision.target)
        measured = self._known(rules, decision.line.image)
        return measured if len(measured) == len(rules) else None

    def _known(self, rules: Sequence[Rule], image: Digest) -> dict[int, Measured]:
        if not rules:
            return {}
        keys = [self.measurement(rule, image) for rule in rules]
        found = self.ledger.measured(keys)
        return {place: found[key] for place, key in enumerate(keys) if key in found}

    def measurement(self, rule: Rule, image: Digest) -> Measurement:
        """What a measurement is stored under."""
        return Measurement(image, rule.name, rule.version, rule_reference(rule, self.materials.digest))
