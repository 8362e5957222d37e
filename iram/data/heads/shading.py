"""Light and background: from albedo and normals to gray values."""

import torch
from torch import Tensor
from torch.nn import functional as F


def light_direction(p) -> Tensor:
    """(N, 3, 1, 1) unit vector to the lamp, in camera axes."""
    azimuth, elevation = torch.deg2rad(p.light_azimuth), torch.deg2rad(p.light_elevation)
    x, y = azimuth.sin() * elevation.cos(), elevation.sin()
    return torch.stack([x, y, azimuth.cos() * elevation.cos()], 1)


def shade(p, albedo: Tensor, normal: Tensor) -> Tensor:
    """(N, S, S) gray values of lit surfaces; `normal` (N, 3, S, S) in camera axes."""
    lamp = light_direction(p)
    nx, ny, nz = normal.unbind(1)
    lx, ly, lz = lamp.unbind(1)
    facing = (nx * lx + ny * ly + nz * lz).clamp(min=0)
    sky = p.ambient * (0.92 + 0.08 * ny)
    hx, hy, hz = lx, ly, lz + 1  # half way between lamp and viewer
    length = torch.sqrt(hx * hx + hy * hy + hz * hz)
    glint = ((nx * hx + ny * hy + nz * hz) / length).clamp(min=0)
    glint = glint * glint
    glint = glint * glint
    glint = glint * glint
    glint = glint * glint
    return albedo * (sky + (1.12 - p.ambient) * facing) + p.gloss * glint * albedo.sqrt()


def background(p, clutter: Tensor, size: int) -> Tensor:
    """(N, size, size) gray values: a level, a gradient and soft clutter."""
    steps = torch.linspace(-1, 1, size, device=clutter.device)
    soft = F.interpolate(clutter, (size, size), mode="bilinear", align_corners=True)[:, 0]
    level = p.background + p.gradient_right * steps + p.gradient_down * steps[:, None]
    return (level + p.clutter * (soft - 0.5)).clamp(0.04, 0.97)


def expose(p, gray: Tensor) -> Tensor:
    """The camera's exposure and contrast, in [0, 1]."""
    lit = gray * p.exposure
    return ((lit - 0.5) * p.contrast + 0.5).clamp(0, 1)
