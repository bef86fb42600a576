"""The work that the loop hands out: looking up, opening, making, finishing, putting in place.

Methods said to run in a thread touch only what is safe to share; all others belong to the loop's thread,
and they alone write records.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, convert
from msgspec.structs import replace

from imgbuild.accept import status_of, tell
from imgbuild.digest import Manifest, digest_bytes
from imgbuild.errors import Refused, TargetError
from imgbuild.files import MAX_INPUT
from imgbuild.images import decode, hamming, normal, pixel_digest
from imgbuild.keys import bound_at, generate_key, import_key, pin_fields, rule_reference
from imgbuild.ledger import Ledger
from imgbuild.limits import Budget, Retry, call
from imgbuild.plan import Action, inputs_digest, outcome_key
from imgbuild.providers.base import Provider
from imgbuild.rules.base import Measured, Rule
from imgbuild.steps import Job, Made, Start, finish, measure
from imgbuild.store.records import Measurement, Output
from imgbuild.store.store import Store
from imgbuild.survey import Survey
from imgbuild.traces import Trace, follow, lossless_blob
from imgbuild.types import Digest, Grade, Image, Line, Outcome, Pin, Record, Request, Target
from imgbuild.work import State, Work

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

SAME_TO_THE_EYE = 4  # bits of 64 in which the perceptual hashes of two equivalent pictures may differ


class Terms(Struct, frozen=True, kw_only=True):
    """How this run may behave: offline, what to do with requests whose end is unknown, how calls are tried again."""

    offline: bool = False
    resend: bool = False
    retry: Retry = Retry()


class Workshop:
    """One run's materials, and what it has made so far."""

    def __init__(
        self,
        *,
        survey: Survey,
        store: Store,
        providers: Mapping[str, Provider],
        budget: Budget,
        terms: Terms,
        stop: threading.Event,
    ) -> None:
        self.plan, self.intents, self.pins = survey.plan, survey.intents, survey.pins.known
        self.files, self.settings = survey.project.files, survey.project.settings
        self.outputs, self.published = survey.outputs, dict(survey.published)
        self.store, self.providers = store, providers
        self.budget, self.terms, self.stop = budget, terms, stop
        self.made: dict[str, Made] = {}
        self.lines: dict[str, Line] = {}
        self.input_pixels: dict[Digest, Digest] = {}
        self.unknown = {entry.key for entry in store.journal.in_flight()}
        self.ran: dict[str, int] = {}
        self.ledger = Ledger(store.records, self.settings.profile_name)
        self._take_back_bought()

    def _take_back_bought(self) -> None:
        """What was paid for before a crash has its manifest beside its blob: record it again."""
        bought = self.store.journal.bought()
        known = self.store.records.get_records(bought)
        for key, blob in bought.items():
            if key not in known:
                manifests = self.store.blobs.manifests_of(blob)
                records = [convert(manifest, Record) for manifest in manifests]
                self.ledger.put_records(record for record in records if record.key == key)

    # --- what is known -----------------------------------------------------------------------------------

    def unopened(self, work: Work) -> bool:
        """Whether an input file's pixels are not known yet; a `from` picture is opened by its first step."""
        target = work.decision.target
        if target.recipe.model is None:
            return False
        wanted = {digest for digest in self._input_files(target).values() if digest not in self.input_pixels}
        if not wanted:
            return False
        known = self.store.records.get_records([import_key(digest)[0] for digest in wanted])
        self.input_pixels.update((record.blob, record.pixels) for record in known.values())
        return any(digest not in self.input_pixels for digest in wanted)

    def open_inputs(self, work: Work) -> list[Record]:
        """The import records of a target's input files; in a thread. Raises BadImage, TargetError."""
        return [self._import(path) for path in self._input_files(work.decision.target)]

    def note_inputs(self, records: Sequence[Record]) -> None:
        self.input_pixels.update((record.blob, record.pixels) for record in records)
        self.ledger.put_records(records)

    def _input_files(self, target: Target) -> dict[str, Digest]:
        return {item.file: self.files.digest(item.file) or "" for item in target.inputs if item.file}

    def _import(self, path: str) -> Record:
        data = self._file(path)
        digest = digest_bytes(data)
        key, manifest = import_key(digest)
        pixels = pixel_digest(normal(decode(data, path)))
        return Record(
            key=key, step="import", blob=digest, pixels=pixels, manifest=manifest, created=time.time()
        )

    def _file(self, path: str) -> bytes:
        try:
            return self.files.read(path, MAX_INPUT)
        except OSError as error:
            raise TargetError(
                f"{path} can't be read: {error.strerror}", hint="is it there, and readable?"
            ) from error

    def is_unmoved(self, work: Work) -> bool:
        """Whether a target that only might have changed has not: same intent, same pixels from its inputs."""
        line = work.decision.line
        if work.decision.action is not Action.MAYBE or line is None or line.intent != work.decision.intent:
            return False
        return line.inputs == inputs_digest(work.decision.target, self._upstream(work.decision.target))

    def _upstream(self, target: Target) -> dict[str, Digest]:
        return {item.target: self._pixels_of(item.target) for item in target.inputs if item.target}

    def _pixels_of(self, name: str) -> Digest:
        made = self.made.get(name)
        if made is not None:
            return made.pixels
        line = self.plan.decisions[name].line
        return line.pixels if line else ""

    def look_up(self, work: Work) -> Made | None:
        """Follow the records of earlier builds; the whole image, if they carry that far."""
        if work.trace is None:
            key, manifest = self._first_key(work)
            work.trace = follow(work.decision.target, key, manifest, self._record, self.store.blobs.has)
        elif work.trace.first is None:  # somebody else's request for the same key may have come back
            work.trace = follow(
                work.decision.target, work.trace.key, work.trace.manifest, self._record, self.store.blobs.has
            )
        trace = work.trace
        if not trace.image or trace.first is None:
            return None
        return Made(
            raw=trace.first.blob,
            image=trace.image,
            pixels=trace.pixels,
            phash=trace.phash,
            lossless=trace.lossless,
        )

    def _record(self, key: Digest) -> Record | None:
        return self.ledger.record(key)

    def _first_key(self, work: Work) -> tuple[Digest, Manifest]:
        target = work.decision.target
        if target.recipe.model is None:
            return import_key(self.files.digest(target.inputs[0].file) or "")
        ask = target.asks[work.position]
        return generate_key(ask, self._pin(work), work.seed, self._input_digests(target))

    def _pin(self, work: Work) -> Pin:
        bound = bound_at(work.decision.target, work.position)
        return self.pins[bound.home, bound.alias]

    def _input_digests(self, target: Target) -> dict[str, list[Digest]]:
        given: dict[str, list[Digest]] = {}
        for item in target.inputs:
            pixels = self._pixels_of(item.target) if item.target else self._file_pixels(item.file)
            given.setdefault(item.role, []).append(pixels)
        return given

    def _file_pixels(self, path: str) -> Digest:
        return self.input_pixels[self.files.digest(path) or ""]

    def locked_image(self, work: Work) -> Made:
        """The image that the lock names, as if it had just been made."""
        line = work.decision.line
        assert line is not None
        return Made(
            raw=line.raw,
            image=line.image,
            pixels=line.pixels,
            phash=line.phash,
            lossless=self.lossless(work.decision.target, line),
        )

    def lossless(self, target: Target, line: Line) -> Digest:
        return lossless_blob(target, line, self.ledger.record, self.store.blobs.has)

    # --- requests ----------------------------------------------------------------------------------------

    def lane_of(self, work: Work) -> tuple[str, int, bool]:
        """The provider's name, how many of its calls run at a time, and whether they occupy a device."""
        bound = bound_at(work.decision.target, work.position)
        name = bound.model.provider
        limit = self.settings.limits.get(name)
        threads = limit.concurrency if limit and limit.concurrency else bound.capabilities.concurrency
        return name, threads, self.providers[name].device

    def is_same_pin(self, one: Work, other: Work) -> bool:
        return pin_fields(self._pin(one)) == pin_fields(self._pin(other))

    def reserve(self, work: Work) -> None:
        """Set a request's cost aside. Raises TargetError where it must not be sent."""
        assert work.trace is not None
        provider = self._provider(work)
        if self.terms.offline and provider.network:
            raise TargetError(f"'{provider.name}' needs the network", hint="build without --offline")
        if work.trace.key in self.unknown and not self.terms.resend:
            raise TargetError(
                "this request was sent before and its answer was lost; it may have been paid for",
                hint="send it again with --resend",
            )
        cost = self._price(work)
        self.budget.reserve(cost)
        work.reserved = cost

    def settle(self, work: Work, result: object) -> None:
        """Turn what was set aside into what was spent."""
        spent = 0.0
        if isinstance(result, Image):
            spent = work.reserved if result.cost is None else result.cost
        elif isinstance(result, Made):
            spent = result.cost
        self.budget.settle(work.reserved, spent)
        work.reserved = 0.0
        work.cost += spent

    def _provider(self, work: Work) -> Provider:
        return self.providers[bound_at(work.decision.target, work.position).model.provider]

    def _price(self, work: Work) -> float:
        return self._provider(work).price(self._request(work, {})) or 0.0

    def _request(self, work: Work, pictures: Mapping[str, Sequence[PILImage]]) -> Request:
        ask = work.decision.target.asks[work.position]
        return Request(
            pin=self._pin(work),
            prompt=ask.prompt,
            negative=ask.negative,
            width=ask.width,
            height=ask.height,
            seed=work.seed,
            params=ask.params,
            inputs=pictures,
        )

    def make(self, works: Sequence[Work]) -> list[Made | Image | TargetError]:
        """Images for a batch of requests of one pin, in a thread; finished here too where no device waits."""
        provider = self._provider(works[0])
        requests = [self._request(work, self._pictures(work.decision.target)) for work in works]
        began = time.perf_counter()
        entries = self._journal(provider, works)
        try:
            images = call(lambda: provider.generate(requests), self.terms.retry, self.stop)
        except TargetError as error:
            for entry in entries:
                self.store.journal.abandon(entry, error.message)
            raise
        seconds = (time.perf_counter() - began) / len(works)
        for work in works:
            work.seconds = seconds
        if provider.device:
            return list(images)
        made = [self._finish_now(work, image) for work, image in zip(works, images, strict=True)]
        for entry, result in zip(entries, made, strict=False):
            if isinstance(result, Made):
                self.store.journal.settle(entry, result.cost, result.raw)
        return list(made)

    def _finish_now(self, work: Work, image: Image) -> Made | TargetError:
        try:
            return self.finish(work, image)
        except TargetError as error:
            return error

    def _journal(self, provider: Provider, works: Sequence[Work]) -> list[str]:
        if not provider.paid:
            return []
        keys = [work.trace.key if work.trace else "" for work in works]
        journal = self.store.journal
        return [
            journal.begin(key, provider.name, work.reserved) for key, work in zip(keys, works, strict=True)
        ]

    def _pictures(self, target: Target) -> dict[str, list[PILImage]]:
        pictures: dict[str, list[PILImage]] = {}
        for item in target.inputs:
            data = self._pixel_bytes(item.target) if item.target else self._file(item.file)
            pictures.setdefault(item.role, []).append(normal(decode(data, item.target or item.file)))
        return pictures

    def _pixel_bytes(self, name: str) -> bytes:
        """The lossless bytes of a target's pixels, as its users take them in."""
        made = self.made.get(name)
        decision = self.plan.decisions[name]
        blob = (
            made.lossless if made else self.lossless(decision.target, decision.line) if decision.line else ""
        )
        try:
            return self.store.blobs.read(blob)
        except KeyError:
            raise TargetError(
                f"the pixels of {name} are not in the store", hint=f"build {name} first"
            ) from None

    # --- finishing ---------------------------------------------------------------------------------------

    def finish(self, work: Work, image: Image | None = None) -> Made:
        """Process, encode and measure what a work has come to, in a thread. Raises TargetError."""
        target = work.decision.target
        trace = work.trace
        assert trace is not None
        job = Job(
            start=self._start(work, trace, image or work.image),
            operations=target.recipe.process[trace.done :],
            format=target.recipe.format,
            rules=dict(enumerate(target.recipe.rules)),
            references=self._references(target),
            untouched=not target.recipe.process,
        )
        return finish(job, self.store.blobs)

    def _start(self, work: Work, trace: Trace, image: Image | None) -> Start:
        if trace.first is not None:
            kind = str(trace.first.info.get("kind", ""))
            return Start(blob=trace.blob, pixels=trace.pixels, raw=trace.first.blob, kind=kind)
        if image is None:
            data = self._file(work.decision.target.inputs[0].file)
            return Start(file=data, key=trace.key, manifest=trace.manifest)
        provider = self._provider(work)
        return Start(
            image=image,
            key=trace.key,
            manifest=trace.manifest,
            seed=work.seed,
            seconds=work.seconds,
            environment=provider.environment(),
            durable=provider.paid,
        )

    def measure(self, work: Work) -> Made:
        """Measure an image that exists already, in a thread. Raises TargetError."""
        assert work.made is not None
        target = work.decision.target
        data = self.image_bytes(target, work.made.image)
        rules = {
            place: rule for place, rule in enumerate(target.recipe.rules) if place not in work.made.measured
        }
        found = measure(data, rules, self._references(target))
        return replace(work.made, measured={**work.made.measured, **found})

    def image_bytes(self, target: Target, image: Digest) -> bytes:
        """The published bytes, from the store or from the output folder. Raises TargetError."""
        try:
            return self.store.blobs.read(image)
        except KeyError:
            pass
        try:
            data = (self.outputs.folder / target.output).read_bytes()
        except OSError as error:
            raise TargetError(f"the image of {target.id} is nowhere", hint="build it again") from error
        return data

    def _references(self, target: Target) -> dict[str, bytes]:
        paths = {path for rule in target.recipe.rules for path in rule.files()}
        return {path: self._file(path) for path in paths}

    def keep(self, work: Work, made: Made) -> None:
        """Record what a work gave; count the steps that ran."""
        self.ledger.put_records(made.records)
        if made.lossless not in (made.image, made.raw):
            self.ledger.put_pixels(made.pixels, made.lossless)
        for step in made.ran:
            self.ran[step] = self.ran.get(step, 0) + 1
        rules = work.decision.target.recipe.rules
        self.ledger.put_measured(
            [(self._measurement(rules[place], made.image), values) for place, values in made.measured.items()]
        )

    def _measurement(self, rule: Rule, image: Digest) -> Measurement:
        return Measurement(image, rule.name, rule.version, rule_reference(rule, self.files.digest))

    def recall_measured(self, work: Work) -> bool:
        """Put what was measured before on this image into `made`; whether that is all."""
        assert work.made is not None
        rules = work.decision.target.recipe.rules
        measured = self._known_measured(rules, work.made.image)
        work.made = replace(work.made, measured=measured)
        return len(measured) == len(rules)

    def _known_measured(self, rules: Sequence[Rule], image: Digest) -> dict[int, Measured]:
        if not rules:
            return {}
        keys = [self._measurement(rule, image) for rule in rules]
        found = self.ledger.measured(keys)
        return {place: found[key] for place, key in enumerate(keys) if key in found}

    def measured_of_line(self, name: str) -> Mapping[int, Measured] | None:
        """What was measured on the locked image of a target outside this run; None where something is missing."""
        decision = self.plan.decisions[name]
        if decision.line is None or not decision.line.image:
            return None
        rules = decision.target.recipe.rules
        measured = self._known_measured(rules, decision.line.image)
        return measured if len(measured) == len(rules) else None

    # --- the ends ----------------------------------------------------------------------------------------

    def compare(self, work: Work) -> None:
        """Hold what was made again against the lock. Raises TargetError where it is another picture."""
        line, made = work.decision.line, work.made
        assert line is not None
        assert made is not None
        if made.image == line.image:
            return
        same = made.pixels == line.pixels
        if same or (line.phash and hamming(made.phash, line.phash) <= SAME_TO_THE_EYE):
            self.ledger.put_equivalent(made.image, line.image)
            return
        self.ledger.put_candidate(work.id, self._line(work, made))
        raise TargetError(
            "drift: what its pins make now is not the locked image "
            f"(perceptual hashes differ in {hamming(made.phash, line.phash)} of 64 bits)",
            hint=f"get the locked bytes back, or adopt the new image with `imgbuild lock --accept '{work.id}'`",
        )

    def put_in_place(self, work: Work) -> bool:
        """Publish; whether the file had to be written. Raises TargetError."""
        made, target = work.made, work.decision.target
        assert made is not None
        known = self.published.get(target.output)
        stamp = self.outputs.stamp(target.output)
        if known is not None and known.digest == made.image and known.stamp == stamp:
            return False
        changed = self.outputs.digest(target.output) != made.image
        if changed:
            stamp = self.outputs.publish(self.store.blobs, made.image, target.output)
        assert stamp is not None
        self.published[target.output] = output = Output(made.image, target.id, stamp)
        self.ledger.put_output(target.output, output)
        return changed

    def remember(self, work: Work) -> None:
        """Note how a work ended: its line, its outcome, its manifest."""
        if work.state is State.FAILED:
            self._remember_failure(work)
            return
        made, decision = work.made, work.decision
        assert made is not None
        if not work.locked:
            self.lines[work.id] = self._line(work, made)
            self.ledger.put_intent(decision.intent, self.plan.manifests.get(work.id, {}))
        if decision.target.recipe.rules:
            self._remember_verdicts(work)
        self.made[work.id] = replace(made, records=())
        self.ledger.commit_in_time()

    def _remember_verdicts(self, work: Work) -> None:
        line = self.lines.get(work.id) or work.decision.line
        assert line is not None
        outcome = Outcome(
            holds_for=outcome_key(line.intent, work.decision.rules, line.image),
            state=status_of(work.verdicts),
            why=tell(work.verdicts),
            verdicts=tuple(work.verdicts),
        )
        self.ledger.put_outcome(work.id, outcome)

    def _remember_failure(self, work: Work) -> None:
        """What the rules or the provider turned down for good is not tried again until something changes."""
        error, decision = work.error, work.decision
        final = bool(work.verdicts) or isinstance(error, Refused)
        if error is None or not final or decision.reproduce:
            return
        outcome = Outcome(
            holds_for=outcome_key(decision.intent, decision.rules, ""),
            state="failed",
            why=error.message,
            hint=error.hint,
            verdicts=tuple(work.verdicts),
        )
        self.ledger.put_outcome(work.id, outcome)

    def _line(self, work: Work, made: Made) -> Line:
        target = work.decision.target
        return Line(
            intent=self._intent(work),
            seed=work.seed,
            attempt=work.attempt,
            inputs=inputs_digest(target, self._upstream(target)),
            raw=made.raw,
            image=made.image,
            pixels=made.pixels,
            phash=made.phash,
            grade=self._grade(work),
            via=bound_at(target, work.position).alias if work.position else "",
        )

    def _intent(self, work: Work) -> Digest:
        """The declared intent; with what the fallback was asked for, where it made the image."""
        if not work.position:
            return self.plan.sealed[work.id]
        target = work.decision.target
        sealed = self.intents.of(target, self.plan.sealed, bound_at(target, work.position).alias)
        assert sealed is not None
        return sealed[0]

    def _grade(self, work: Work) -> Grade:
        if work.decision.target.recipe.model is None:
            return Grade.BITWISE
        return bound_at(work.decision.target, work.position).capabilities.grade
