"""What a model is now: the version to pin, and what its input is. Nothing here costs money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgbuild.errors import ProviderFailed
from imgbuild.providers.replicate.api import Look, part_of
from imgbuild.providers.replicate.schema import Found, found_in
from imgbuild.providers.replicate.source import VERSION, Named

if TYPE_CHECKING:
    from replicate.client import Client


def look_up(named: Named, look: Look) -> tuple[str, Found]:
    """The version that is pinned, empty where there is none to pin, and what the model takes.

    look: gives what the API says to one call of the SDK. Raises ProviderFailed, and what `look` raises.
    """
    if named.version:
        return named.version, _of_version(named, named.owner, named.name, named.version, look)
    if named.deployment:
        return "", _of_deployment(named, look)
    told = look(lambda client: client.models.get(named.model))
    version, official = _version(part_of(told, "latest_version", "id")), bool(told.get("is_official"))
    if not version and not official:
        raise ProviderFailed(f"the model '{named.model}' has no version yet", hint="name another 'source'")
    document = part_of(told, "latest_version", "openapi_schema")
    return "" if official else version, _sure(named, found_in(document, version, official=official))


def _of_deployment(named: Named, look: Look) -> Found:
    """By the version that is deployed now; which one that is can change, so it is not pinned."""
    told = look(lambda client: client.deployments.get(named.model))
    owner, _, name = str(part_of(told, "current_release", "model")).partition("/")
    version = _version(part_of(told, "current_release", "version"))
    if not version or not name:
        raise ProviderFailed(f"nothing is deployed as '{named.model}'", hint="name another 'source'")
    return _of_version(named, owner, name, version, look)


def _of_version(named: Named, owner: str, name: str, version: str, look: Look) -> Found:
    def get(client: Client) -> object:
        from replicate.version import Versions

        return Versions(client, (owner, name)).get(version)

    return _sure(named, found_in(look(get).get("openapi_schema"), version))


def _sure(named: Named, found: Found | None) -> Found:
    if found is None:
        raise ProviderFailed(
            f"the model '{named.model}' does not say what it takes", hint="name another, or another version"
        )
    return found


def _version(given: Any) -> str:
    return given if isinstance(given, str) and VERSION.fullmatch(given) else ""
