"""Text to Specs: every YAML file of the project, checked, typed, and with its places."""

from imgbuild.spec.declared import Declared, Spec
from imgbuild.spec.load import load

__all__ = ["Declared", "Spec", "load"]
