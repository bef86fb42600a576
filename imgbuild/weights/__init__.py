"""Weights of the project or of the hub: which files, their digest, where they are, and what was loaded of them."""
