"""Colour differences against the pairs that Sharma, Wu and Dalal published with the formula."""

import numpy as np
import pytest

from imgbuild.colours import delta_e, lab

# L*, a*, b* of two colours, and their distance: the pairs of table 1 that each take another way through the formula.
PAIRS = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0),
    ((50, 0, 0), (50, -1, 2), 2.3669),
    ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
    ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
    ((50, -0.001, 2.49), (50, 0.0009, -2.49), 4.8045),
    ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((50, 2.5, 0), (61, -5, 29), 22.8977),
    ((50, 2.5, 0), (56, -27, -3), 31.9030),
    ((50, 2.5, 0), (58, 24, 15), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((63.0109, -31.0961, -5.8663), (62.8187, -29.7946, -4.0864), 1.2630),
    ((35.0831, -44.1164, 3.7933), (35.0232, -40.0716, 1.5901), 1.8645),
    ((36.4612, 47.858, 18.3852), (36.2715, 50.5065, 21.2231), 1.4146),
    ((90.8027, -2.0831, 1.441), (91.1528, -1.6435, 0.0447), 1.4441),
    ((6.7747, -0.2908, -2.4247), (5.8714, -0.0985, -2.2286), 0.6377),
    ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("one", "other", "distance"), PAIRS)
def test_the_published_distances(one, other, distance):
    pair = np.array([one, other], dtype=float)
    assert delta_e(pair[0], pair[1]) == pytest.approx(distance, abs=5e-5)
    assert delta_e(pair[1], pair[0]) == pytest.approx(distance, abs=5e-5)


def test_many_at_once():
    ones, others = (np.array([pair[at] for pair in PAIRS], dtype=float) for at in (0, 1))
    assert np.diagonal(delta_e(ones[:, None], others[None])) == pytest.approx(
        [pair[2] for pair in PAIRS], abs=5e-5
    )


def test_lab_of_srgb():
    rgb = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255], [119, 119, 119]], dtype=float)
    wanted = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86], [50.03, 0, 0]]
    assert lab(rgb) == pytest.approx(np.array(wanted), abs=0.01)
