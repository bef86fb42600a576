"""From what is declared to what sees it."""

from __future__ import annotations

from imgbuild.providers.diffusers.looks import Canny, Depth, Look, Pose
from imgbuild.providers.diffusers.parts import Places
from imgbuild.providers.diffusers.preprocess.canny import EdgeEye
from imgbuild.providers.diffusers.preprocess.depth import DepthEye
from imgbuild.providers.diffusers.preprocess.eye import Eye
from imgbuild.providers.diffusers.preprocess.pose import Finder, PoseEye
from imgbuild.providers.diffusers.preprocess.segmentation import SegmentationEye


def eye_for(look: Look, places: Places, device: str) -> Eye:
    """What sees pictures in that way. Raises TargetError where a library is missing, or a model can't be loaded."""
    if isinstance(look, Canny):
        return EdgeEye(look)
    if isinstance(look, Depth):
        return DepthEye(places.of(look.depth), device)
    if isinstance(look, Pose):
        finder = Finder(places.of(look.people), look.threshold, device) if look.people else None
        return PoseEye(places.of(look.pose), finder, look.threshold, device)
    return SegmentationEye(places.of(look.segmentation), places.of(look.colors), device)
