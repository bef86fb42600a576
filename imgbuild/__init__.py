"""imgbuild: make for generated images."""

__version__ = "0.1.0"
