"""Any image API that speaks HTTP: the model's declaration says what is sent, and how answers are read."""

from imgbuild.providers.http_api.provider import HttpApi

__all__ = ["HttpApi"]
