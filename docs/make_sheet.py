"""Lays the published pictures of specs/ out on one sheet, for the README: docs/contact-sheet.webp.

Run it after `imgbuild build specs/`, from anywhere.
"""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
SHEET = ROOT / "docs" / "contact-sheet.webp"
WIDTH, GAP, PAPER = 1600, 10, "#faf8f3"  # pixels, pixels, the ground

SHAPES = ("hexagon", "diamond", "star")
STYLES = ("striped", "outlined")
CHAPTERS = ("specs", "matrix", "graph", "store", "lock", "rules", "providers", "watch")

ROWS = (
    ("docs/header_day.webp", "docs/header_night.webp"),
    tuple(f"logo/day-{shape}-{style}.png" for style in STYLES for shape in SHAPES),
    tuple(f"logo/night-{shape}-{style}.png" for style in STYLES for shape in SHAPES),
    tuple(f"docs/{chapter}.webp" for chapter in CHAPTERS),
    ("brand/mark.png", "social/day_0.jpg", "social/night_1.jpg", "pattern/night_0.png"),
)


def main() -> None:
    rows = [lay_row(names) for names in ROWS]
    height = sum(row.height for row in rows) + GAP * (len(rows) + 1)
    sheet = Image.new("RGB", (WIDTH, height), PAPER)
    top = GAP
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height + GAP
    sheet.save(SHEET, quality=82, method=6)


def lay_row(names: Sequence[str]) -> Image.Image:
    """The pictures side by side at one height, so that they fill the width."""
    pictures = [Image.open(ROOT / "out" / name).convert("RGB") for name in names]
    room = WIDTH - GAP * (len(pictures) + 1)
    height = round(room / sum(picture.width / picture.height for picture in pictures))
    row = Image.new("RGB", (WIDTH, height), PAPER)
    left = GAP
    for at, picture in enumerate(pictures, start=1):
        width = round(picture.width * height / picture.height)
        width = WIDTH - GAP - left if at == len(pictures) else width
        row.paste(picture.resize((width, height), Image.Resampling.LANCZOS), (left, 0))
        left += width + GAP
    return row


if __name__ == "__main__":
    main()
