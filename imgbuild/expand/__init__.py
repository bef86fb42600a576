"""Specs to Targets: matrices, templates, seeds, routes, names. Pure but for looking at tables and input files."""

from imgbuild.expand.context import Notice
from imgbuild.expand.expansion import Drafts, Expansion, expand, read_drafts
from imgbuild.expand.seeds import attempt_seed, derive_seed

__all__ = ["Drafts", "Expansion", "Notice", "attempt_seed", "derive_seed", "expand", "read_drafts"]
