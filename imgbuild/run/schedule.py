"""The loop: which target moves when. It dispatches, and alone writes state; worker threads only compute.

A target waits for its inputs, is looked up in the records of earlier builds, is made by its provider where they
don't carry far enough, is finished and measured, waits for its group where a rule judges the group, and is then
accepted, tried again with the next seed, or given up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.adjustments import told_asked
from imgbuild.errors import ProviderFailed, Refused, TargetError
from imgbuild.graph import Graph
from imgbuild.ledger import BATCH_SECONDS
from imgbuild.plan import AT_REST, LOCKED, LOST, Action, Decision, Plan, picked_before
from imgbuild.programs import Programs
from imgbuild.report import Reporter
from imgbuild.report.events import TargetMoved, Underway
from imgbuild.run.accept import Next, decide, judge, tell
from imgbuild.run.budget import HeldBack
from imgbuild.run.conclusion import Conclusion
from imgbuild.run.group import Group, is_settled
from imgbuild.run.lane import Lane, Seat
from imgbuild.run.making import Making, PixelsLost
from imgbuild.run.recall import Recall
from imgbuild.run.steps import Made, Unfinished
from imgbuild.run.work import ENDED, State, Work, move
from imgbuild.store.blobs import Damaged
from imgbuild.types import Grade, Image, Verdict

LOOKS = 256  # targets looked at before lanes are filled again, so that they don't wait until all have been
BACKLOG = 8  # finished images waiting for a finishing thread, for each such thread: bounds their memory


class Limits(Struct, frozen=True, kw_only=True):
    """jobs: finishing threads. fail_fast: stop at the first failure. reroll: also locked images that fail a rule.

    kept: but not those of these targets. outdated: whether another build follows that wants other images, it may be:
    then what is finished is recorded, and neither published nor locked.
    """

    jobs: int
    fail_fast: bool = False
    reroll: bool = False
    kept: frozenset[str] = frozenset()
    outdated: Callable[[], bool] = lambda: False


class Schedule:
    """One run over a plan. `chosen` are the targets to bring up to date; `works` ends up holding how each ended."""

    def __init__(
        self,
        graph: Graph,
        plan: Plan,
        chosen: Iterable[str],
        recall: Recall,
        making: Making,
        conclusion: Conclusion,
        reporter: Reporter,
        limits: Limits,
    ) -> None:
        self.graph, self.plan, self.reporter = graph, plan, reporter
        self.recall, self.make, self.conclude = recall, making, conclusion
        self.noting = conclusion.noting
        self.limits, self.stop = limits, making.stop
        self.programs = Programs()
        self.done: SimpleQueue[tuple[Callable[..., None], Any, Any] | Underway] = SimpleQueue()
        making.telling.give = self.done.put
        self.lanes: dict[str, Lane] = {}
        self.making: dict[str, list[Work]] = {}  # by key: who waits for a request that is under way
        self.ready: deque[Work] = deque()
        self.out = self.finishing = 0
        self.chosen = frozenset(chosen)
        self.mended: set[tuple[str, str]] = set()  # who waited once more, and for which input
        self.works = self._begin()
        self.groups = self._grouped()

    # --- the works of this run -------------------------------------------------------------------------

    def _begin(self) -> dict[str, Work]:
        """A work for each chosen target that needs something, and for the members of its group that are in place.

        Those members that were not chosen are guests: they are measured and compared with, and nothing else.
        """
        decisions = self.plan.decisions
        active = {
            name
            for name in self.chosen
            if decisions[name].action is not Action.FRESH or decisions[name].unsure
        }
        for members in self.graph.groups.values():
            if any(self._moves(name) for name in members if name in active):
                active.update(name for name in members if name in self.chosen or self._is_at_hand(name))
        works: dict[str, Work] = {}
        for name in self.graph.targets:
            if name in active:
                works[name] = self._work(name, works)
        return works

    def _is_at_hand(self, name: str) -> bool:
        decision = self.plan.decisions[name]
        return decision.stands and decision.action in LOCKED

    def _moves(self, name: str) -> bool:
        decision = self.plan.decisions[name]
        return decision.action not in AT_REST or decision.unsure

    def _work(self, name: str, works: Mapping[str, Work]) -> Work:
        decision = self.plan.decisions[name]
        waits = [works[needed] for needed in self.graph.needs.get(name, ()) if needed in works]
        locked = decision.action in LOCKED
        work = Work(decision, sum(1 for other in waits if other.state not in ENDED), locked=locked)
        stuck = decision.action in (*AT_REST, Action.UNPINNED)
        spoilt = any(other.state in (State.FAILED, State.SKIPPED) for other in waits)
        if spoilt and not locked and (not stuck or _is_stuck_by_inputs(decision)):
            work.state = State.SKIPPED
        elif stuck and not locked:
            work.state, work.error = State.FAILED, TargetError(decision.why, hint=decision.hint)
        elif not work.waits:
            work.state = State.READY
            self.ready.append(work)
        return work

    def _grouped(self) -> dict[tuple[str, str], Group]:
        """The groups that are still to be judged."""
        groups = {}
        for name, members in self.graph.groups.items():
            works = [self.works[member] for member in members if member in self.works]
            if any(work.state not in ENDED for work in works):
                others = [member for member in members if self._counts_as_locked(member)]
                groups[name] = Group(works, others, self.recall, self.graph.across.get(name, {}))
        return groups

    def _counts_as_locked(self, name: str) -> bool:
        """Whether a member that this run won't touch has a locked image that others are compared with."""
        decision = self.plan.decisions[name]
        return decision.stands and (name not in self.works or decision.action is Action.BLOCKED)

    @property
    def is_complete(self) -> bool:
        """Whether every work has come to its end."""
        return all(work.state in ENDED and work.state is not State.LEFT for work in self.works.values())

    # --- the loop --------------------------------------------------------------------------------------

    def run(self) -> None:
        """Bring the works to their ends. Raises what a worker could not expect (a bug), after the others ended;
        KeyboardInterrupt at once.
        """
        with ExitStack() as pools:
            self.pools = pools
            self.finishers = pools.enter_context(ThreadPoolExecutor(self.limits.jobs))
            try:
                self._loop()
            except KeyboardInterrupt:
                pools.pop_all()
                self._abandon()
                raise
        self._leave_rest()

    def _loop(self) -> None:
        while self._dispatch():
            handler, subject, result = self._ended()
            self.out -= 1
            if isinstance(result, BaseException) and not isinstance(result, TargetError):
                self.stop.set()
                raise result
            handler(subject, result)

    def _ended(self) -> tuple[Callable[..., None], Any, Any]:
        """The next call that ended. What is told of those under way is passed on meanwhile."""
        while True:
            try:
                item = self.done.get(timeout=BATCH_SECONDS)
            except Empty:  # a batch takes long, and a kill meanwhile is to lose none that came before it
                self.conclude.ledger.commit()
                continue
            if isinstance(item, tuple):
                return item
            self.reporter.event(item)
            self.conclude.ledger.commit_in_time()

    def _abandon(self) -> None:
        """Nothing more is begun, and nobody waits for what is under way: Ctrl-C was pressed again."""
        self.stop.set()
        for pool in (self.finishers, *(lane.pool for lane in self.lanes.values())):
            pool.shutdown(wait=False, cancel_futures=True)
        self.programs.end()

    def _dispatch(self) -> bool:
        """Send out all that can go; whether there is anything to wait for."""
        while not self.stop.is_set():
            for _ in range(min(len(self.ready), LOOKS)):
                self._look(self.ready.popleft())
            for lane in self.lanes.values():
                self._fill(lane)
            if not self.ready and not self._judge_groups():
                break
        return self.out > 0

    def _submit(
        self, pool: ThreadPoolExecutor, handler: Callable[..., None], subject: Any, call: Callable[[Any], Any]
    ) -> None:
        def task() -> None:
            self.programs.adopt()
            try:
                result = call(subject)
            except BaseException as error:  # handed to the loop, which tells a fault from a bug
                result = error
            self.done.put((handler, subject, result))

        self.out += 1
        pool.submit(task)

    # --- one target's way ------------------------------------------------------------------------------

    def _look(self, work: Work) -> None:
        """A target whose inputs are there: find out how much of it is known, and send out the rest."""
        if work.locked:
            self._look_at_locked(work)
        elif repainted := self.recall.repainted(work):
            cause, hint = picked_before(repainted)
            self._fail(work, TargetError(cause, hint=hint))
        elif unopened := self.recall.unopened(work):
            self._move(work, State.OPENING)
            self._submit(self.finishers, self._opened, work, lambda _: self.make.open_inputs(unopened))
        elif self.recall.is_unmoved(work):
            self._stay(work)
        else:
            self._take_up(work)

    def _opened(self, work: Work, result: Any) -> None:
        if isinstance(result, TargetError):
            self._fail(work, result)
            return
        self.recall.note_inputs(result)
        self.conclude.keep_imports(result)
        self._move(work, State.READY)
        self.ready.append(work)

    def _stay(self, work: Work) -> None:
        """It might have moved, and has not: where the locked image is not here, it is made again."""
        if self.recall.is_at_hand(work):
            work.locked = True
            self._look_at_locked(work)
        else:
            work.decision = replace(work.decision, action=Action.RUN, reproduce=True)
            self._take_up(work)

    def _look_at_locked(self, work: Work) -> None:
        work.made = self.recall.locked_image(work)
        self._measured_or_measure(work)

    def _take_up(self, work: Work) -> None:
        made = self.recall.look_up(work)
        assert work.trace is not None
        if made is not None:
            work.made = made
            self._measured_or_measure(work)
        elif work.trace.first is None and _is_lost(work.decision):
            self._fail(work, TargetError(LOST[0], hint=LOST[1]))
        elif work.trace.first is not None or work.decision.target.recipe.model is None:
            self._send_to_finish(work)
        else:
            self._queue(work)

    def _measured_or_measure(self, work: Work) -> None:
        if self.recall.measured(work):
            self._judge(work)
        else:
            self._move(work, State.FINISHING)
            self.finishing += 1
            self._submit(self.finishers, self._finished, work, self.make.measure)

    def _queue(self, work: Work) -> None:
        """Queue a request; one that is under way already is joined, not sent again."""
        assert work.trace is not None
        self._move(work, State.QUEUED)
        waiting = self.making.get(work.trace.key)
        if waiting is not None:
            waiting.append(work)
            return
        self.making[work.trace.key] = []
        self._lane(work).add(work, self.make.model_of(work), self.make.shape_of(work))

    def _lane(self, work: Work) -> Lane:
        name, threads, devices = self.make.lane_of(work)
        if name not in self.lanes:
            lane = self.lanes[name] = Lane(threads, devices, self.make.at_a_time)
            self.pools.enter_context(lane.pool)
        return self.lanes[name]

    def _fill(self, lane: Lane) -> None:
        for seat in lane.seats:
            while (
                seat.out < seat.room
                and self.finishing < BACKLOG * self.limits.jobs
                and (queue := lane.queue(seat))
            ):
                if lane.device and self.finishing and len(queue) < self.make.at_a_time(queue[0]):
                    break  # what is being finished may let others go that fill the batch
                if batch := self._batch(queue):
                    self._send(lane, seat, batch)

    def _send(self, lane: Lane, seat: Seat, batch: list[Work]) -> None:
        seat.out += 1
        self._submit(lane.pool, partial(self._made, seat), batch, lambda works: self.make.make(works, seat))

    def _batch(self, queue: deque[Work]) -> list[Work]:
        """The next requests for one model, as many as it takes at a time, with their cost set aside."""
        size = self.make.at_a_time(queue[0])
        batch: list[Work] = []
        while queue and len(batch) < size:
            work = queue.popleft()
            try:
                self.make.reserve(work)
            except TargetError as error:
                self._let_go(work)
                self._fail(work, error)
                continue
            self._move(work, State.MAKING)
            self._tell(work, "running")
            batch.append(work)
        return batch

    def _made(
        self, seat: Seat, batch: Sequence[Work], results: list[Made | Image | TargetError] | TargetError
    ) -> None:
        seat.out -= 1
        answers = [results] * len(batch) if isinstance(results, TargetError) else results
        for work, result in zip(batch, answers, strict=True):
            before = work.cost
            self.make.settle(work, result)
            if isinstance(result, Made | Unfinished):
                self._finished(work, result)
            elif isinstance(result, TargetError):
                self.noting.fail(work, result, work.cost - before, stopped=self.stop.is_set())
                self._turn_down(work, result)
            else:
                work.image = result
                self._send_to_finish(work)

    def _send_to_finish(self, work: Work) -> None:
        self._move(work, State.FINISHING)
        self.finishing += 1
        self._submit(self.finishers, self._finished, work, self.make.finish)

    def _finished(self, work: Work, result: Made | TargetError) -> None:
        if work.state is State.FINISHING:
            self.finishing -= 1
        work.image = None
        if isinstance(result, TargetError):
            if isinstance(result, Unfinished):
                self.conclude.keep_steps(result.records)
                self.noting.leave_unfinished(work, result)
            self._let_go(work)
            self._fail(work, result)
            return
        self.conclude.keep(work, result)
        work.made = result
        self._let_go(work)
        self._judge(work)

    def _turn_down(self, work: Work, error: TargetError) -> None:
        """A request came to nothing: so it did for those that joined it."""
        assert work.trace is not None
        for each in (work, *self.making.pop(work.trace.key, ())):
            if not (isinstance(error, PixelsLost) and self._waits_again(each, error.target)):
                self._fall_back(each, error)

    def _waits_again(self, work: Work, needed: str) -> bool:
        """Wait for an input whose blob was found damaged, and which is made again; False where that is no help."""
        locked = self.plan.decisions[needed].action in (Action.FRESH, Action.CHECK, Action.RESTORE)
        if not locked or needed not in self.chosen or (work.id, needed) in self.mended:
            return False
        self.mended.add((work.id, needed))
        source = self.works.get(needed)
        if source is None or not source.mends:
            source = self._mend(needed)
        if source is None or source.state in (State.FAILED, State.SKIPPED, State.LEFT):
            return False
        work.trace, work.waits = None, 1
        self._move(work, State.WAITING)
        if source.state is State.DONE:
            self._inform(work, source)
        return True

    def _mend(self, name: str) -> Work | None:
        """Make a locked image again for its pixels alone; None where only its bytes can be kept."""
        decision = self.plan.decisions[name]
        if decision.line is None or decision.line.grade is Grade.STORED:
            return None
        work = self.works[name] = Work(replace(decision, action=Action.RUN, reproduce=True), 0, locked=False)
        work.state, work.mends = State.READY, True
        self.ready.append(work)
        return work

    def _let_go(self, work: Work) -> None:
        """Whoever waited for this request looks again: now its record is there, or it has to be sent anew."""
        if work.trace is None:
            return
        for other in self.making.pop(work.trace.key, ()):
            self._move(other, State.READY)
            self.ready.append(other)

    # --- verdicts --------------------------------------------------------------------------------------

    def _judge(self, work: Work) -> None:
        """All is measured: what do the rules that look at one image say?"""
        assert work.made is not None
        if self.limits.outdated():
            return
        try:
            if work.decision.reproduce and not work.locked and work.tries == 1:
                self.conclude.compare(work)
                work.locked = True
            work.verdicts = judge(work.decision.target.recipe.rules, work.made.measured) + work.beside
        except TargetError as error:
            self._fail(work, error)
            return
        if self._waits_for_group(work):
            self._move(work, State.HELD)
        else:
            self._conclude(work, work.verdicts)

    def _waits_for_group(self, work: Work) -> bool:
        """One that would be given up waits too, if its group had a part in that: it may get another chance."""
        following = self._next(work, work.verdicts)
        has_part = following is Next.ACCEPT or (following is Next.FAIL and work.crossed)
        return has_part and self.graph.group_of(work.decision.target) in self.groups

    def _move(self, work: Work, to: State) -> None:
        before = is_settled(work)
        move(work, to)
        group = self.groups.get(self.graph.group_of(work.decision.target))
        if group is not None:
            group.unmeasured += before - is_settled(work)

    def _next(self, work: Work, verdicts: Sequence[Verdict]) -> Next:
        """A locked image stays, whatever an edited rule says of it, unless rerolling was asked for."""
        if work.firm:
            return Next.ACCEPT
        following = decide(verdicts, work.tries, work.decision.target.recipe.attempts)
        may_reroll = self.limits.reroll and work.id in self.chosen and work.id not in self.limits.kept
        if work.locked and not (following is Next.RETRY and may_reroll):
            return Next.ACCEPT
        return following

    def _conclude(self, work: Work, verdicts: list[Verdict]) -> None:
        work.verdicts = verdicts
        following = self._next(work, verdicts)
        if following is not Next.ACCEPT:
            self.noting.turn_down(work)
        if following is Next.RETRY:
            self._retry(work)
        elif following is Next.FAIL:
            self._fail(
                work,
                TargetError(tell(verdicts), hint="change the prompt, the rule, or the number of attempts"),
            )
        else:
            self._accept(work)

    def _retry(self, work: Work) -> None:
        work.turn_down()
        work.locked, work.trace, work.made = False, None, None
        following = f"; next with {told_asked(work.asked)}" if work.asked else ""
        self._tell(work, "retry", f"{tell(work.verdicts)}{following}")
        work.verdicts = []
        self._move(work, State.READY)
        self.ready.append(work)

    def _judge_groups(self) -> bool:
        """Judge each group whose members are all measured; whether one was."""
        ripe = [name for name, group in self.groups.items() if not group.unmeasured]
        for name in ripe:
            self._judge_group(name)
        return bool(ripe)

    def _judge_group(self, name: tuple[str, str]) -> None:
        """Reroll those that a rule blames, and judge again when they are back, until all have come to rest."""
        group = self.groups[name]
        held = group.held()
        try:
            verdicts = self._group_verdicts(group, held)
        except TargetError as error:
            del self.groups[name]
            for work in held:
                self._fail(work, error)
            return
        follows = {to: [work for work in held if self._next(work, verdicts[work.id]) is to] for to in Next}
        if follows[Next.RETRY]:
            for work in follows[Next.RETRY]:
                work.crossed = True
                self._conclude(work, verdicts[work.id])
        elif self._have_come_to_rest(group, follows[Next.ACCEPT], follows[Next.FAIL]):
            del self.groups[name]
            peers = group.peers(follows[Next.ACCEPT])
            for work in follows[Next.ACCEPT] + follows[Next.FAIL]:
                work.peers, work.beside = peers, verdicts[work.id][len(work.verdicts) :]
                self._conclude(work, verdicts[work.id])

    def _group_verdicts(self, group: Group, held: Sequence[Work]) -> dict[str, list[Verdict]]:
        """What all rules say of each; those that are given up anyway are compared with nothing. Raises Broke."""
        staying = [work for work in held if self._next(work, work.verdicts) is Next.ACCEPT]
        return {work.id: work.verdicts for work in held} | group.verdicts(staying)

    def _have_come_to_rest(self, group: Group, accepted: Sequence[Work], failing: Sequence[Work]) -> bool:
        """Whether all is said; else all are to be judged again, as the next build would judge them.

        It will find locked what is accepted now, and must come to the same end. So these rank as locked from here on,
        and whoever was turned down for what they, or others, looked like before begins again.
        """
        is_news = not all(work.locked or work.firm for work in accepted)
        for work in accepted:
            work.firm = True
        for work in failing:
            if is_news and work.crossed:
                self._start_over(work)
        return not is_news or (group.is_in_order and not failing)

    def _start_over(self, work: Work) -> None:
        """Try its first seed again; what was made for it before is in the records."""
        work.seed, work.attempt, work.tries = work.decision.seed, work.decision.attempt, work.decision.tries
        work.adjusted, work.tried = work.decision.way.adjusted, []
        work.locked, work.crossed, work.trace, work.made = work.decision.action in LOCKED, False, None, None
        work.verdicts = []
        self._move(work, State.READY)
        self.ready.append(work)

    # --- the ends --------------------------------------------------------------------------------------

    def _accept(self, work: Work) -> None:
        if work.id not in self.chosen:
            self._move(work, State.DONE)
            return
        if work.mends:
            self.noting.accept(work)
            self.conclude.hand_on(work)
            self._move(work, State.DONE)
            self._tell(work, "done")
            self._release(work)
            return
        try:
            work.changed = self.conclude.put_in_place(work)
        except TargetError as error:
            self._fail(work, error)
            return
        self.noting.accept(work)
        self.conclude.remember(work)
        self._move(work, State.DONE)
        if work.decision.action is not Action.FRESH:  # a fresh member of a group was never announced as work
            self._tell(
                work, "done" if work.made and work.made.ran else "restored" if work.changed else "fresh"
            )
        self._release(work)

    def _fall_back(self, work: Work, error: TargetError) -> None:
        """A refusal or a permanent failure hands the target to the next model of the chain, if there is one."""
        way, last = work.way, work.position >= len(work.decision.target.recipe.fallbacks)
        if last or not isinstance(error, Refused | ProviderFailed) or work.decision.reproduce:
            self.noting.refuse(work, way, error, takes_over=False)
            self._fail(work, error)
            return
        work.position += 1
        unpinned = self.make.why_unpinned(work)
        self.noting.refuse(work, way, error, takes_over=unpinned is None)
        if unpinned is not None:
            self._fail(
                work, TargetError(f"{error.message}; falling back: {unpinned.message}", hint=unpinned.hint)
            )
            return
        work.trace = None
        self._tell(work, "retry", f"{error.message}; falling back")
        self._move(work, State.READY)
        self.ready.append(work)

    def _begin_again(self, work: Work) -> None:
        """A damaged blob has been moved aside: what it held is looked up, or made, once more."""
        if work.locked:
            work.decision = replace(work.decision, action=Action.RUN, reproduce=True)
        work.locked, work.firm, work.trace, work.made = False, False, None, None
        self._move(work, State.READY)
        self.ready.append(work)

    def _fail(self, work: Work, error: TargetError) -> None:
        if work.id not in self.chosen:  # a guest that can't be looked at is compared with nothing
            self._move(work, State.LEFT)
            self._release(work)
            return
        lost = work.locked and work.decision.line is not None and work.decision.line.grade is Grade.STORED
        if isinstance(error.__cause__ if isinstance(error, Unfinished) else error, Damaged) and not lost:
            self._begin_again(work)
            return
        if self.stop.is_set() and not work.verdicts:
            self._move(work, State.LEFT)
            return
        work.error = error
        self._move(work, State.FAILED)
        self.conclude.remember_failure(work)
        if not isinstance(
            error, HeldBack
        ):  # of which nothing was begun: that is told at the end, for all at once
            self._tell(work, "failed", error.message)
        if self.limits.fail_fast:
            self.stop.set()
        self._release(work)

    def _release(self, ended: Work) -> None:
        """Tell those that wait for this target, and those that wait for what is skipped with it."""
        todo = [ended]
        while todo:
            work = todo.pop()
            for name in self.graph.needed_by.get(work.id, ()):
                other = self.works.get(name)
                if other is not None and other.state is State.WAITING:
                    todo += self._inform(other, work)

    def _inform(self, other: Work, work: Work) -> list[Work]:
        """One input of `other` has ended; `other` itself where it has ended with it."""
        other.waits -= 1
        if work.state is not State.DONE and not other.locked:
            self._move(other, State.SKIPPED)
            self._tell(other, "skipped", f"{work.id} failed")
            return [other]
        if not other.waits:
            self._move(other, State.READY)
            self.ready.append(other)
        return []

    def _leave_rest(self) -> None:
        for work in self.works.values():
            if work.state not in ENDED:
                self._move(work, State.LEFT)

    def _tell(self, work: Work, state: Any, why: str = "") -> None:
        self.reporter.event(
            TargetMoved(
                id=work.id,
                state=state,
                output=work.decision.target.output,
                attempt=work.attempt,
                seconds=round(work.made.seconds, 4) if work.made else 0.0,
                cost=work.cost,
                why=why,
            )
        )


def _is_lost(decision: Decision) -> bool:
    """Whether nothing but its bytes can give the locked image back, so that it must not be asked for again."""
    return decision.reproduce and decision.line is not None and decision.line.grade is Grade.STORED


def _is_stuck_by_inputs(decision: Decision) -> bool:
    return decision.action in (Action.FAULT, Action.UNPINNED) and not decision.target.fault
