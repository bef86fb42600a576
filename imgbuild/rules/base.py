"""The contract of a rule: measure an image, then judge what was measured.

Measuring is the costly part and is stored by (image, rule, version, `measured_by`); judging applies the
thresholds and is pure, so that editing a threshold measures nothing again and touches no image.
A rule is a frozen struct: its fields are its parameters in the spec.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, ClassVar, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from imgbuild.errors import Misdeclared
from imgbuild.images import Picture
from imgbuild.types import Concern, Finding, OnFail, Status, Value, Verdict
from imgbuild.weights.networks import Networks, named_models

Measured = dict[str, Value]

# Rerolling is what happens before the attempts are spent; after that the rule has failed.
_STATUS: dict[OnFail, Status] = {"fail": "fail", "warn": "warn", "review": "review", "reroll": "fail"}


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A declared check on one image.

    name: as specs write it. example: of its parameters, as specs write them; empty where the name alone will do.
    version: of the measurement; a change of it measures anew. group: whether it looks at all images of an asset.
    model_fields: its parameters that name a declared model, whose weights it measures with. added: parameters that came
    later than the rest; they are None where they are left out, and then in no digest.
    on_fail: what a broken rule means. Reroll tries the next derived seed until the attempts are spent.
    adjust: what the next attempt asks for otherwise when this one is rerolled: a number with a sign is added to the
    parameter, text that begins with '+' is added to `prompt`, `negative` or the parameter; what has no sign takes its
    place. It is a matter of what is made next, and in no measurement.
    """

    name: ClassVar[str]
    example: ClassVar[str] = ""
    version: ClassVar[int] = 1
    group: ClassVar[bool] = False
    model_fields: ClassVar[tuple[str, ...]] = ()
    added: ClassVar[tuple[str, ...]] = ()

    on_fail: OnFail = "fail"
    # Left out, and not empty, so that a rule without it is what it was before there was any.
    adjust: Annotated[dict[str, Value], Meta(min_length=1)] | UnsetType = UNSET

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        """JSON values measured on the image; independent of thresholds. `files`: bytes of `self.files()`."""
        raise NotImplementedError

    def measure_by(self, picture: Picture, files: Mapping[str, bytes], networks: Networks) -> Measured:
        """The same, for a rule that names models: `networks` has those of `self.models()`."""
        return self.measure(picture, files)

    def judge(self, measured: Measured) -> Finding:
        """Whether the measurement is within this rule's thresholds; pure."""
        raise NotImplementedError

    def measured_by(self) -> Mapping[str, Value]:
        """The parameters that change what is measured (not the thresholds), without the files."""
        return {}

    def files(self) -> Sequence[str]:
        """Paths of reference files that the measurement needs."""
        return ()

    def models(self) -> Sequence[str]:
        """Names of the models that the measurement needs: aliases, as specs write them, or as `name_of` makes them."""
        return named_models(self)

    def check_service(self, labels: Sequence[str]) -> None:
        """Raise Misdeclared where a service that tells pictures by these labels can't measure this, as for most rules.

        Its path is one within the parameters; empty: that of the model's name.
        """
        raise Misdeclared(
            f"'{self.name}' looks through weights, and a service has none",
            hint="name a model of provider 'weights'",
        )

    def about(self, prompt: str) -> Self:
        """This rule, for a picture that was asked for with this prompt."""
        return self

    def placed(self, locate: Callable[[str], str]) -> Self:
        """This rule with its paths, which a spec writes relative to itself, from the project's root."""
        return self

    def concerns(self) -> Sequence[Concern]:
        """What in it could harm the reader of a spec, who has to consent to it before it is used."""
        return ()


class Near(Struct, frozen=True, kw_only=True):
    """An image that is like others. to: the nearest of them; distance: how far that is."""

    id: str
    to: str
    distance: Value


class GroupRule(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A declared check on all images of an asset together. Measures each alone, then judges them as a group.

    unit: of distances between them.
    """

    group: ClassVar[bool] = True
    unit: ClassVar[str] = ""

    def circle(self, spec: str) -> tuple[str, ...]:
        """What rules of other assets have in common with this one whose images are judged together with its own.

        spec: in which it is declared. Empty: those of its own asset are judged alone.
        """
        return ()

    def judge(self, measured: Measured) -> Finding:
        raise TypeError(f"{self.name} judges a group")

    def judge_group(self, members: Sequence[tuple[str, Measured]]) -> Mapping[str, Finding]:
        """A finding for each member's id. `members` come ranked: of a clashing pair the later is blamed."""
        raise NotImplementedError

    def clusters(self, members: Sequence[tuple[str, Measured]]) -> Sequence[Sequence[Near]]:
        """Members that are too much alike, directly or through others, whoever is blamed; each at least two, by id."""
        return ()


def verdict(rule: Rule, finding: Finding) -> Verdict:
    """The finding with the consequence that the rule declares for it."""
    return Verdict(
        rule=rule.name,
        status="pass" if finding.ok else _STATUS[rule.on_fail],
        on_fail=rule.on_fail,
        figure=finding.figure,
        unit=finding.unit,
        limit=finding.limit,
        others=finding.others,
    )
