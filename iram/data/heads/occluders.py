"""Objects in the scene: glasses, mask, hand, scarf and cap, as surfaces in the head's own space.

They enter the same z-buffer as the head, so they hide what is behind them at any pose.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from iram.data.heads.features import jaw_drop
from iram.data.heads.geometry import Surface, grid_coordinates, jaw_weight, surface_normals
from iram.data.heads.shapes import ramp
from iram.registry import Registry

SCENE_OCCLUDERS = Registry("scene occluder")
Builder = Callable[["Scene"], list["Patch"]]


@dataclass
class Patch:
    """A piece of surface, splatted vertex by vertex.

    Attributes:
        position: (N, 3, h, w) head coordinates.
        albedo: (N, h, w) in [0, 1].
        alive: (N, h, w) bool, False where the surface is cut out.
        normal: (N, 3, h, w) unit vectors.
    """

    position: Tensor
    albedo: Tensor
    alive: Tensor
    normal: Tensor


@dataclass
class Scene:
    """What an occluder is fitted to.

    Attributes:
        p, au: the head's parameters and action units, (N, 1, 1) each.
        surface: its mesh.
        density: vertices per head unit, enough to leave no gaps.
    """

    p: object
    au: object
    surface: Surface
    density: float

    def mesh(self, height: float, width: float) -> tuple[Tensor, Tensor]:
        """(h, 1) and (1, w) numbers from -1 to 1 for a patch of this size in head units."""
        device = self.p.skin.device
        rows, columns = (max(4, round(self.density * length)) for length in (height, width))
        return (
            torch.linspace(-1, 1, rows, device=device)[:, None],
            torch.linspace(-1, 1, columns, device=device)[None],
        )

    def hull(self, phi: Tensor, y: Tensor) -> Tensor:
        """(N, h, w) radius of the head with its hollows bridged, at (phi, y at rest)."""
        if not hasattr(self, "_hull"):
            radius = F.max_pool2d(self.surface.radius[:, None], (9, 7), 1, (4, 3))
            self._hull = F.avg_pool2d(radius, (9, 7), 1, (4, 3), count_include_pad=False)
        u, v = grid_coordinates(*torch.broadcast_tensors(phi, y))
        places = torch.stack([u, v], -1)
        places = places.expand(len(self._hull), *places.shape[-3:])
        return F.grid_sample(self._hull, places, padding_mode="border", align_corners=True)[:, 0]

    def around(self, phi: Tensor, y: Tensor, lift, albedo, alive=None) -> Patch:
        """A patch at distance `lift` over the head, which follows the jaw."""
        phi, y = torch.broadcast_tensors(phi, y)
        radius = self.hull(phi, y) + lift
        lowered = y - jaw_drop(self.au) * jaw_weight(y, phi)
        x, z = radius * phi.sin(), radius * phi.cos() * self.p.depth
        return self.patch(x, lowered, z, albedo, alive)

    def patch(self, x, y, z, albedo, alive=None) -> Patch:
        """A patch of any shape; everything is broadcast to (N, h, w)."""
        alive = torch.ones_like(x, dtype=torch.bool) if alive is None else alive
        albedo = torch.as_tensor(albedo, device=x.device)
        x, y, z, albedo, alive, _ = torch.broadcast_tensors(x, y, z, albedo, alive, self.p.skin)
        position = torch.stack([x, y, z], 1)
        return Patch(position, albedo, alive, surface_normals(position))


def tone(p, low: float, high: float) -> Tensor:
    """The object's own gray value, drawn per head."""
    return low + (high - low) * p.occluder_tone


@SCENE_OCCLUDERS.register("glasses")
def glasses(scene: Scene) -> list[Patch]:
    """Sunglasses: two dark lenses in frames, a bridge and two arms."""
    p = scene.p
    front = scene.hull(p.skin[:1] * 0, p.skin[:1] * 0 + 0.22) * p.depth + 0.04
    height, frame = p.eye_height, tone(p, 0.04, 0.25)
    patches = []
    for side in (-1, 1):
        b, a = scene.mesh(0.40, 0.58)
        x, y = side * (p.eye_distance + 0.01) + 0.29 * a, height + 0.01 + 0.20 * b
        round_ = (a.abs() ** 2.6 + b.abs() ** 2.6).expand(1, -1, -1)
        lens = torch.where(round_ > 0.68, frame, tone(p, 0.07, 0.16))
        patches.append(scene.patch(x, y, front - 0.42 * x * x, lens, round_ < 1))
        b, a = scene.mesh(0.05, 1.1)
        back = (a + 1) / 2
        start = p.eye_distance + 0.29
        x = side * (start + (0.94 * p.face_width - start) * back**0.6)
        z = (front - 0.42 * start**2) * (1 - back) - 0.10 * back
        patches.append(scene.patch(x, height + 0.06 + 0.025 * b + 0 * a, z, frame))
    b, a = scene.mesh(0.05, 0.26)
    patches.append(scene.patch(0.13 * a + 0 * b, height + 0.05 + 0.025 * b, front, frame))
    return patches


@SCENE_OCCLUDERS.register("mask")
def mask(scene: Scene) -> list[Patch]:
    """A surgical mask from the bridge of the nose to under the chin, with ear loops."""
    p = scene.p
    b, a = scene.mesh(1.6, 2.1)
    phi = torch.deg2rad(64 * a)
    top = -0.07 - 0.22 * ramp(a.abs(), 0.1, 0.8) - 0.04 * a.abs()
    bottom = -1.13 + 0.30 * a.abs() ** 2
    y = bottom + (top - bottom) * (b + 1) / 2
    pleats = 1 - 0.10 * (torch.sin(b * 9.0) > 0.75)
    patches = [scene.around(phi, y, 0.035, tone(p, 0.62, 0.88) * pleats)]
    for side in (-1, 1):
        for height in (-0.28, -0.75):
            b, a = scene.mesh(0.04, 0.6)
            phi = side * torch.deg2rad(79 + 16 * a)
            y = height + (0.05 - height) * ((a + 1) / 2) ** 2 + 0.016 * b
            patches.append(scene.around(phi, y, 0.02, 0.80))
    return patches


@SCENE_OCCLUDERS.register("scarf")
def scarf(scene: Scene) -> list[Patch]:
    """A knitted scarf, wound about neck, chin and mouth."""
    b, a = scene.mesh(2.0, 5.6)
    phi = torch.pi * a
    share = (b + 1) / 2
    top = -0.36 - 0.14 * (1 - torch.cos(phi)) / 2
    y = -1.85 + (top + 1.85) * share
    folds = torch.sin(share * 16 + 1.2 * torch.sin(2 * phi))
    lift = 0.03 + 0.02 * folds + 0.28 * ramp(share, 0.65, 0.2)
    knit = 1 + 0.15 * torch.sin(phi * 40) * torch.sin(share * 60)
    return [scene.around(phi, y, lift, tone(scene.p, 0.15, 0.8) * knit * (0.9 + 0.1 * folds))]


@SCENE_OCCLUDERS.register("cap")
def cap(scene: Scene) -> list[Patch]:
    """A cap pulled down over the forehead, with a brim."""
    p = scene.p
    shade = tone(p, 0.10, 0.75)
    b, a = scene.mesh(1.6, 5.6)
    phi, share = torch.pi * a, (b + 1) / 2
    low = 0.62 - 0.22 * ramp(phi.abs(), 0.9, 2.4)
    seams = 1 - 0.2 * (torch.sin(phi * 3).abs() < 0.06)
    lift = 0.03 + 0.02 * ramp(share, 0.0, 0.3)
    dome = scene.around(phi, low + (1.50 - low) * share, lift, shade * seams)
    b, a = scene.mesh(0.7, 2.0)
    phi, out = torch.deg2rad(56 * a), (b + 1) / 2
    base = scene.hull(phi, 0.66 + 0 * out) + 0.02
    radius = base + 0.45 * out * (1 - a.abs() ** 2.5)
    y = 0.66 - 0.12 * out - 0.10 * phi**2 * out
    z = radius * phi.cos() * p.depth
    return [dome, scene.patch(radius * phi.sin(), y, z, shade * 0.8)]


@SCENE_OCCLUDERS.register("hand")
def hand(scene: Scene) -> list[Patch]:
    """A hand laid over one cheek and the mouth: four fingers, palm and forearm."""
    p = scene.p
    side = torch.where(p.hand_side < 0, -1.0, 1.0)
    skin = p.skin * tone(p, 0.85, 1.05)
    patches = []
    for finger, length in enumerate((0.76, 0.93, 1.0, 0.88)):
        b, a = scene.mesh(0.30, 1.5)
        along = (a + 1) / 2 * length
        phi = torch.deg2rad(66 - 80 * along)
        y = -0.70 + 0.128 * finger + (0.10 - 0.02 * finger) * along + 0.066 * b
        tip = ((along - length + 0.08) / 0.08).clamp(min=0)
        lift = 0.03 + 0.07 * (1 - b * b).clamp(min=0).sqrt() - 0.02 * tip
        nail = 1 + 0.12 * ((along > length - 0.07) & (b.abs() < 0.6))
        tint = skin * nail * (1 - 0.35 * b**4)
        patches.append(scene.around(side * phi, y, lift, tint, tip**2 + b * b < 1.01))
    b, a = scene.mesh(0.9, 1.1)
    phi = torch.deg2rad(78 + 24 * a)
    lift = 0.06 + 0.06 * (1 - b * b)
    palm = scene.around(side * phi, -0.54 + 0.30 * b + 0 * a, lift, skin, a**4 + b**4 < 1.4)
    b, a = scene.mesh(1.6, 0.8)
    x = side * (0.86 + 0.17 * a - 0.12 * b) + 0 * b
    z = 0.22 + 0.20 * (1 - a * a).clamp(min=0).sqrt() + 0 * b
    forearm = scene.patch(x, -1.28 + 0.7 * b + 0 * a, z, skin * 0.95)
    return [*patches, palm, forearm]
