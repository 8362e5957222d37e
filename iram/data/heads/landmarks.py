"""The 68 usual landmarks (iBUG order) on the surface, read off the curves that are painted."""

import torch
from torch import Tensor
from torch.nn import functional as F

from iram.data.heads.features import brow, jaw_drop, lids, mouth
from iram.data.heads.geometry import Surface, grid_coordinates, jaw_weight

JAW_PHI = (95.0, 90.0, 84.0, 77.0, 69.0, 58.0, 42.0, 22.0, 0.0)  # from the ear to the chin
JAW_Y = (0.15, -0.08, -0.31, -0.52, -0.70, -0.85, -0.98, -1.07, -1.10)
SEARCH_STEPS = 8  # of a fixed-point iteration; the last moves a point by under 0.001


def landmarks_in_head(p, au, surface: Surface) -> Tensor:
    """(N, 3, 68) head coordinates.

    0-16 jaw, 17-26 brows, 27-35 nose, 36-47 eyes, 48-59 outer and 60-67 inner lips, each from
    the picture's left to right on a frontal face.
    """
    x, y = _curve_points(p, au)
    phi, rest = torch.zeros_like(x), y
    for _ in range(SEARCH_STEPS):
        radius = sample_surface(surface.radius[:, None], phi, rest)[:, 0]
        phi = torch.asin((x / radius).clamp(-0.999, 0.999))
        rest = y + jaw_drop(au)[:, 0] * jaw_weight(rest, phi)
    degrees = torch.tensor([*(-a for a in JAW_PHI), *JAW_PHI[-2::-1]], device=x.device)
    jaw_phi = torch.deg2rad(degrees).expand(len(x), -1)
    jaw_y = torch.tensor([*JAW_Y, *JAW_Y[-2::-1]], device=x.device).expand(len(x), -1)
    phi, rest = torch.cat([jaw_phi, phi], 1), torch.cat([jaw_y, rest], 1)
    return sample_surface(surface.position, phi, rest)


def sample_surface(values: Tensor, phi: Tensor, y: Tensor) -> Tensor:
    """(N, C, K) of mesh values (N, C, rows, columns) at K points (phi, y at rest)."""
    places = torch.stack(grid_coordinates(phi, y), -1)[:, None]
    return F.grid_sample(values, places, padding_mode="border", align_corners=True)[:, :, 0]


def _curve_points(p, au) -> tuple[Tensor, Tensor]:
    """(N, 51) x and y of brows, nose, eyes and lips."""
    one = torch.ones_like(p.skin)
    points = []  # of (x, y), each (N, 1, k)

    def row(*numbers):
        return one * torch.tensor(numbers, device=one.device)

    for side, steps in ((-1, (0.98, 0.75, 0.5, 0.25, 0.02)), (1, (0.02, 0.25, 0.5, 0.75, 0.98))):
        inner = 0.135 - 0.055 * au.AU4 - 0.02 * au.AU9
        x = side * (inner + (0.60 - inner) * row(*steps))
        points.append((x, brow(p, au, x)[1]))
    tip = -0.24 - p.nose_length
    bridge = 0.26 + (tip - 0.26) * row(0.0, 0.36, 0.70, 1.0)
    points.append((bridge * 0, bridge))
    wings = row(-0.16, -0.08, 0.0, 0.08, 0.16) * p.nose_width
    base = tip - 0.085 + 0.3 * wings.abs() + 0.03 * au.AU9
    points.append((wings, base))
    for side, corners in ((-1, (1.0, 0.4, -0.4, -1.0)), (1, (-1.0, -0.4, 0.4, 1.0))):
        t = row(*corners)
        x = side * (p.eye_distance + p.eye_width * t)
        _, upper, lower = lids(p, au, x)
        points += [(x, upper), (x[..., [2, 1]], lower[..., [2, 1]])]
    half = mouth(p, au, row(0.0)).half_width
    outer = half * row(-0.999, -0.6, -0.25, 0.0, 0.25, 0.6, 0.999)
    shape = mouth(p, au, outer)
    points += [(outer, shape.top), (outer[..., 1:6].flip(-1), shape.bottom[..., 1:6].flip(-1))]
    inner = half * row(-0.85, -0.4, 0.0, 0.4, 0.85)
    shape = mouth(p, au, inner)
    points += [(inner, shape.upper), (inner[..., 1:4].flip(-1), shape.lower[..., 1:4].flip(-1))]
    x, y = (torch.cat([point[k] for point in points], -1)[:, 0] for k in (0, 1))
    return x, y
