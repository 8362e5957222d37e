"""From heads to pixels: rotation, weak perspective, one z-buffer for everything in the scene.

R = Rz(roll) Ry(yaw) Rx(pitch). Positive yaw turns the face to the picture's right, positive
pitch up, positive roll clockwise in the picture.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

# Framed as FER2013's crops are, so that one mean layout of the face serves both: eyes at 39% of the
# height, mouth at 77%, the chin at the lower edge.
UNITS_ACROSS = 2.12  # head units from one side of the picture to the other
ANCHOR = (0.0, -0.04, 0.50)  # the point that a crop centres on, whatever the pose
DEPTH_RANGE = 4.0  # everything lies within +- this depth
STEP = 0.10  # head units; a pixel this far behind both its neighbours was seen through a gap


@dataclass
class Camera:
    """The view of N heads.

    Attributes:
        rotation: (N, 3, 3) head to camera; camera z points to the viewer.
        scale: (N, 1) pixels per head unit.
        offset: (N, 2) pixel coordinates of the rotated origin; pixel centres are at k + 0.5.
    """

    rotation: Tensor
    scale: Tensor
    offset: Tensor

    def turn(self, points: Tensor) -> Tensor:
        """Head coordinates (N, 3, ...) in the camera's axes."""
        r = self.rotation.view(self.rotation.shape + (1,) * (points.ndim - 2))
        x, y, z = points.unbind(1)
        rows = [r[:, k, 0] * x + r[:, k, 1] * y + r[:, k, 2] * z for k in range(3)]
        return torch.stack(rows, 1)

    def project(self, points: Tensor) -> Tensor:
        """Head coordinates (N, 3, ...) as column, row and depth, (N, 3, ...)."""
        x, y, z = self.turn(points).unbind(1)
        view = (-1,) + (1,) * (x.ndim - 1)
        scale = self.scale.view(view)
        column = self.offset[:, 0].view(view) + scale * x
        return torch.stack([column, self.offset[:, 1].view(view) - scale * y, z], 1)


def rotation_matrix(yaw: Tensor, pitch: Tensor, roll: Tensor) -> Tensor:
    """(N, 3, 3) from (N,) angles in degrees."""
    (sy, sp, sr), (cy, cp, cr) = (
        [function(torch.deg2rad(angle)) for angle in (yaw, pitch, roll)]
        for function in (torch.sin, torch.cos)
    )
    entries = [  # Rx lifts the nose, Ry turns it right, Rz rolls clockwise as y points up
        cr * cy, -cr * sy * sp + sr * cp, cr * sy * cp + sr * sp,
        -sr * cy, sr * sy * sp + cr * cp, -sr * sy * cp + cr * sp,
        -sy, -cy * sp, cy * cp,
    ]
    return torch.stack(entries, 1).view(-1, 3, 3)


def build_camera(p, pose: Tensor, size: int) -> Camera:
    """The camera that looks at these heads in a picture of size x size pixels."""
    rotation = rotation_matrix(*pose.unbind(1))
    scale = size / UNITS_ACROSS * p.scale.view(-1, 1)
    anchor = torch.tensor(ANCHOR, device=rotation.device)
    ax, ay = (
        (rotation[:, k, 0] * anchor[0] + rotation[:, k, 1] * anchor[1])
        + rotation[:, k, 2] * anchor[2]
        for k in (0, 1)
    )
    right, down = p.shift_right.view(-1) * size, p.shift_down.view(-1) * size
    offset = [size / 2 - scale[:, 0] * ax + right, size / 2 + scale[:, 0] * ay + down]
    return Camera(rotation, scale, torch.stack(offset, 1))


def z_buffer(projected: Tensor, drawn: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The nearest vertex at each pixel.

    Args:
        projected: (N, 3, V) columns, rows and depths.
        drawn: (N, V) bool, False for vertices that cannot be seen.
        size: pixels a side.

    Returns:
        (N, size, size) index of the vertex, -1 on the background, and its depth.
    """
    column, row, depth = projected.unbind(1)
    inside = drawn & (column >= 0) & (column < size) & (row >= 0) & (row < size)
    pixel = row.long().clamp(0, size - 1) * size + column.long().clamp(0, size - 1)
    pixel = torch.where(inside, pixel, size * size)  # one more bin takes what is not drawn
    level = ((depth + DEPTH_RANGE) * (2**28 / DEPTH_RANGE)).long()
    index = torch.arange(column.shape[1], device=column.device)
    keys = torch.full((len(column), size * size + 1), -1, dtype=torch.int64, device=column.device)
    keys.scatter_reduce_(1, pixel, (level << 32) | index, "amax")
    return _closed(keys[:, :-1].view(-1, size, size))


def _closed(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Fills pinholes between splats: one or two pixels far behind both ends of a row or column."""
    size = keys.shape[-1]
    padded = F.pad(keys, (2, 2, 2, 2), value=-1)

    def shifted(down, right):
        return padded[:, 2 + down : 2 + down + size, 2 + right : 2 + right + size]

    around = torch.full_like(keys, -1)
    for before, after in ((1, 1), (1, 2), (2, 1)):
        across = torch.minimum(shifted(0, -before), shifted(0, after))
        along = torch.minimum(shifted(-before, 0), shifted(after, 0))
        around = torch.maximum(around, torch.maximum(across, along))
    gap = int(STEP * 2**28 / DEPTH_RANGE) << 32
    keys = torch.where(around > keys + gap, around, keys)
    level = (keys >> 32).to(torch.float32)
    index = torch.where(keys >= 0, keys & 0xFFFFFFFF, torch.full_like(keys, -1))
    return index, level * (DEPTH_RANGE / 2**28) - DEPTH_RANGE
