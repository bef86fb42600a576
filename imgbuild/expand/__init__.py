"""Specs to Targets: matrices, templates, seeds, routes, names. Pure but for looking at tables and input files."""

from imgbuild.expand.context import Context, Notice
from imgbuild.expand.edges import Part
from imgbuild.expand.expansion import Expansion, expand, expand_asset
from imgbuild.expand.seeds import attempt_seed, derive_seed

__all__ = ["Context", "Expansion", "Notice", "Part", "attempt_seed", "derive_seed", "expand", "expand_asset"]
