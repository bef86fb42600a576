"""How the people in a picture hold themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imgbuild.extras import need
from imgbuild.providers.diffusers.preprocess.eye import Model
from imgbuild.providers.diffusers.preprocess.skeleton import JOINTS, Joint, draw

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

Box = tuple[float, float, float, float]  # left, top, width, height

_PERSON = "person"  # what the data sets for object detection call one


class Finder:
    """Finds people. threshold: how sure it has to be of one."""

    def __init__(self, folder: Path, threshold: float, device: str) -> None:
        self.model = Model("model for object detection", "AutoModelForObjectDetection", folder, device)
        self.threshold = threshold
        names = self.model.config.id2label
        self.labels = {number for number, name in names.items() if name.lower() == _PERSON}
        if not self.labels:
            raise self.model.misfit(f"knows no '{_PERSON}'", hint="take one that was trained on COCO")

    def boxes(self, picture: PILImage) -> list[Box]:
        """Where people are, the surest first."""
        seen = self.model.look(picture)
        read = self.model.processor.post_process_object_detection
        found = read(seen, threshold=self.threshold, target_sizes=[(picture.height, picture.width)])[0]
        boxes = zip(found["labels"].tolist(), found["boxes"].tolist(), strict=True)
        return [(x, y, right - x, low - y) for label, (x, y, right, low) in boxes if label in self.labels]


class PoseEye:
    """Skeletons on black. people: finds them; None: the whole picture shows one."""

    def __init__(self, folder: Path, people: Finder | None, threshold: float, device: str) -> None:
        need("cv2", "OpenCV", "'preprocess: pose'", "local")
        self.model = Model("model for pose estimation", "VitPoseForPoseEstimation", folder, device)
        self.people, self.threshold = people, threshold
        if self.model.config.num_labels < len(JOINTS):
            raise self.model.misfit(
                f"knows {self.model.config.num_labels} joints, not the {len(JOINTS)} of COCO",
                hint="take one that was trained on COCO",
            )

    def see(self, picture: PILImage) -> PILImage:
        whole = (0.0, 0.0, float(picture.width), float(picture.height))
        boxes = self.people.boxes(picture) if self.people else [whole]
        return draw(self._joints(picture, boxes) if boxes else [], picture.size)

    def _joints(self, picture: PILImage, boxes: list[Box]) -> list[dict[str, Joint]]:
        """Of each person, the joints that the model is sure of."""
        import torch

        experts = self.model.config.backbone_config.num_experts > 1  # the first is COCO's
        more = {"dataset_index": torch.zeros(len(boxes), dtype=torch.long)} if experts else {}
        seen = self.model.look(picture, {"boxes": [boxes]}, **more)
        people = self.model.processor.post_process_pose_estimation(seen, boxes=[boxes])[0]
        return [
            {
                name: (x, y)
                for name, (x, y), score in zip(
                    JOINTS, person["keypoints"].tolist(), person["scores"].tolist(), strict=False
                )
                if score >= self.threshold
            }
            for person in people
        ]
