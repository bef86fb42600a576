"""What an HTTP status means, and the way out where a model is gone."""

import pytest

from imgbuild.errors import ProviderFailed
from imgbuild.providers.status import failure_by

STAYS = "what is locked and stored stays, and needs no model"


@pytest.mark.parametrize(
    ("model", "hint"),
    [
        ("gpt-image-1", f"name another 'source', such as gpt-image-2; {STAYS}"),
        ("gpt-image-1.5-2025-12-16", f"name another 'source', such as gpt-image-2.6-sunburst; {STAYS}"),
        ("flux-9", f"name another 'source'; {STAYS}"),
    ],
)
def test_a_model_that_is_gone(model, hint):
    error = failure_by(404, "Not found.", model)
    assert (type(error), error.message) == (
        ProviderFailed,
        f"there is no model '{model}' any more: Not found.",
    )
    assert error.hint == hint
