"""What this field knows better: settings that a model takes and that rarely give what is meant."""

from __future__ import annotations

from imgbuild.expand.context import Context
from imgbuild.expand.fit import Fit
from imgbuild.types import Where

HIGH_GUIDANCE = 20
FAR = 4  # times more or fewer pixels than a model was made for


def lint(context: Context, fit: Fit, where: Where) -> None:
    """Warn of what one model is asked for in every cell. where: the asset."""
    guidance = fit.fixed.get("guidance")
    if isinstance(guidance, int | float) and guidance > HIGH_GUIDANCE:
        context.warn(f"guidance {guidance} burns images: models are made for 1 to {HIGH_GUIDANCE}", where)
    # A model that takes any size has no size that it was made for; one that works in blocks of pixels has.
    made_for, blocks = fit.bound.capabilities.default_size, fit.bound.capabilities.multiple_of
    if blocks > 1 and isinstance(fit.size, tuple):
        times = (fit.size[0] * fit.size[1]) / (made_for[0] * made_for[1])
        if not 1 / FAR < times < FAR:
            sizes = f"{fit.size[0]}x{fit.size[1]} is far from the {made_for[0]}x{made_for[1]}"
            context.warn(f"{sizes} that model '{fit.bound.alias}' was made for", where)


def lint_prompt(context: Context, fit: Fit, prompt: str, where: Where) -> None:
    """Warn where the end of a prompt is surely not read: no tokenizer makes less than one token of a word.

    One token more stands at the end. where: the template of the prompt; it is told once for all cells.
    """
    reads = fit.bound.capabilities.prompt_tokens
    if 0 < reads < len(prompt) and len(prompt.split()) >= reads:
        context.warn(
            f"a prompt is longer than the {reads} tokens that model '{fit.bound.alias}' reads: its end is lost",
            where,
        )
