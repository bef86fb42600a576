"""What people write for a picture: phrasings with synonyms, gaps, and words that mean nothing here."""

import random
import string

from training.icons import BACKGROUNDS, COLOURS, PLACES, Icon, Thing
from training.shapes import SHAPES

FILLERS = (
    "modern", "minimal", "simple", "clean", "vector", "brand", "professional", "icon", "logo", "symbol", "emblem",
    "sign", "badge", "nice", "design", "graphic", "bright", "illustration", "image", "photo", "beautiful", "cute",
    "company", "style",
)  # fmt: skip
"""Words that a prompt may have and the picture doesn't show."""

OPENINGS = (
    "", "", "", "", "icon of ", "an icon of ", "flat icon of ", "a simple icon of ", "a picture of ", "logo with ",
    "a drawing of ", "a logo of ",
)  # fmt: skip

SIZE_WORDS = {
    "small": ("small", "small", "tiny", "little"),
    "medium": ("medium", "medium", "medium sized"),
    "large": ("large", "large", "big", "huge"),
}
PLACE_WORDS = {
    "center": (" in the center", " in the middle", " centered"),
    "left": (" on the left", " at the left"),
    "right": (" on the right", " at the right"),
    "top": (" at the top", " on top"),
    "bottom": (" at the bottom", " at the bottom"),
}
STYLE_TAILS = {
    "outlined": " with an outline",
    "striped": " with stripes",
    "gradient": " with a soft gradient",
}
SHAPE_WORDS = {"crescent": ("moon", "crescent moon"), "drop": ("droplet", "water drop"), "cross": ("plus",)}
"""Other names of shapes, used one time in six."""

BACKGROUND_PHRASES = (
    " on {a} background", " on {a} background", ", {name} background", " on {name}", " against {a} background",
    ", on a plain {name} background",
)  # fmt: skip


def with_article(words: str) -> str:
    return ("an " if words[0] in "aeiou" else "a ") + words


def name_shape(shape: str, chance: random.Random, full: bool) -> str:
    others = SHAPE_WORDS.get(shape, ())
    return chance.choice(others) if others and not full and chance.random() < 1 / 6 else shape


def name_background(background: str, chance: random.Random, full: bool) -> str:
    """The end of a phrase; left out one time in twenty unless the phrase must be full."""
    if not full and chance.random() < 0.05:
        return ""
    name = "grey" if background == "gray" and not full and chance.random() < 0.3 else background
    return chance.choice(BACKGROUND_PHRASES).format(name=name, a=with_article(name))


def describe_two(icon: Icon, chance: random.Random, full: bool) -> str:
    first, second = (with_article(f"{t.colour} {name_shape(t.shape, chance, full)}") for t in icon.things)
    if icon.things[0].place == "left":
        forms = ("{0} and {1}", "{0} next to {1}", "{0} on the left and {1} on the right", "{0} left of {1}")
    else:
        forms = ("{0} above {1}", "{0} over {1}", "{0} at the top and {1} at the bottom")
    return chance.choice(forms).format(first, second)


def describe_one(thing: Thing, chance: random.Random, full: bool) -> str:
    """Size, style, colour, shape and place; unless full, what goes without saying is mostly left out."""

    def says(usual: bool) -> bool:
        return full or chance.random() < (0.3 if usual else 0.93)

    size = chance.choice(SIZE_WORDS[thing.size]) if says(thing.size == "medium") else ""
    style = thing.style if says(thing.style == "flat") else ""
    place = chance.choice(PLACE_WORDS[thing.place]) if says(thing.place == "center") else ""
    tail = STYLE_TAILS.get(style, "") if chance.random() < 0.4 else ""
    words = (size, "" if tail else style, thing.colour, name_shape(thing.shape, chance, full))
    return with_article(" ".join(word for word in words if word)) + tail + place


def describe(icon: Icon, chance: random.Random, *, full: bool = False) -> str:
    """One phrasing of a picture. A full one names every attribute, as judging needs."""
    opening = chance.choice(OPENINGS)
    if len(icon.things) == 2:
        middle = describe_two(icon, chance, full)
    else:
        middle = describe_one(icon.things[0], chance, full)
        if opening.startswith("flat") and icon.things[0].style != "flat":
            opening = "icon of "
    if not opening and chance.random() < 0.12:
        middle = middle.removeprefix("an ").removeprefix("a ")
    return opening + middle + name_background(icon.background, chance, full)


def distract(phrase: str, chance: random.Random) -> str:
    """A phrase with fillers, an unknown word, or a little carelessness, one time in five."""
    dice = chance.random()
    filler = chance.choice(FILLERS)
    if dice < 0.04:
        return f"{filler} {phrase}"
    if dice < 0.10:
        return f"{phrase}, {filler} {chance.choice(FILLERS)}"
    if dice < 0.15:
        return f"{phrase} {''.join(chance.choices(string.ascii_lowercase, k=chance.randint(2, 6)))}"
    if dice < 0.20:
        return phrase.replace(",", "").replace("background", chance.choice(["bg", "background"]))
    return phrase


def vocabulary() -> list[str]:
    """Every word that the phrasings use, sorted."""
    words = {*FILLERS, *SHAPES, *COLOURS, *BACKGROUNDS, *PLACES, "grey", "bg", "a", "an", "and", "plain"}
    words |= {
        "next",
        "to",
        "left",
        "right",
        "of",
        "above",
        "over",
        "at",
        "the",
        "top",
        "bottom",
        "on",
        "against",
    }
    words |= {"background", "drawing", "picture", "with", "for"}
    for group in (
        *SIZE_WORDS.values(),
        *PLACE_WORDS.values(),
        STYLE_TAILS,
        STYLE_TAILS.values(),
        *SHAPE_WORDS.values(),
    ):
        words |= {word for phrase in group for word in phrase.split()}
    return sorted(words)
