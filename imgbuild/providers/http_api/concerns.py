"""What a reader has to consent to: whoever gets prompts, pictures and keys is named by the spec, and a stranger."""

from __future__ import annotations

from collections.abc import Sequence

from imgbuild.providers.http_api.addresses import origin
from imgbuild.providers.http_api.declaration import Declaration
from imgbuild.types import Concern


def concern_of(declared: Declaration) -> Concern:
    """Every host and every variable is in its words, so that another one asks anew."""
    form, own, hosts = declared.form, origin(declared.address), _listed(declared.origins)
    given = ["prompts", "pictures"] if declared.roles else ["prompts"]
    if form.key and hosts == own:
        given.append(f"what {form.key} holds")
    wants = [f"{_listed(given)} to {own}"]
    if form.key and hosts != own:
        wants.append(f"what {form.key} holds to {hosts}")
    if not form.key and not form.auth.oauth and hosts != own:
        wants.append(f"the names of its tasks to {hosts}")
    if (oauth := form.auth.oauth) is not None:
        wants.append(f"what {oauth.client_id} and {oauth.client_secret} hold to {origin(oauth.url)}")
        wants.append(f"the token from there to {hosts}")
    return Concern(wants=f"sends {_listed(wants)}", place=("params", "request", "url"))


def _listed(words: Sequence[str]) -> str:
    """The words as a list: a, b and c."""
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
