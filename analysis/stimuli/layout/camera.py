"""Cameras: how the mean face, as a rigid body, stands in a picture.

A camera is a (2, 4) matrix: a point (x, y, height) of the mean face is seen at
`camera[:, :3] @ point + camera[:, 3]`, in shares of the picture's side (weak perspective).

Rigid on purpose. Outlines drawn through a face's own landmarks would follow its expression: from
the 68 landmarks of a face alone a linear classifier tells the expression (balanced accuracy 0.47 on
PublicTest, chance 0.14), and a mask cut along them would tell the model as well.
"""

import numpy as np
import torch
from torch import Tensor

from analysis.stimuli.landmarks import USUAL_68, mean_landmarks
from analysis.stimuli.layout.rotation import rotation_matrix

FRONTAL = torch.eye(3, 4)[:2]
# Of the usual 68 landmarks those that hardly move with the expression: the sides of the face down
# to the ears, bridge and wings of the nose, corners of the eyes.
RIGID = (0, 1, 2, 14, 15, 16, *range(27, 36), 36, 39, 42, 45)
CROP = (33, 133, 362, 263, 61, 291)  # corners of eyes and mouth
ITERATIONS = 15  # the height of each landmark is found together with the pose


def fit_cameras(points: np.ndarray) -> Tensor:
    """(N, 2, 4) cameras from the 68 usual landmarks; the frontal one for a face without any.

    The scaled orthographic pose with the least squared error over the 19 landmarks that hardly move
    with the expression, found by alternating between the landmarks' heights and the similarity
    from the mean face (as POSIT does, DeMenthon & Davis, IJCV 1995). On PublicTest it then places
    the mouth to 0.85 px of 48, the chin to 1.0, brows to 0.9 and eyes to 0.5 (medians).

    Args:
        points: (N, 68, 2) x and y in shares of the picture's side, NaN where unknown.
    """
    cameras = FRONTAL.repeat(len(points), 1, 1)
    known = np.isfinite(points).all((1, 2))
    if known.any():
        seen = points[known][:, RIGID].astype(np.float64)
        cameras[torch.from_numpy(known)] = torch.from_numpy(_fit(seen)).float()
    return cameras


def _fit(seen: np.ndarray) -> np.ndarray:
    face = mean_landmarks()[[USUAL_68[i] for i in RIGID]]
    centre = face.mean(0)
    heights = np.broadcast_to(face[:, 2], seen.shape[:2])
    for _ in range(ITERATIONS):
        target = np.concatenate([seen, heights[..., None]], -1)
        middle = target.mean(1, keepdims=True)
        left, singular, right = np.linalg.svd(
            (target - middle).transpose(0, 2, 1) @ (face - centre)
        )
        signs = np.ones_like(singular)
        signs[:, 2] = np.sign(np.linalg.det(left @ right))
        scale = (singular * signs).sum(1) / ((face - centre) ** 2).sum()
        rotation = scale[:, None, None] * ((left * signs[:, None]) @ right)
        heights = ((face - centre) @ rotation.transpose(0, 2, 1) + middle)[..., 2]
    offset = middle[:, 0] - rotation @ centre
    return np.concatenate([rotation, offset[..., None]], -1)[:, :2]


def turned_camera(yaw_deg: float, pitch_deg: float, roll_deg: float) -> Tensor:
    """(2, 4): the mean face turned, and moved so that eyes and mouth stay where they are on
    average, as a new crop would; roll is about the picture's middle.

    Angles as in `analysis.stimuli.pose`.
    """
    face = mean_landmarks()
    crop = face[list(CROP)].mean(0)
    rotation = rotation_matrix(yaw_deg, pitch_deg, 0)[:2]
    offset = crop[:2] - rotation @ crop
    camera = np.concatenate([rotation, offset[:, None]], 1)
    return rolled(torch.from_numpy(camera).float()[None], roll_deg)[0]


def rolled(cameras: Tensor, roll_deg: float) -> Tensor:
    """Cameras (N, 2, 4) of pictures that are turned clockwise about their middle."""
    if not roll_deg:
        return cameras
    roll = torch.from_numpy(rotation_matrix(0, 0, roll_deg)[:2, :2]).float()
    middle = torch.tensor([0.0, 0.0, 0.0, 0.5])
    return roll @ (cameras - middle) + middle
