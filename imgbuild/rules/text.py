"""What is written in a picture: one network finds the lines of it, another reads them.

Liao et al., "Real-time Scene Text Detection with Differentiable Binarization", AAAI 2020; Shi et al., "An End-to-End
Trainable Neural Network for Image-Based Sequence Recognition", PAMI 39 (2017); with the numbers of PP-OCR.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from string import ascii_lowercase, digits
from typing import TYPE_CHECKING, ClassVar

from imgbuild.errors import ProviderFailed
from imgbuild.extras import need
from imgbuild.images import Picture
from imgbuild.rules.band import check_bounds
from imgbuild.rules.base import Measured, Rule
from imgbuild.types import Finding, Value
from imgbuild.weights.networks import Networks, Weights
from imgbuild.weights.onnx import session_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 736  # pixels of the square in which lines are looked for, where the network leaves it open
HEIGHT = 48  # pixels that a line is scaled to before it is read, likewise
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of blue, green and red, as PP-OCR was trained
MARKED, SURE = 0.3, 0.5  # how likely text must be in a place, and in all of a line
LEAST = 3  # pixels: what is smaller is no line
GROWN = 1.6  # by how much of its area to its outline a line is larger than what is marked


class Text(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds where at most `max` lines of text are found (0: none), and all words of `contains` are read.

    model: a declared model of provider `weights`: one ONNX file that finds lines, as PP-OCR's detection does. reader:
    another that reads them, PP-OCR's or CRNN; only `contains` needs it. letters: what it reads, in its order. Words are
    compared without capitals and marks. Small letters in large pictures are not found. Needs imgbuild[onnx,local].
    """

    name: ClassVar[str] = "text"
    example: ClassVar[str] = "{model: ppocr, max: 0}"
    unit: ClassVar[str] = "lines"
    model_fields: ClassVar[tuple[str, ...]] = ("model", "reader")

    model: str
    max: int | None = None
    contains: list[str] = []
    reader: str | None = None
    letters: str = digits + ascii_lowercase

    def __post_init__(self) -> None:
        check_bounds(None, self.max, "", "max")
        if self.max is None and not self.contains:
            raise ValueError("text has nothing to check: give max, contains or both")
        if bool(self.contains) != (self.reader is not None):
            raise ValueError(
                "contains and reader go together: one says what is to be read, the other by what"
            )

    def measured_by(self) -> Mapping[str, Value]:
        return {"letters": self.letters} if self.reader else {}

    def measure_by(self, picture: Picture, files: Mapping[str, bytes], networks: Networks) -> Measured:
        import numpy as np

        need("cv2", "OpenCV", "'text'", "local")
        need("onnxruntime", "ONNX Runtime", "'text'", "onnx")
        pixels = np.ascontiguousarray(np.asarray(picture.flat)[..., ::-1])
        with networks.at_work("text finder", self.model, Finder) as finder:
            lines = finder.find(pixels)
        if self.reader is None:
            return {"lines": [""] * len(lines)}
        with networks.at_work("text reader", self.reader, Reader) as reader:
            return {"lines": [reader.read(pixels, line, self.letters) for line in lines]}

    def judge(self, measured: Measured) -> Finding:
        lines = measured["lines"]
        if self.max is not None and len(lines) > self.max:
            return Finding(ok=False, figure=len(lines), unit=self.unit, limit=f"at most {self.max}")
        if not self.contains:
            return Finding(ok=True, figure=len(lines), unit=self.unit, limit=f"at most {self.max}")
        read = _plain(" ".join(lines))
        ok = all(_plain(word) in read for word in self.contains)
        return Finding(ok=ok, figure=" ".join(lines), limit=f"contains {', '.join(self.contains)}")


def _plain(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


class Finder:
    """A network that says of each place how likely it is to be text."""

    def __init__(self, weights: Weights) -> None:
        self.session, self.source = session_of(weights), weights.source
        self.given = self.session.get_inputs()[0]
        if len(self.given.shape) != 4 or self.given.shape[1] != 3:
            raise _misfit(self.source, "finds text: it takes no picture of three colours")

    def find(self, picture: NDArray[np.uint8]) -> Sequence[NDArray[np.float32]]:
        """The corners of each line, in pixels, from the upper left clockwise; lines from the top.

        picture: blue, green, red.
        """
        import cv2
        import numpy as np

        height, width = (size if isinstance(size, int) else SIDE for size in self.given.shape[2:])
        levels = cv2.resize(picture, (width, height)).astype(np.float32) / 255
        ready = ((levels - np.asarray(MEAN)) / np.asarray(SPREAD)).transpose(2, 0, 1)[None].astype(np.float32)
        likely = np.asarray(self.session.run(None, {self.given.name: ready})[0])
        if likely.size != height * width:
            raise _misfit(self.source, "finds text: it gives no map of the picture")
        across, down = picture.shape[1] / width, picture.shape[0] / height
        lines = [corners * (across, down) for corners in boxes(likely.reshape(height, width))]
        return sorted(lines, key=lambda corners: (float(corners[:, 1].min()), float(corners[:, 0].min())))


def boxes(likely: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """The rectangles around what is likely text, grown, since the network marks the inner part of a line alone."""
    import cv2
    import numpy as np

    marked = (likely > MARKED).astype(np.uint8)
    outlines, _ = cv2.findContours(marked, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for outline in outlines:
        centre, (wide, high), angle = cv2.minAreaRect(outline)
        inside = np.zeros_like(marked)
        cv2.drawContours(inside, [outline], -1, 1, cv2.FILLED)
        if min(wide, high) < LEAST or likely[inside > 0].mean() < SURE:
            continue
        more = 2 * GROWN * wide * high / (2 * (wide + high))
        yield _clockwise(cv2.boxPoints((centre, (wide + more, high + more), angle)))


def _clockwise(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """From the upper left: of a rectangle's corners, as OpenCV gives them in any turn."""
    import numpy as np

    left, right = np.split(corners[np.argsort(corners[:, 0], kind="stable")], 2)
    upper_left, lower_left = left[np.argsort(left[:, 1], kind="stable")]
    upper_right, lower_right = right[np.argsort(right[:, 1], kind="stable")]
    return np.array([upper_left, upper_right, lower_right, lower_left], dtype=np.float32)


class Reader:
    """A network that reads one line: for each column, how likely each letter is, after how likely none is."""

    def __init__(self, weights: Weights) -> None:
        self.session, self.source = session_of(weights), weights.source
        self.given = self.session.get_inputs()[0]
        if len(self.given.shape) != 4 or self.given.shape[1] not in (1, 3):
            raise _misfit(self.source, "reads text: it takes no picture of one line")

    def read(self, picture: NDArray[np.uint8], corners: NDArray[np.float32], letters: str) -> str:
        """What stands in the line with these corners."""
        import cv2
        import numpy as np

        width, height = self._size(corners)
        square = np.array(
            [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], dtype=np.float32
        )
        turned = cv2.getPerspectiveTransform(corners.astype(np.float32), square)
        cut = cv2.warpPerspective(picture, turned, (width, height))
        if self.given.shape[1] == 1:
            cut = cv2.cvtColor(cut, cv2.COLOR_BGR2GRAY)[..., None]
        ready = ((cut.astype(np.float32) - 127.5) / 127.5).transpose(2, 0, 1)[None]
        made = np.asarray(self.session.run(None, {self.given.name: ready})[0])
        if made.shape[-1] < 1 + len(letters):
            raise _misfit(self.source, f"reads these {len(letters)} letters: it knows {made.shape[-1] - 1}")
        return spelled(made.reshape(-1, made.shape[-1]).argmax(axis=1).tolist(), letters)

    def _size(self, corners: NDArray[np.float32]) -> tuple[int, int]:
        """The width and height of what goes in; where the network leaves its width open, as the line's ratio has it."""
        high, wide = self.given.shape[2:]
        height = high if isinstance(high, int) else HEIGHT
        if isinstance(wide, int):
            return wide, height
        across, down = abs(corners[1] - corners[0]).max(), abs(corners[3] - corners[0]).max()
        return max(height, round(float(height * across / max(1.0, float(down))))), height


def spelled(places: Sequence[int], letters: str) -> str:
    """The letters at these places, 1 for the first; 0 is none. One that goes on is one (greedy CTC)."""
    kept = (place for place, before in zip(places, [0, *places], strict=False) if place and place != before)
    return "".join(letters[place - 1] if place <= len(letters) else " " for place in kept)


def _misfit(source: str, does: str) -> ProviderFailed:
    return ProviderFailed(
        f"'{source}' is no network that {does}", hint="known are PP-OCR's, and CRNN as OpenCV's zoo has it"
    )
