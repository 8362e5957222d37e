"""The surface of a head, as two heightfields over its picture: what faces the viewer, and the back.

Three ellipsoids (skull, jaw, neck) stand behind the mean face. They are brought to the face of the
picture by the similarity that fits its landmarks; near the landmarks the front is moved to their
depths by an objective analysis (Barnes, J. Appl. Meteor. 3, 1964: Gaussian-weighted residuals, a
wide pass, then a narrow one). The generic surface is that of the mean landmarks.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from analysis.stimuli.landmarks import mean_landmarks
from analysis.stimuli.layout.rotation import Similarity, fit_similarity
from analysis.stimuli.pose.regions import SIDE, label_map, protection

LOW, HIGH, CELLS = -0.5, 1.5, 96  # the heightfields reach half a side beyond the picture
REFERENCE = 48  # cells are those of a picture of this side
# centre (x, y, height) and half axes, in sides of the mean face's picture: the skull's breadth to
# length to height as in anthropometry (about 1 : 1.25 : 1.45), the jaw down to the chin.
ELLIPSOIDS = (
    ((0.5, 0.34, -0.42), (0.43, 0.60, 0.50)),
    ((0.5, 0.70, -0.24), (0.36, 0.32, 0.29)),
    ((0.5, 1.70, -0.46), (0.29, 1.10, 0.26)),
)
WIDTHS = (0.05, 0.03)  # of the two passes, in sides: the landmarks lie about 0.03 apart
REACH = 0.9  # weight at which the landmarks alone say where the front is
THINNEST = 0.25  # the solid behind the face, where no ellipsoid is
SMOOTHING = 1.5  # cells, before the front's normal is taken
EYES_AND_MOUTH = (33, 133, 362, 263, 61, 291, 13, 14)  # corners; and the inner lips' middle
# centre and half axes of the outline that texture is taken from within
OUTLINE = ((0.5, 0.46), (0.42, 0.60))


@dataclass(frozen=True)
class Surface:
    """Surfaces of N heads on one grid; all in shares of the picture's side.

    Attributes:
        heights: (N, 2, CELLS, CELLS) front and back, towards the viewer; solid where front > back.
        normal: (N, 3, CELLS, CELLS) unit normal of the front; its height is the cosine to the view.
        canonical: (N, 2, CELLS, CELLS) x, y of the mean face that each cell of the front shows.
        mirror: (N, 2, CELLS, CELLS) x, y in the picture of the point mirrored on the head's plane
            of symmetry.
        pivot: (N, 3) middle of eyes and mouth.
        outline: (N, 5) centre x, y, half axes and roll (radians) of the head's outline.
    """

    heights: Tensor
    normal: Tensor
    canonical: Tensor
    mirror: Tensor
    pivot: Tensor
    outline: Tensor

    def __getitem__(self, part: slice) -> "Surface":
        return Surface(*(getattr(self, name)[part] for name in self.__dataclass_fields__))


def surfaces(points: np.ndarray) -> Surface:
    """The surfaces of heads with landmarks (N, 468, 3): x, y, height in shares of the side.

    One head at a time, so that each is the same whatever the others are.
    """
    single = [_surface(np.asarray(p, np.float64)) for p in points]
    return Surface(*(torch.from_numpy(np.stack(values)).float()
                     for values in zip(*single, strict=True)))


@lru_cache(1)
def generic_surface() -> Surface:
    """The surface of the mean face, N = 1."""
    return surfaces(mean_landmarks()[None])


def _surface(points: np.ndarray) -> tuple[np.ndarray, ...]:
    from scipy.ndimage import gaussian_filter  # it takes a tenth of a second, and few faces turn

    fit = fit_similarity(mean_landmarks(), points)
    centres = LOW + (np.arange(CELLS) + 0.5) * (HIGH - LOW) / CELLS
    x, y = np.meshgrid(centres, centres)
    front, back = _ellipsoids(fit, x, y)
    base = np.stack([front, x, y], -1)  # what the landmarks correct: the height, and the place
    at_points = np.concatenate([
        _ellipsoids(fit, points[:, 0], points[:, 1])[0][:, None], points[:, :2]], 1)
    moved = fit.forward(mean_landmarks())
    target = np.concatenate([points[:, 2:], moved[:, :2]], 1)
    correction, weight = _barnes(points[:, :2], target - at_points, centres)
    front, shown_x, shown_y = np.moveaxis(base + correction, -1, 0)
    back = np.minimum(back, front - THINNEST * fit.scale * (2 * weight - 1))
    canonical = fit.backward(np.stack([shown_x, shown_y, front], -1))
    mirrored = fit.forward(canonical * [-1, 1, 1] + [1, 0, 0])
    smooth = gaussian_filter(front, SMOOTHING)  # the depths' noise would show in the texture
    slope_y, slope_x = np.gradient(smooth, centres[1] - centres[0])
    normal = np.stack([-slope_x, -slope_y, np.ones_like(front)])
    normal /= np.sqrt((normal**2).sum(0))
    (cx, cy), (a, b) = OUTLINE
    centre = fit.forward(np.array([cx, cy, -0.2]))
    roll = np.arctan2(fit.rotation[1, 0], fit.rotation[0, 0])
    return (
        np.stack([front, back]), normal, np.moveaxis(canonical[..., :2], -1, 0),
        np.moveaxis(mirrored[..., :2], -1, 0), points[list(EYES_AND_MOUTH)].mean(0),
        np.array([centre[0], centre[1], a * fit.scale, b * fit.scale, roll]),
    )


def _ellipsoids(fit: Similarity, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Front and back height of the union of the ellipsoids at the places (x, y)."""
    fronts, backs = zip(*(_ellipsoid(fit, np.array(c), np.array(r), x, y)
                          for c, r in ELLIPSOIDS), strict=True)
    return np.max(fronts, 0), np.min(backs, 0)


def _ellipsoid(fit, centre, axes, x, y) -> tuple[np.ndarray, np.ndarray]:
    """Both solutions for the height of (p - c)' A (p - c) = 1.

    Outside its outline front and back swap, by as much as they would differ inside: the
    difference stays a smooth function whose zero is the outline.
    """
    matrix = fit.rotation @ np.diag((axes * fit.scale) ** -2.0) @ fit.rotation.T
    cx, cy, height = fit.forward(centre)
    dx, dy = x - cx, y - cy
    half = (matrix[0, 2] * dx + matrix[1, 2] * dy) / matrix[2, 2]
    rest = matrix[0, 0] * dx**2 + 2 * matrix[0, 1] * dx * dy + matrix[1, 1] * dy**2 - 1
    inside = half**2 - rest / matrix[2, 2]
    thick = np.sign(inside) * np.sqrt(np.abs(inside))
    return height - half + thick, height - half - thick


def _barnes(places: np.ndarray, values: np.ndarray, centres: np.ndarray):
    """The field of `values` (n, k) known at `places` (n, 2), and how sure it is, 0 to 1.

    Beyond the landmarks' reach the field falls to 0.
    """
    field, sure = np.zeros((CELLS, CELLS, values.shape[1])), None
    left = values
    for width in WIDTHS:
        across, down = (
            np.exp(-0.5 * ((centres[:, None] - places[:, i]) / width) ** 2) for i in (0, 1)
        )  # each (CELLS, n)
        total = down @ across.T
        weight = np.clip(total / REACH, 0, 1)
        weight = weight * weight * (3 - 2 * weight)
        sums = np.stack([(down * left[:, k]) @ across.T for k in range(values.shape[1])], -1)
        field += sums / np.maximum(total, 1e-9)[..., None] * weight[..., None]
        sure = weight if sure is None else sure
        left = values - _bilinear(field, places)
    return field, sure


def _bilinear(field: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(n, k): the field (CELLS, CELLS, k) at places (n, 2), clamped to its edges."""
    at = ((places - LOW) / (HIGH - LOW) * CELLS - 0.5).clip(0, CELLS - 1.001)
    corner = at.astype(int)
    (fx, fy), (x, y) = (at - corner).T[..., None], corner.T
    upper = field[y, x] * (1 - fx) + field[y, x + 1] * fx
    lower = field[y + 1, x] * (1 - fx) + field[y + 1, x + 1] * fx
    return upper * (1 - fy) + lower * fy


def sample(field: Tensor, places: Tensor) -> Tensor:
    """(N, k, P): fields (N, k, CELLS, CELLS) of a surface at places (N, P, 2), clamped."""
    grid = (places - LOW) * (2 / (HIGH - LOW)) - 1
    return _sampled(field, grid)


def labels_at(canonical: Tensor) -> Tensor:
    """(N, P) int8: the region at places (N, P, 2) of the mean face; "head" off its picture."""
    at = (canonical * SIDE).floor().long()
    inside = ((at >= 0) & (at < SIDE)).all(-1)
    at = at.clamp(0, SIDE - 1)
    labels = label_map()[at[..., 1], at[..., 0]]
    return torch.where(inside, labels, torch.ones_like(labels))


def protected_at(canonical: Tensor) -> Tensor:
    """(N, P) in [0, 1]: how far texture at these places of the mean face may not be mirrored."""
    field = protection()[None, None].expand(len(canonical), -1, -1, -1)
    return _sampled(field, canonical * 2 - 1)[:, 0]


def _sampled(field: Tensor, grid: Tensor) -> Tensor:
    return torch.nn.functional.grid_sample(
        field, grid[:, None], padding_mode="border", align_corners=False
    )[:, :, 0]
