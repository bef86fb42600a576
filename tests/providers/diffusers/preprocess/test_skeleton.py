"""Skeletons are drawn as OpenPose draws them."""

import pytest

from imgbuild.providers.diffusers.preprocess.skeleton import JOINTS, draw

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

SIZE = (512, 512)
# OpenPose's own numbers of joints, and their colours: its COCO model has these eighteen.
COLOURS = {
    "nose": (255, 0, 0),
    "right shoulder": (255, 170, 0),
    "right elbow": (255, 255, 0),
    "right wrist": (170, 255, 0),
    "left shoulder": (85, 255, 0),
    "left elbow": (0, 255, 0),
    "left wrist": (0, 255, 85),
    "right hip": (0, 255, 170),
    "right knee": (0, 255, 255),
    "right ankle": (0, 170, 255),
    "left hip": (0, 85, 255),
    "left knee": (0, 0, 255),
    "left ankle": (85, 0, 255),
    "right eye": (170, 0, 255),
    "left eye": (255, 0, 255),
    "right ear": (255, 0, 170),
    "left ear": (255, 0, 85),
}


def test_nobody_is_black():
    assert draw([], (40, 20)).getcolors() == [(800, (0, 0, 0))]


def test_each_joint_has_its_colour():
    joints = {name: (40 + 25.0 * at, 100.0 + 40 * (at % 7)) for at, name in enumerate(JOINTS)}
    seen = draw([joints], SIZE)
    found = {name: seen.getpixel(tuple(map(round, at))) for name, at in joints.items()}
    assert found == COLOURS


def test_the_neck_is_between_the_shoulders_and_needs_both():
    shoulders = {"left shoulder": (300.0, 200.0), "right shoulder": (200.0, 210.0)}
    assert draw([shoulders], SIZE).getpixel((250, 205)) == (255, 85, 0)
    del shoulders["left shoulder"]
    assert len(draw([shoulders], SIZE).getcolors()) == 2


def test_a_limb_is_an_ellipse_between_its_joints():
    seen = draw([{"right elbow": (100.0, 300.0), "right wrist": (300.0, 300.0)}], SIZE)
    assert seen.getpixel((200, 300)) == (153, 153, 0)
    column = [seen.getpixel((200, y)) != (0, 0, 0) for y in range(512)]
    assert (column.index(True), sum(column)) == (296, 9)
    assert seen.getbbox() == (96, 296, 305, 305)


def test_it_is_as_fine_as_the_picture_is_small():
    wrist = {"left wrist": (20.0, 20.0)}
    assert draw([wrist], (64, 48)).getbbox() == (19, 19, 22, 22)
    assert draw([wrist], (1024, 2048)).getbbox() == (12, 12, 29, 29)


def test_joints_lie_above_limbs_of_others_and_may_lie_outside():
    lying = {"right elbow": (-50.0, 100.0), "right wrist": (600.0, 100.0)}
    standing = {"nose": (100.0, 100.0)}
    for people in ([lying, standing], [standing, lying]):
        assert draw(people, SIZE).getpixel((100, 100)) == (255, 0, 0)
