"""Graph + lock + records → Plan: for each target what has to be done, and why. Reads only, writes nothing.

`plan`, `build --dry-run` and `build` all call `make_plan`, so they can't disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.adjustments import adjusting, forgotten
from imgbuild.digest import Manifest, digest_of
from imgbuild.expand.seeds import attempt_seed
from imgbuild.files import Stamp
from imgbuild.graph import Circles, Graph
from imgbuild.keys import DECLARED, Intents, Way, placed_at, seal_rules
from imgbuild.store.records import Output
from imgbuild.types import Digest, Grade, Line, Outcome, Target


class Action(StrEnum):
    """What a target needs.

    fresh: nothing. check: only its rules. restore: its bytes are at hand, not at their place. run: steps.
    maybe: steps, if what it is made from turns out different. unpinned: as run, but nobody knows yet what the
    model stands for. blocked: its output path holds a file that is not ours. lost: its locked bytes are nowhere, and
    nothing can make them again. failed: what failed before would fail again. fault: its row is at fault.
    """

    FRESH = "fresh"
    CHECK = "check"
    RESTORE = "restore"
    RUN = "run"
    MAYBE = "maybe"
    UNPINNED = "unpinned"
    BLOCKED = "blocked"
    LOST = "lost"
    FAILED = "failed"
    FAULT = "fault"


DOES_STEPS = frozenset({Action.RUN, Action.MAYBE, Action.UNPINNED})
AT_REST = frozenset({Action.FRESH, Action.FAILED, Action.BLOCKED, Action.LOST, Action.FAULT})
LOCKED = frozenset({Action.FRESH, Action.CHECK, Action.RESTORE})  # the locked image is to be had as it is


LOST = (
    "its locked bytes are gone, and its model can't make them again",
    "get them back from a store, a shared cache or git, or give them up with `imgbuild lock --reseed`",
)
TRIED = 1000  # winners of before that are tried, to name the one that is no more
COMPARED = "it was compared with other images than there are now"


class Decision(Struct, frozen=True, kw_only=True, eq=False):
    """What is to be done for one target.

    line: the lock's, carried over a rename where there was one. seed, attempt, way: to start from; way is that in which
    the model is asked. tries: how many attempts that makes; the locked image is the first where it is rerolled.
    rules: digest of the rules and attempts that its outcomes are remembered for. reproduce: the lock names an image
    whose bytes are nowhere: make it again from its pins and compare.
    broken: it failed before, and it was a rule that said so. stands: the locked image is what is declared now, and
    stays; others of its group are compared with it. unsure: it is fresh, but was compared with other images than
    stand now, and its group is going to be judged again.
    """

    target: Target
    action: Action
    why: str = ""
    hint: str = ""
    intent: Digest = ""
    line: Line | None = None
    seed: int
    attempt: int
    way: Way = DECLARED
    tries: int = 1
    rules: Digest = ""
    reproduce: bool = False
    broken: bool = False
    stands: bool = False
    unsure: bool = False

    @property
    def is_moving(self) -> bool:
        """Whether it may come to another image than the locked one."""
        return self.action in DOES_STEPS and not self.reproduce


class Plan(Struct, frozen=True, kw_only=True, eq=False):
    """decisions: by target id, inputs first. sealed: the declared intent of each target whose model is pinned.
    manifests: what was hashed, for the targets that do steps; rules: and for digests of rules. met: outputs that are
    right, and of which nothing or something else is recorded. called_back: by id, what targets would need if nobody
    took their lost pixels in."""

    decisions: Mapping[str, Decision]
    sealed: Mapping[str, Digest]
    manifests: Mapping[str, Manifest]
    rules: Mapping[Digest, Manifest] = {}
    met: Mapping[str, Output] = {}
    called_back: Mapping[str, Decision] = {}

    def count(self, *actions: Action) -> int:
        return sum(1 for decision in self.decisions.values() if decision.action in actions)


class View(Struct, frozen=True, kw_only=True, eq=False):
    """What a plan looks at, all of it read-only.

    lines: by target id. outputs: what was published, by path; outcomes: how targets ended, by id.
    stamp, hashed: of the file at an output path. has_blob: whether bytes are at hand. is_ours: whether a digest
    was ever made or locked here. equals: an image digest → those recorded as equivalent to it.
    reference: digest of a file that a rule reads, or of weights. pixels_at_hand: whether a line's pixels can be read.
    unpinned: why a target's model has no pin, with a hint. kept: targets whose locked image is never rerolled.
    """

    lines: Mapping[str, Line]
    outputs: Mapping[str, Output]
    outcomes: Mapping[str, Outcome]
    stamp: Callable[[str], Stamp | None]
    hashed: Callable[[str], Digest | None]
    has_blob: Callable[[Digest], bool]
    is_ours: Callable[[Digest], bool]
    equals: Mapping[Digest, Collection[Digest]]
    reference: Callable[[str], Digest | None]
    pixels_at_hand: Callable[[Target, Line], bool]
    unpinned: Callable[[Target], tuple[str, str]]
    kept: Collection[str] = ()


class Options(Struct, frozen=True, kw_only=True):
    """force: also write over files that are not ours. reroll: also locked images that fail an edited rule.
    retry: try again what a rule or a provider turned down before."""

    force: bool = False
    reroll: bool = False
    retry: bool = False


def make_plan(graph: Graph, intents: Intents, view: View, options: Options) -> Plan:
    """The plan for all targets of the graph, inputs first."""
    planner = _Planner(graph, intents, view, options)
    for target in graph.targets.values():
        planner.decide(target)
        planner.close_group(target)
    planner.call_back_inputs()
    return Plan(
        decisions=planner.decisions,
        sealed=planner.sealed,
        manifests=planner.manifests,
        rules=dict(planner.rules.values()),
        met=planner.met,
        called_back=planner.called_back,
    )


def plan_of(plan: Plan, graph: Graph, chosen: Collection[str]) -> Plan:
    """The plan of a build of these targets alone: lost pixels are called back for what it makes, and nothing else."""
    if not plan.called_back:
        return plan
    decisions = dict(plan.decisions)
    for name in reversed(list(decisions)):
        users = [user for user in graph.needed_by.get(name, ()) if user in chosen]
        if name in plan.called_back and not any(decisions[user].action in DOES_STEPS for user in users):
            decisions[name] = plan.called_back[name]
    return replace(plan, decisions=decisions)


class _Place(NamedTuple):
    """An output path: the images that are right there, and what is found there."""

    path: str
    wanted: AbstractSet[Digest]
    found: Digest | None
    stamp: Stamp | None

    @property
    def is_right(self) -> bool:
        return self.found in self.wanted


class _Planner:
    def __init__(self, graph: Graph, intents: Intents, view: View, options: Options) -> None:
        self.graph, self.intents, self.view, self.options = graph, intents, view, options
        self.decisions: dict[str, Decision] = {}
        self.manifests: dict[str, Manifest] = {}
        self.met: dict[str, Output] = {}
        self.sealed: dict[str, Digest] = {}
        self.rules: dict[int, tuple[Digest, Manifest]] = {}  # by the recipe's id
        self.called_back: dict[str, Decision] = {}
        self.standing: set[str] = set()  # targets whose locked image is what is declared
        self.undecided = {group: len(members) for group, members in graph.groups.items()}
        self.peers: dict[tuple[str, str], Digest] = {}

    def decide(self, target: Target) -> None:
        line = self.view.lines.get(target.id)
        if target.fault:
            self.put(target, line, Action.FAULT, target.fault, hint=target.hint)
            return
        unsealed = next(
            (name for name in self.graph.needs.get(target.id, ()) if name not in self.sealed), None
        )
        if unsealed is not None:
            self.follow(target, line, self.decisions[unsealed])
            return
        repainted = self.repainted(target)
        if repainted:
            self.put(target, line, Action.FAULT, *picked_before(repainted))
            return
        way = self.intents.way_of(target, self.sealed, line)
        sealed = self.intents.of(target, self.sealed, way)
        declared = sealed if way == DECLARED else self.intents.of(target, self.sealed)
        if sealed is None or declared is None:
            self.put(target, line, Action.UNPINNED, *self.view.unpinned(target))
            return
        # Downstream counts the declaration alone, whoever made the image.
        self.sealed[target.id] = declared[0]
        self.weigh(target, line, *sealed)

    def follow(self, target: Target, line: Line | None, needed: Decision) -> None:
        """What is made from something that nobody can tell the intent of can't be told either."""
        name = needed.target.id
        if needed.action is Action.FAULT:
            self.put(target, line, Action.FAULT, f"its input {name} can't be made", hint="mend that first")
        else:
            self.put(target, line, Action.UNPINNED, f"its input {name} is not pinned yet", hint=needed.hint)

    def repainted(self, target: Target) -> str:
        """A winner whose picture is not the one that was picked; one that is going to move will be looked at then."""
        for item in target.inputs:
            if item.picked and not self.decisions[item.target].is_moving:
                line = self.view.lines.get(item.target)
                if line is not None and line.pixels != item.picked:
                    return item.target
        return ""

    def weigh(self, target: Target, line: Line | None, intent: Digest, manifest: Manifest) -> None:
        why = self.outdated(target, line, intent)
        if why:
            maybe = line is not None and line.image and self.moving(target)
            self.manifests[target.id] = manifest
            self.put(target, line, Action.MAYBE if maybe else Action.RUN, why, intent=intent)
            return
        assert line is not None
        self.settle(target, line, intent, manifest)

    def outdated(self, target: Target, line: Line | None, intent: Digest) -> str:
        """Why the locked image is not what is declared; empty where it is."""
        if line is None:
            return "new"
        if target.explicit and line.seed != attempt_seed(target.seed, line.attempt):
            return f"seed {line.seed} → {target.seed}"
        if not line.image:
            return "reseeded"
        moving = self.moving(target)
        if moving:
            return f"input {moving[0]} is made again"
        is_given_other = line.inputs != self.inputs_digest(target)
        if is_given_other and (picked := self.picked_anew(target, line)):
            return picked
        if line.intent != intent:
            rule = forgotten(target.recipe, line.adjusted)
            return (
                f"rule '{rule}', which adjusted what was asked for, adjusts nothing now"
                if rule
                else "changed"
            )
        if is_given_other:
            return "an input has other pixels than the lock knows"
        return ""

    def picked_anew(self, target: Target, line: Line) -> str:
        """That another winner is picked than the locked image was made from; empty where that is not what changed."""
        pixels = {name: other.pixels for name, other in self.upstream_lines(target)}
        others = ((item, rival) for item in target.inputs for rival in item.rivals)
        for item, rival in islice(others, TRIED):
            known = self.view.lines.get(rival)
            before = {**pixels, item.target: known.pixels if known is not None else ""}
            if inputs_digest(target, before) == line.inputs:
                return f"the winner changed: {item.target}, no more {rival}"
        given = [item for item in target.inputs if item.target]
        if len(given) == 1 and given[0].picked:
            return f"another picture was picked: {given[0].target}"
        return ""

    def moving(self, target: Target) -> list[str]:
        return [name for name in self.graph.needs.get(target.id, ()) if self.decisions[name].is_moving]

    def inputs_digest(self, target: Target) -> Digest:
        if not self.graph.needs.get(target.id):
            return ""
        return inputs_digest(target, {name: line.pixels for name, line in self.upstream_lines(target)})

    def upstream_lines(self, target: Target) -> list[tuple[str, Line]]:
        lines = [(name, self.view.lines.get(name)) for name in self.graph.needs.get(target.id, ())]
        return [(name, line) for name, line in lines if line is not None]

    def settle(self, target: Target, line: Line, intent: Digest, manifest: Manifest) -> None:
        """The locked image is the right one: is it at its place, and does it pass its rules?"""
        self.standing.add(target.id)
        published = placed_at(target, line.image, line.files, line.pixels)
        places = [self.look(path, image) for path, image in published]
        away = [place for place in places if not place.is_right]
        here = {place.found for place in places if place.is_right}  # a winner's bytes are, at its own place
        gone = [
            place.path
            for place in away
            if here.isdisjoint(place.wanted) and not any(map(self.view.has_blob, place.wanted))
        ]
        if not away:
            for place in places:
                self.meet(target, place)
            self.judge(target, line, intent)
        elif not gone:
            self.put(target, line, Action.RESTORE, _misplaced(target, away[0]), intent=intent)
        elif line.grade is Grade.STORED and (target.output in gone or not self.view.has_blob(line.raw)):
            self.standing.discard(target.id)  # nobody can look at it
            self.put(target, line, Action.LOST, *LOST, intent=intent)
        else:
            self.manifests[target.id] = manifest
            self.put(
                target, line, Action.RUN, "locked, but its bytes are not here", intent=intent, reproduce=True
            )

    def look(self, path: str, image: Digest) -> _Place:
        """What is at a place where this image, or one equivalent to it, should be."""
        stamp = self.view.stamp(path)
        wanted = {image, *self.view.equals.get(image, ())} if image else set()
        return _Place(path, wanted, self.on_disk(path, stamp), stamp)

    def meet(self, target: Target, place: _Place) -> None:
        """Take note of an output that is right, as after the records were lost: it will be known as ours."""
        assert place.found is not None
        assert place.stamp is not None
        known = self.view.outputs.get(place.path)
        if known is None or known.stamp != place.stamp or known.target != target.id:
            self.met[place.path] = Output(place.found, target.id, place.stamp)

    def on_disk(self, path: str, stamp: Stamp | None) -> Digest | None:
        """Digest of the file at an output path; not read where its stamp is as it was published."""
        if stamp is None:
            return None
        output = self.view.outputs.get(path)
        return output.digest if output is not None and output.stamp == stamp else self.view.hashed(path)

    def judge(self, target: Target, line: Line, intent: Digest) -> None:
        if not target.recipe.rules:
            self.put(target, line, Action.FRESH, intent=intent)
            return
        holds_for = outcome_key(intent, self.rules_of(target), line.image)
        outcome = self.view.outcomes.get(target.id)
        if outcome is None or outcome.holds_for != holds_for:
            self.put(target, line, Action.CHECK, "its rules were not checked on this image", intent=intent)
        else:
            self.rely_on(outcome, target, line, intent)

    def rely_on(self, outcome: Outcome, target: Target, line: Line, intent: Digest) -> None:
        """What was found on this image holds, if it was found beside the same images; see `close_group`."""
        peers = self.peers_of(target)
        may_reroll = self.options.reroll and target.id not in self.view.kept
        if outcome.state == "fail" and may_reroll and outcome.peers == peers:
            broken = adjusting(target.recipe, outcome.verdicts)
            self.put(target, line, Action.RUN, "rerolled", intent=intent, reroll=broken)
        else:
            is_unsure = peers is not None and outcome.peers != peers
            self.put(target, line, Action.FRESH, intent=intent, unsure=is_unsure)

    def peers_of(self, target: Target) -> Digest | None:
        """What its image is compared with: nothing, or the images of its group; None while those are not known."""
        group = self.graph.group_of(target)
        return None if group in self.undecided else self.peers.get(group, "")

    def close_group(self, target: Target) -> None:
        """Once its last member is decided on, it is known which images of a group stand; and so, which outcomes do."""
        group = self.graph.group_of(target)
        if group not in self.undecided:
            return
        self.undecided[group] -= 1
        if not self.undecided[group]:
            del self.undecided[group]
            standing = [item for item in self.members(group) if item.stands]
            self.peers[group] = peers_digest(
                {item.target.id: item.line.image for item in standing if item.line},
                self.graph.across.get(group, {}),
            )
            self.look_again(group)

    def members(self, group: tuple[str, str]) -> list[Decision]:
        return [self.decisions[name] for name in self.graph.groups[group]]

    def look_again(self, group: tuple[str, str]) -> None:
        """What was found beside other images is to be checked; what failed beside these would fail again.

        Not so where members move, and others may stand in the end: then the whole group is going to be judged anyway.
        """
        for item in self.members(group):
            self.look_again_at(item)
        in_vain = {item.target.id for item in self.members(group) if self.was_in_vain(item)}
        others = [item for item in self.members(group) if item.target.id not in in_vain]
        if not any(item.is_moving for item in others):
            for name in in_vain:
                self.put_again(self.decisions[name], Action.RUN)
        if all(item.action in AT_REST for item in others):
            for item in others:
                if item.unsure:
                    self.put_again(item, Action.CHECK, COMPARED)

    def look_again_at(self, item: Decision) -> None:
        """One that was taken to be fresh before it was known which images of its group stand."""
        outcome = self.view.outcomes.get(item.target.id)
        if item.action is not Action.FRESH or item.line is None or outcome is None:
            return
        if outcome.state == "fail" or outcome.peers != self.peers_of(item.target):
            self.rely_on(outcome, item.target, item.line, item.intent)

    def was_in_vain(self, decision: Decision) -> bool:
        if decision.action is not Action.RUN or decision.reproduce:
            return False
        return self.failed_before(decision.target, decision.intent, decision.rules, decision.seed) is not None

    def put_again(self, item: Decision, action: Action, why: str = "") -> None:
        self.put(item.target, item.line, action, why or item.why, intent=item.intent)

    def rules_of(self, target: Target) -> Digest:
        known = self.rules.get(id(target.recipe))
        if known is None:
            known = seal_rules(target.recipe.rules, target.recipe.attempts, self.view.reference)
            self.rules[id(target.recipe)] = known
        return known[0]

    def put(
        self,
        target: Target,
        line: Line | None,
        action: Action,
        why: str = "",
        hint: str = "",
        *,
        intent: Digest = "",
        reproduce: bool = False,
        reroll: tuple[str, ...] | None = None,
        unsure: bool = False,
    ) -> None:
        seed, attempt = start_of(target, line)
        stays = line is not None and line.intent == intent
        way = self.intents.way_of(target, self.sealed, line) if stays else DECLARED
        if reroll is not None:  # by these adjustments, where it is one
            attempt += 1
            seed, way = attempt_seed(target.seed, attempt), Way(way.position, reroll)
        rules = self.rules_of(target) if target.recipe.rules else ""
        if action in DOES_STEPS or action is Action.RESTORE:
            action, why, hint = self.allowed(target, action, why, hint)
        failed = None
        if action is Action.RUN and not reproduce:
            failed = self.failed_before(target, intent, rules, seed)
        if failed is not None:
            action, why = Action.FAILED, failed.why
            hint = "; ".join(filter(None, (failed.hint, "--retry-failed tries it again")))
        self.decisions[target.id] = Decision(
            target=target,
            action=action,
            why=why,
            hint=hint,
            intent=intent,
            line=line,
            seed=seed,
            attempt=attempt,
            way=way,
            tries=1 if reroll is None else 2,
            rules=rules,
            reproduce=reproduce,
            broken=failed is not None and bool(failed.verdicts),
            stands=target.id in self.standing and reroll is None,
            unsure=unsure,
        )

    def allowed(self, target: Target, action: Action, why: str, hint: str) -> tuple[Action, str, str]:
        """An output path that holds somebody else's file blocks its target before anything is spent."""
        if self.options.force:
            return action, why, hint
        for path in target.paths:
            found = self.on_disk(path, self.view.stamp(path))
            if found is not None and not self.view.is_ours(found):
                why = f"{path} was not written by imgbuild, or was edited since"
                return Action.BLOCKED, why, "move it away, or write over it with --force"
        return action, why, hint

    def failed_before(self, target: Target, intent: Digest, rules: Digest, seed: int) -> Outcome | None:
        """How the same search for an image ended in vain, if it did."""
        outcome = self.view.outcomes.get(target.id)
        if outcome is None or outcome.state != "failed" or self.options.retry:
            return None
        if outcome.peers not in ("", self.peers_of(target)):
            return None
        search = failure_key(self.intents, target, intent, rules, seed, self.inputs_digest(target))
        return outcome if outcome.holds_for == search else None

    def call_back_inputs(self) -> None:
        """Targets whose pixels a run needs and which only exist as published lossy bytes are made again."""
        for name in reversed(list(self.decisions)):
            if self.decisions[name].action in DOES_STEPS:
                for needed in self.graph.needs.get(name, ()):
                    self.call_back(needed)

    def call_back(self, name: str) -> None:
        decision = self.decisions[name]
        if decision.action in DOES_STEPS or decision.action in (
            Action.FAULT,
            Action.BLOCKED,
            Action.LOST,
            Action.FAILED,
        ):
            return
        if decision.line is not None and not self.view.pixels_at_hand(decision.target, decision.line):
            gone = (
                (Action.LOST, *LOST)
                if decision.line.grade is Grade.STORED
                else (Action.RUN, "its pixels are gone")
            )
            self.called_back[name] = decision
            self.put(decision.target, decision.line, *gone, intent=decision.intent, reproduce=True)


def _misplaced(target: Target, place: _Place) -> str:
    name = "its output" if place.path == target.output else place.path
    return f"{name} is missing" if place.found is None else f"{name} is an older one"


def picked_before(winner: str) -> tuple[str, str]:
    """That a winner's picture is not the one that was picked, and the way out."""
    return (
        f"the picture that was picked, {winner}, has changed since",
        f"look at what it is now, then `imgbuild review pick '{winner}'`, or another",
    )


def start_of(target: Target, line: Line | None) -> tuple[int, int]:
    """Seed and attempt to begin with: the locked ones, unless the spec writes another seed down."""
    if line is None or (target.explicit and line.seed != attempt_seed(target.seed, line.attempt)):
        return target.seed, 0
    return line.seed, line.attempt


def inputs_digest(target: Target, pixels: Mapping[str, Digest]) -> Digest:
    """Digest of the pixels that other targets give to this one, in order; empty where none do."""
    given = [pixels.get(item.target, "") for item in target.inputs if item.target]
    return digest_of("inputs/1", {"pixels": given}) if given else ""


def outcome_key(intent: Digest, rules: Digest, image: Digest) -> Digest:
    """What the outcome of an accepted image holds for."""
    return digest_of("outcome/1", {"intent": intent, "rules": rules, "image": image})


def peers_digest(images: Mapping[str, Digest], across: Circles | None = None) -> Digest:
    """Digest of the images, by target id, that the rules of a group were held against.

    across: of a group of several assets, whose images each rule compares.
    """
    return digest_of("peers/1", {"images": images, **({"across": across} if across else {})})


def failure_key(
    intents: Intents,
    target: Target,
    intent: Digest,
    rules: Digest,
    seed: int,
    inputs: Digest,
) -> Digest:
    """What the outcome of a search in vain holds for: it began with this seed, and asked these fallbacks too."""
    fields = {"intent": intent, "rules": rules, "seed": seed, "inputs": inputs}
    return digest_of("failure/2", {**fields, "fallbacks": intents.fallbacks(target)})
