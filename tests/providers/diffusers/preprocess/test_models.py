"""Models that see pictures for a ControlNet, with small weights of no meaning: what is done with their answers."""

import json

import pytest
from PIL import Image, ImageOps

from imgbuild.errors import ProviderFailed
from imgbuild.providers.diffusers.preprocess.depth import DepthEye
from imgbuild.providers.diffusers.preprocess.pose import Finder, PoseEye
from imgbuild.providers.diffusers.preprocess.segmentation import SegmentationEye, read_colors

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]
COLOURS = [[255, 0, 0], "lime", "#00f", "#ffffff", "black"]


@pytest.fixture
def picture():
    return ImageOps.pad(Image.radial_gradient("L"), (96, 64)).convert("RGB")


@pytest.fixture
def colours(tmp_path):
    path = tmp_path / "colours.json"
    path.write_text(json.dumps(COLOURS))
    return path


def test_depth_is_from_black_to_white(eyes, picture):
    eye = DepthEye(eyes / "depth", "cpu")
    seen = eye.see(picture)
    assert (seen.size, seen.mode, seen.getextrema()) == ((96, 64), "RGB", ((0, 255),) * 3)
    assert seen.tobytes() == eye.see(picture).tobytes()


def test_each_class_has_its_colour(eyes, picture, colours):
    eye = SegmentationEye(eyes / "segmentation", colours, "cpu")
    seen = eye.see(picture)
    assert (seen.size, seen.mode) == ((96, 64), "RGB")
    found = {colour for _, colour in seen.getcolors()}
    assert len(found) > 1
    assert found <= {(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)}
    assert seen.tobytes() == eye.see(picture).tobytes()


def test_a_colour_for_each_class(eyes, tmp_path):
    path = tmp_path / "colours.json"
    path.write_text('["red", "lime", "blue"]')
    with pytest.raises(ProviderFailed) as caught:
        SegmentationEye(eyes / "segmentation", path, "cpu")
    assert str(caught.value) == (
        "error: colours.json has 3 colours, and the model for semantic segmentation in segmentation knows 4 classes\n"
        "hint: write a list with a colour for each class, in their order: [red, green, blue] or '#rrggbb'"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"wall": "red"}', "it is no list"),
        ("[]", "it is no list"),
        ('["red", "rot"]', "'rot' is no colour: write a CSS name, '#rrggbb' or 'rgb(…)'"),
        ("[[0, 0, 256]]", "[0, 0, 256] is no colour"),
        ("[[0, 0]]", "[0, 0] is no colour"),
        ("[0, 0, 0]", "0 is no colour"),
        ("[[0, 0, 0.5]]", "[0, 0, 0.5] is no colour"),
        ("[", "Expecting value: line 1 column 2 (char 1)"),
    ],
)
def test_what_is_no_list_of_colours(tmp_path, text, why):
    path = tmp_path / "colours.json"
    path.write_text(text)
    with pytest.raises(ProviderFailed) as caught:
        read_colors(path)
    assert str(caught.value) == (
        f"error: colours.json names no colours: {why}\n"
        "hint: write a list with a colour for each class, in their order: [red, green, blue] or '#rrggbb'"
    )


def test_only_people_are_found(eyes, picture):
    every = Finder(eyes / "people", 0.0, "cpu")
    found = every.boxes(picture)
    assert 0 < len(found) <= 8
    every.labels = {0, 1}
    assert len(every.boxes(picture)) == 8
    assert Finder(eyes / "people", 1.0, "cpu").boxes(picture) == []


def test_a_model_that_knows_no_people(eyes, tmp_path):
    import shutil

    shutil.copytree(eyes / "people", tmp_path / "dogs")
    config = tmp_path / "dogs/config.json"
    config.write_text(config.read_text().replace("Person", "cat"))
    with pytest.raises(ProviderFailed) as caught:
        Finder(tmp_path / "dogs", 0.3, "cpu")
    assert str(caught.value) == (
        "error: the model for object detection in dogs knows no 'person'\nhint: take one that was trained on COCO"
    )


def test_poses_are_drawn_on_black(eyes, picture):
    whole = PoseEye(eyes / "pose", None, 0.0, "cpu")
    seen = whole.see(picture)
    assert (seen.size, seen.mode) == ((96, 64), "RGB")
    assert len(seen.getcolors()) > 10
    assert max(seen.getcolors())[1] == (0, 0, 0)
    assert seen.tobytes() == whole.see(picture).tobytes()
    each = PoseEye(eyes / "pose", Finder(eyes / "people", 0.0, "cpu"), 0.0, "cpu")
    assert each.see(picture).tobytes() != seen.tobytes()


def test_joints_that_are_not_sure_are_left_out(eyes, picture):
    found = {
        threshold: len(PoseEye(eyes / "pose", None, threshold, "cpu")._joints(picture, [(0, 0, 96, 64)])[0])
        for threshold in (-1e9, 1.0, 1e9)
    }
    assert found[-1e9] == 17 >= found[1.0] >= found[1e9] == 0


def test_where_nobody_is_found_it_is_black(eyes, picture):
    nobody = PoseEye(eyes / "pose", Finder(eyes / "people", 1.0, "cpu"), 0.0, "cpu")
    assert nobody.see(picture).getcolors() == [(96 * 64, (0, 0, 0))]


def test_poses_of_several_experts_are_those_of_people(eyes, picture, tmp_path):
    """ViTPose++ has an expert for each data set; the first is COCO's."""
    import torch
    from transformers import VitPoseConfig, VitPoseForPoseEstimation, VitPoseImageProcessor

    torch.manual_seed(0)
    config = VitPoseConfig.from_pretrained(eyes / "pose")
    config.backbone_config.num_experts = 3
    config.backbone_config.part_features = 4
    VitPoseForPoseEstimation(config).save_pretrained(tmp_path)
    VitPoseImageProcessor.from_pretrained(eyes / "pose").save_pretrained(tmp_path)
    assert PoseEye(tmp_path, None, 0.0, "cpu").see(picture).size == (96, 64)


def test_a_model_of_other_joints(eyes, tmp_path):
    from transformers import VitPoseConfig, VitPoseForPoseEstimation, VitPoseImageProcessor

    config = VitPoseConfig.from_pretrained(eyes / "pose")
    config.num_labels = 5
    VitPoseForPoseEstimation(config).save_pretrained(tmp_path / "faces")
    VitPoseImageProcessor.from_pretrained(eyes / "pose").save_pretrained(tmp_path / "faces")
    with pytest.raises(ProviderFailed) as caught:
        PoseEye(tmp_path / "faces", None, 0.3, "cpu")
    assert str(caught.value) == (
        "error: the model for pose estimation in faces knows 5 joints, not the 17 of COCO\n"
        "hint: take one that was trained on COCO"
    )
