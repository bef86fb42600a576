"""Requests, and what is done with the answers. Methods said to run in a thread touch only what is safe to share."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.costs import bill_of, price_of
from imgbuild.digest import canonical, digest_of
from imgbuild.errors import Gone, SpecError, TargetError, Transient, Unanswered, Unavailable
from imgbuild.foreign import Broke, foreign
from imgbuild.images import decode, normal, pixel_digest
from imgbuild.keys import bound_at, import_key, inputs_for, pin_fields, rules_of
from imgbuild.process.base import is_upstream
from imgbuild.provenance.describe import described
from imgbuild.providers.base import Provider, Queued
from imgbuild.providers.keys import key_of
from imgbuild.run.budget import Budget
from imgbuild.run.crew import Crew, Errand, errands_at_a_time
from imgbuild.run.judging import paced
from imgbuild.run.lane import Seat
from imgbuild.run.limits import Limits, Retry, learn
from imgbuild.run.materials import Materials
from imgbuild.run.pacing import Rates, rates_of
from imgbuild.run.purchases import RESEND, Order, Purchase, Purchases
from imgbuild.run.stations import Answer, Stations, asked
from imgbuild.run.steps import Assembled, Further, Job, Made, Published, Start, Unfinished, finish, measure
from imgbuild.run.telling import Tell, Telling
from imgbuild.run.texts import write_texts
from imgbuild.run.usage import Usage
from imgbuild.run.work import Work
from imgbuild.sheets.drawing import Piece, draw_sheet
from imgbuild.store.journal import Purpose
from imgbuild.traces import Reach, Trace, is_untouched
from imgbuild.types import ON_SHEET, Bound, Digest, Image, Model, Record, Request, Target
from imgbuild.weights.networks import Judge, Networks, Weights, declared_name

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


_LOST = (Broke, Unanswered)  # nobody knows whether the request was taken and paid for


class PixelsLost(TargetError):
    """The pixels of a target that another one is made from can't be read."""

    def __init__(self, target: str) -> None:
        super().__init__(f"the pixels of {target} are not in the store", hint=f"build {target} first")
        self.target = target


class Terms(Struct, frozen=True, kw_only=True):
    """How a run may behave: offline, what to do with requests whose end is unknown, how calls are tried again.

    unsent: what is said where such a request is not sent. build: what the journal calls the run.
    """

    offline: bool = False
    resend: bool = False
    unsent: str = RESEND
    retry: Retry = Retry()
    build: str = ""


class Making:
    """Makes and finishes the images of one run."""

    def __init__(
        self,
        materials: Materials,
        providers: Mapping[str, Provider],
        budget: Budget,
        terms: Terms,
        stop: threading.Event,
        crews: Mapping[str, Crew] = MappingProxyType({}),
    ) -> None:
        self.materials, self.files, self.blobs = materials, materials.files, materials.store.blobs
        self.devices = tuple(materials.survey.project.settings.devices)
        self.stations = Stations(materials.files, offline=terms.offline)
        self.pace = materials.pace
        self.providers, self.budget, self.terms, self.stop = providers, budget, terms, stop
        self.crews, self.telling, self.usage = crews, Telling(), Usage()
        self.networks = Networks(self._found)
        self.limits = Limits(terms.retry, self._rates)
        self.purchases = Purchases(materials.store.journal, resend=terms.resend, hint=terms.unsent)

    def close(self) -> None:
        """Let the processes go that images were made in, and what the providers keep."""
        for provider in self.providers.values():
            provider.close()
        self.stations.close()
        for crew in self.crews.values():
            crew.close()

    def lane_of(self, work: Work) -> tuple[str, int, tuple[str, ...]]:
        """A name for those it shares threads with, how many calls run at a time, and the devices that they occupy.

        All models of a provider share its devices; where there are none, those that bear as many calls at a time.
        """
        bound = bound_at(work.decision.target, work.position)
        name = bound.model.provider
        limit = self.materials.survey.project.settings.limits.get(name)
        own = bound.capabilities.concurrency
        if self.providers[name].apart and name in self.crews:
            own = self.crews[name].size
        threads = limit.concurrency if limit and limit.concurrency else own
        if self.providers[name].device:
            return name, min(threads, own), self.devices or ("",)  # more than it bears would share one model
        return f"{name} {threads}", threads, ()

    def _rates(self, provider: str) -> Rates:
        """How fast a provider may be asked, as the settings say."""
        return rates_of(self.materials.survey.project.settings.limits.get(provider))

    def model_of(self, work: Work) -> Hashable:
        """Equal for requests to one model, which then need not be loaded anew."""
        pin = pin_fields(self.materials.pin(work)).values()
        if not self._provider(work).device:
            return self.at_a_time(work), *pin
        ask, of_model = work.ask, bound_at(work.decision.target, work.position).capabilities.of_model
        own = {name: value for name, value in ask.params.items() if name in of_model}
        return self.at_a_time(work), *pin, digest_of("model", canonical({**own, **ask.unkeyed}))

    def shape_of(self, work: Work) -> Hashable:
        """Equal for requests to a model that may go out in one batch: on a device, those that differ in words alone."""
        if not self._provider(work).device:
            return ()
        ask = work.ask
        roles = tuple([item.role for item in inputs_for(work.decision.target, work.position)])
        params = digest_of("shape", canonical(ask.params))
        return ask.width, ask.height, params, roles, bool(ask.negative)

    def at_a_time(self, work: Work) -> int:
        """How many requests like this one go out together."""
        if self._provider(work).apart and self._crew(work) is not None:
            ask = work.ask
            return errands_at_a_time(ask.width, ask.height)
        return bound_at(work.decision.target, work.position).capabilities.batch

    def _crew(self, work: Work) -> Crew | None:
        """Who makes it in another process, where it reads none of the files and pictures of this one."""
        crew, target = self.crews.get(self._provider(work).name), work.decision.target
        if (
            crew is None
            or target.inputs
            or any(step.files() or step.models() for step in target.recipe.steps)
        ):
            return None
        return crew

    def why_unpinned(self, work: Work) -> TargetError | None:
        """Why the model that the work is about to ask could not be pinned; None where it is."""
        bound, pins = bound_at(work.decision.target, work.position), self.materials.survey.pins
        name = (bound.home, bound.alias)
        return None if name in pins.known else pins.failed[name]

    def _found(self, name: str) -> Weights | Judge:
        """The weights of a model that rules or operations name, or the service, in a thread. Raises TargetError."""
        pins, declared = self.materials.survey.pins, declared_name(name)
        provider = self.providers[pins.models[declared].model.provider]
        provider.tell = self.telling.tell
        if declared not in pins.known:
            return pins.weights(name, self.providers.__getitem__)
        with self.telling.call(pins.known[declared], declared[1], 0):
            found = pins.weights(name, self.providers.__getitem__)
        return paced(found, provider, self.limits, self.stop)

    def _networks_of(self, target: Target) -> Networks | None:
        """The networks of the run, for a target that is looked at or worked on with any."""
        return self.networks if target.recipe.weights else None

    def reserve(self, work: Work) -> None:
        """Set a request's cost aside. Raises TargetError where it must not be sent."""
        assert work.trace is not None
        provider = self._provider(work)
        self._check_network(provider)
        self.purchases.check(work.trace.key)
        for bound in work.decision.target.recipe.weights:  # what can't be checked or finished is not paid for
            self._check_use(bound)
        work.resumed = self.purchases.is_under_way(work.trace.key)
        if work.resumed:
            return
        billed = self._price(work)
        if billed is None and (why := self.budget.unpriced()) is not None:
            raise why
        billed = billed or 0.0
        timed = 0.0 if provider.paid else self.pace.price(work.ask, self.materials.pin(work)) or 0.0
        self.budget.reserve(billed + timed)
        work.reserved, work.timed = billed, timed

    def _check_use(self, bound: Bound) -> None:
        """Raise TargetError where a model that rules or operations name can't be used: it has no pin, or no key."""
        if (why := self.materials.survey.pins.failed.get((bound.home, bound.alias))) is not None:
            raise why
        provider = self.providers[bound.model.provider]
        self._check_network(provider)
        for names in provider.variables(bound.model):
            key_of(names, provider.name, provider.environ)

    def _check_network(self, provider: Provider) -> None:
        if self.terms.offline and provider.network:
            raise TargetError(f"'{provider.name}' needs the network", hint="build without --offline")

    def settle(self, work: Work, result: object) -> None:
        """Turn what was set aside into what was spent."""
        spent = 0.0
        if work.resumed:
            return
        if isinstance(result, Image | Made | Unfinished):
            spent = (result.cost or 0.0) + self._time_of(work, result)
        elif isinstance(result, _LOST):
            spent = work.reserved
            self._note_lost(work)
        self.budget.settle(work.reserved + work.timed, spent)
        work.reserved = work.timed = 0.0
        work.cost += spent

    def _time_of(self, work: Work, result: Image | Made | Unfinished) -> float:
        """US dollars for the time that a provider took which sends no bill; it tells of the next ones, too."""
        provider = self._provider(work)
        if provider.paid or not self.pace.has_price(provider.name):
            return 0.0
        seconds = work.seconds
        if not isinstance(result, Image):
            seconds = sum(record.seconds for record in result.records if record.step == "generate")
        self.pace.note(work.ask, self.materials.pin(work), seconds)
        return self.pace.cost(provider.name, seconds)

    def _note_lost(self, work: Work) -> None:
        if work.trace is not None and self._provider(work).paid:
            self.purchases.note_lost(work.trace.key)

    def _provider(self, work: Work) -> Provider:
        return self.providers[bound_at(work.decision.target, work.position).model.provider]

    def _price(self, work: Work) -> float | None:
        provider = self._provider(work)
        with _code_of(provider):
            return price_of(self._model(work), provider, self._request_to_price(work))

    def _model(self, work: Work) -> Model:
        return bound_at(work.decision.target, work.position).model

    def _request_to_price(self, work: Work) -> Request:
        """The request without its pictures, of which only the sizes matter."""
        request = self._request(work, {})
        if not self._provider(work).paid:
            return request
        return replace(request, given=self.materials.given.sizes(work.decision.target, work.position))

    def _request(self, work: Work, pictures: Mapping[str, Sequence[PILImage]]) -> Request:
        ask = work.ask
        return Request(
            pin=self.materials.pin(work),
            prompt=ask.prompt,
            negative=ask.negative,
            width=ask.width,
            height=ask.height,
            seed=work.seed,
            params={**ask.params, **ask.unkeyed} if ask.unkeyed else ask.params,
            inputs=pictures,
        )

    def make(self, works: Sequence[Work], seat: Seat) -> list[Made | Image | TargetError]:
        """Images for a batch of requests of one pin, in a thread; finished here too where no device waits.

        seat: where to make them.
        Where a batch is turned down, each is asked for alone: no image hangs on what it was batched with.
        """
        if self._provider(works[0]).apart and (crew := self._crew(works[0])) is not None:
            return [*crew.run([self._errand(work) for work in works])]
        try:
            return self._make(works, seat)
        except (*_LOST, Transient):
            raise
        except TargetError:
            if len(works) == 1:
                raise
            return [self._make_alone(work, seat) for work in works]

    def _make_alone(self, work: Work, seat: Seat) -> Made | Image | TargetError:
        try:
            return self._make([work], seat)[0]
        except TargetError as error:
            return error

    def _make(self, works: Sequence[Work], seat: Seat) -> list[Made | Image | TargetError]:
        provider = self._provider(works[0])
        # Before anything of the journal: what is under way there stays so, though an input has to be made again.
        requests = [self._request(work, self._pictures(work)) for work in works]
        began = time.perf_counter()
        purchase = self._purchase(provider, works)
        try:
            images = self._call(provider, works, requests, seat, purchase)
        except Gone as error:
            purchase.lose(error.message)
            error.hint = error.hint or purchase.hint
            raise
        except _LOST as error:  # the journal has it in flight, and so it is counted as spent
            if purchase.entries:
                error.hint = purchase.hint if purchase.ticket else error.hint or purchase.hint
            raise
        except (Transient, Unavailable) as error:
            if purchase.ticket:  # it was taken, and only the asking for it was given up
                raise Unanswered(error.message, hint=purchase.hint) from error
            purchase.abandon(error.message)
            raise
        except TargetError as error:
            purchase.abandon(error.message)
            raise
        seconds = (time.perf_counter() - began) / len(works)
        for work in works:
            work.seconds = seconds
        if provider.device:
            return [*images]
        made = [self._finish_now(work, image) for work, image in zip(works, images, strict=True)]
        for place, result in enumerate(made):
            purchase.settle(place, result.cost, _raw_blob(result))
        return [*made]

    def _call(
        self,
        provider: Provider,
        works: Sequence[Work],
        requests: Sequence[Request],
        seat: Seat,
        purchase: Purchase,
    ) -> Sequence[Image | Made | Unfinished]:
        """One image a request, each with what it cost: where the vendor does not say, what was estimated.

        Of those that another process has made, that it has finished them, too.
        """
        first, alias = requests[0], bound_at(works[0].decision.target, works[0].position).alias
        with self.telling.call(first.pin, alias, len(requests), seat.device) as tell:

            def send() -> Sequence[Image | Made | Unfinished]:
                purchase.begin()
                provider.tell = self.telling.tell
                if isinstance(provider, Queued) and (purchase.ticket or _is_queued(provider, first)):
                    return self._priced(self._collect(provider, first, purchase), works)
                if (crew := self._crew(works[0])) is not None:
                    return [_done(crew.run([self._errand(work)], learn)) for work in works]
                with _code_of(provider):
                    answer = self._generate(provider, requests, seat, tell)
                return self._priced(answer, works)

            provider.tell_left = learn
            with _code_of(provider):
                server = provider.server(first)
            return self.limits.of(provider.name, server).call(send, self.stop)

    def _priced(self, answer: Answer, works: Sequence[Work]) -> list[Image]:
        for work in works:
            work.environment = answer.environment
        with _code_of(self._provider(works[0])):
            return [self._price_in(image, work) for work, image in zip(works, answer.images, strict=True)]

    def _price_in(self, image: Image, work: Work) -> Image:
        """With what it cost: as the model states it, else as the vendor says, else as it was estimated."""
        if (image.pixels is None) == (image.data is None):
            raise ValueError("an image has either pixels or data")
        cost = bill_of(self._model(work), self._provider(work), self._request_to_price(work), image)
        if cost is None:
            cost = (self._price(work) or 0.0) if work.resumed else work.reserved
        return replace(image, cost=cost)

    def _collect(self, provider: Queued, request: Request, purchase: Purchase) -> Answer:
        """Hand a request in, unless it was before, and wait for its image."""
        if not purchase.ticket:
            with _code_of(provider):
                ticket = provider.submit(request)
            purchase.name(ticket)
        with _code_of(provider):
            image = provider.collect(purchase.ticket, request, self._pause)
            return Answer(images=[image], environment=provider.environment())

    def _pause(self, seconds: float) -> None:
        """Raises Unanswered where the build is stopped meanwhile: what was taken can be asked for later."""
        if self.stop.wait(seconds):
            raise Unanswered("the build was stopped while it was made")

    def _generate(self, provider: Provider, requests: Sequence[Request], seat: Seat, tell: Tell) -> Answer:
        """What the provider gives here, or in the process that has the seat's device, where there are several."""
        if not provider.device:
            return asked(provider, requests)
        with self.usage.call(f"{provider.name} {seat.place}"):
            if len(self.devices) > 1:
                answer = self.stations.at(provider.name, seat.place, seat.device).generate(requests, tell)
            else:
                provider.runs_on = seat.device
                answer = asked(provider, requests)
        self.usage.took(max((image.memory for image in answer.images), default=0))
        return answer

    def _finish_now(self, work: Work, image: Image | Made | Unfinished) -> Made | Unfinished:
        if not isinstance(image, Image):
            return image
        try:
            return self.finish(work, image)
        except Unfinished as error:
            return error

    def _purchase(self, provider: Provider, works: Sequence[Work]) -> Purchase:
        return self.purchases.of(provider.name, [self._order(work) for work in works if provider.paid])

    def _order(self, work: Work) -> Order:
        target = work.decision.target
        recipe, bound = target.recipe, bound_at(target, work.position)
        purpose = Purpose(
            target=target.id,
            asset=f"{recipe.spec}/{recipe.asset}",
            model=bound.alias,
            source=bound.model.source,
            build=self.terms.build,
        )
        return Order(work.trace.key if work.trace else "", work.reserved, purpose)

    def _pictures(self, work: Work) -> dict[str, list[PILImage]]:
        pictures: dict[str, list[PILImage]] = {}
        for item in inputs_for(work.decision.target, work.position):
            data = (
                self._pixels(item.target, work.sources[item.target]) if item.target else self._file(item.file)
            )
            name = item.target or item.file
            pictures.setdefault(item.role, []).append(normal(decode(data, name), name))
        return pictures

    def _pixels(self, name: str, blob: Digest) -> bytes:
        """The lossless bytes of a target's pixels, as those made from it take them in."""
        try:
            return self.blobs.read(blob)
        except (KeyError, ValueError):
            raise PixelsLost(name) from None

    def open_inputs(self, paths: Sequence[str]) -> list[Record]:
        """Import records of input files, in a thread. Raises BadImage, TargetError."""
        return [self._import(path) for path in paths]

    def _import(self, path: str) -> Record:
        data, digest = self._file(path), self.files.digest(path)
        assert digest is not None
        key, manifest = import_key(digest)
        pixels = pixel_digest(normal(decode(data, path), path))
        return Record(
            key=key, step="import", blob=digest, pixels=pixels, manifest=manifest, created=time.time()
        )

    def _file(self, path: str) -> bytes:
        try:
            return self.files.content(path)
        except SpecError as error:
            raise TargetError(error.message, hint=error.hint) from error
        except OSError as error:
            raise TargetError(
                f"{path} can't be read: {error.strerror}", hint="is it there, and readable?"
            ) from error

    def finish(self, work: Work, image: Image | None = None) -> Made:
        """Process, encode and measure what a work has come to, in a thread. Raises TargetError."""
        return finish(self._job(work, image or work.image), self.blobs)

    def _errand(self, work: Work) -> Errand:
        job = replace(self._job(work, Image(cost=work.reserved)), references=dict)
        request = self._request(work, {})
        return Errand(provider=self._provider(work).name, model=self._model(work), request=request, job=job)

    def _job(self, work: Work, image: Image | None) -> Job:
        target, trace = work.decision.target, work.trace
        assert trace is not None
        return Job(
            start=self._start(work, trace, image),
            operations=target.recipe.process[trace.done :],
            format=target.recipe.format,
            described=described(target.recipe, trace.manifest),
            published=_published(trace),
            renditions=_further(target, trace),
            texts=partial(write_texts, target, trace.manifest) if target.recipe.texts else None,
            rules={at: rule for at, rule in enumerate(rules_of(target)) if at not in work.measured},
            measured=work.measured,
            references=lambda: self._references(work),
            upstream=self.materials.upstream_pixels(target),
            untouched=is_untouched(target.recipe),
            networks=self._networks_of(target),
        )

    def _start(self, work: Work, trace: Trace, image: Image | None) -> Start:
        if trace.first is not None:
            kind = str(trace.first.info.get("kind", ""))
            first = trace.first
            return Start(blob=trace.blob, pixels=trace.pixels, raw=first.blob, kind=kind, info=first.info)
        if work.decision.target.recipe.sheet is not None:
            return Start(assemble=partial(self._sheet, work), key=trace.key, manifest=trace.manifest)
        if image is None:
            path = work.decision.target.inputs[0].file
            return Start(name=path, file=self._file(path), key=trace.key, manifest=trace.manifest)
        provider = self._provider(work)
        return Start(
            name=f"what '{provider.name}' sent",
            image=image,
            key=trace.key,
            manifest=trace.manifest,
            seed=work.seed,
            seconds=work.seconds,
            environment=work.environment if work.environment is not None else provider.environment(),
            durable=provider.paid,
        )

    def _sheet(self, work: Work) -> Assembled:
        """The sheet of all the pictures that go on it. Raises PixelsLost, TargetError."""
        target, sources = work.decision.target, work.sources
        assert target.recipe.sheet is not None
        pieces = [
            Piece(item.name or item.target, partial(self._pixels, item.target, sources[item.target]))
            for item in target.inputs
            if item.role == ON_SHEET
        ]
        picture, layout = draw_sheet(target.recipe.sheet, pieces)
        frames = [list(box) for box in layout.boxes]
        return Assembled(picture=picture, info={"size": list(layout.size), "frames": frames})

    def measure(self, work: Work) -> Made:
        """Measure an image that exists already, in a thread. Raises TargetError."""
        assert work.made is not None
        target = work.decision.target
        data = self.image_bytes(target, work.made.image)
        rules = {
            place: rule for place, rule in enumerate(rules_of(target)) if place not in work.made.measured
        }
        references = {path: self._file(path) for rule in rules.values() for path in rule.files()}
        found = measure(data, rules, references, networks=self._networks_of(target))
        return replace(work.made, measured={**work.made.measured, **found})

    def image_bytes(self, target: Target, image: Digest) -> bytes:
        """The published bytes, from the store or from the output folder. Raises TargetError."""
        try:
            return self.blobs.read(image)
        except KeyError:
            pass
        try:
            data = (self.materials.outputs.folder / target.output).read_bytes()
        except OSError as error:
            raise TargetError(f"the image of {target.id} is nowhere", hint="build it again") from error
        return data

    def _references(self, work: Work) -> dict[str, bytes]:
        """The bytes of all that operations read, and that rules compare with."""
        target = work.decision.target
        names = {name for step in target.recipe.steps for name in step.files()}
        found = {name: self._file(name) for name in names if not is_upstream(name)}
        for item in target.inputs:
            if item.role in names:
                found[item.role] = self._pixels(item.target, work.sources[item.target])
        return found


def _code_of(provider: Provider) -> AbstractContextManager[None]:
    """Around calls of a provider alone: what the journal, the store or another process can't do is no fault of it."""
    return foreign(f"provider '{provider.name}'")


def _is_queued(provider: Queued, request: Request) -> bool:
    with _code_of(provider):
        return provider.queues(request)


def _published(trace: Trace) -> Published | None:
    """The image itself, where it is known whole."""
    if not trace.image:
        return None
    return Published(image=trace.image, phash=trace.phash, lossless=trace.lossless)


def _further(target: Target, trace: Trace) -> list[Further]:
    """The renditions, each from where it is known."""
    renditions = target.recipe.renditions
    known = trace.renditions or [Reach(pixels="")] * len(renditions)
    return [
        Further(
            name=item.name,
            described=described(target.recipe, trace.manifest, item),
            operations=item.process[reach.done :],
            format=item.format,
            blob=reach.blob,
            pixels=reach.pixels,
            image=reach.image,
        )
        for item, reach in zip(renditions, known, strict=True)
    ]


def _done(results: Sequence[Made | TargetError]) -> Made | Unfinished:
    """What another process has made of one request. Raises what the provider did not take or do."""
    (result,) = results
    if isinstance(result, Made | Unfinished):
        return result
    raise result


def _raw_blob(result: Made | Unfinished) -> Digest | None:
    """The blob that a request gave; None where its bytes are no picture."""
    if isinstance(result, Made):
        return result.raw
    return next((record.blob for record in result.records if record.step == "generate"), None)
