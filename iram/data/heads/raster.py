"""Draws a scene: the z-buffer, the paint of each pixel, and the step down to the picture's size."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from iram.data.heads.appearance import CODE, REGIONS, Fragments, paint_head
from iram.data.heads.camera import Camera, z_buffer
from iram.data.heads.geometry import Surface
from iram.data.heads.occluders import Patch
from iram.data.heads.shading import background, expose, shade

SUPERSAMPLING = 2
# Which label wins where two are as frequent, last first: small features would vanish otherwise,
# and a rule by place would push every border to one side.
TIES = (
    "background", "hair", "neck", "ears", "cheeks", "forehead", "chin", "nose", "mouth", "eyes",
    "brows", "occluder",
)
VERTICES_A_PIXEL = 2.3  # rows and columns of the splatted mesh per supersampled pixel


@dataclass
class Raster:
    """A picture and its truth, at one resolution.

    Attributes:
        gray: (N, S, S) values in [0, 1].
        region: (N, S, S) uint8 codes of `REGIONS`.
        depth: (N, S, S) camera z, head units; NaN on the background.
        position: (N, 3, S, S) head coordinates of what is seen; NaN off the head.
        towards: (N, S, S) the normal's share that points to the viewer.
    """

    gray: Tensor
    region: Tensor
    depth: Tensor
    position: Tensor
    towards: Tensor


def rasterise(p, au, surface: Surface, patches: list[Patch], camera: Camera, textures, size: int):
    """The scene at `size`, which is that of `camera`: `Raster`."""
    rows = columns = round(VERTICES_A_PIXEL * size)
    fine = F.interpolate(surface.position, (rows, columns), mode="bilinear", align_corners=True)
    projected = camera.project(fine.flatten(2))
    vertices = [projected] + [camera.project(patch.position.flatten(2)) for patch in patches]
    drawn = [_facing(surface, camera, rows, columns)] + [x.alive.flatten(1) for x in patches]
    index, depth = z_buffer(torch.cat(vertices, 2), torch.cat(drawn, 1), size)
    hit, on_head = index >= 0, (index >= 0) & (index < rows * columns)
    u, v = _refined(projected, torch.where(on_head, index, 0), rows, columns, size)
    f = _fragments(surface, camera, u, v)
    albedo, region = paint_head(p, au, f, textures)
    normal = f.normal
    if patches:
        place = (index - rows * columns).clamp(min=0)
        object_albedo, object_normal = _objects(patches, camera, place)
        albedo = torch.where(on_head, albedo, object_albedo)
        normal = torch.where(on_head[:, None], normal, object_normal)
        region = torch.where(on_head, region, CODE["occluder"])
    behind = background(p, textures["clutter"], size)
    gray = expose(p, torch.where(hit, shade(p, albedo, normal), behind))
    position = torch.stack([f.x, f.y, f.z], 1)
    return Raster(
        gray=gray,
        region=torch.where(hit, region, CODE["background"]),
        depth=torch.where(hit, depth, torch.nan),
        position=torch.where(on_head[:, None], position, torch.nan),
        towards=normal[:, 2],
    )


def shrink(raster: Raster) -> Raster:
    """Halves a raster: gray values are averaged, labels take the most frequent of four.

    Depth, position and normal are means over the pixels that carry the label, so that all of
    them speak of the same surface.
    """
    codes = quarters(raster.region)
    votes = (codes[:, None] == codes[:, :, None]).sum(2)
    rank = torch.tensor([TIES.index(name) for name in REGIONS], device=codes.device)
    chosen = (votes * len(TIES) + rank[codes.long()]).argmax(1, keepdim=True)
    region = codes.gather(1, chosen)
    alike = codes == region
    count = alike.sum(1)

    def mean(values):
        return torch.where(alike, quarters(values), 0.0).sum(1) / count

    return Raster(
        gray=quarters(raster.gray).mean(1),
        region=region[:, 0],
        depth=mean(raster.depth),
        position=torch.stack([mean(axis) for axis in raster.position.unbind(1)], 1),
        towards=mean(raster.towards),
    )


def quarters(values: Tensor) -> Tensor:
    """(N, S, S) -> (N, 4, S / 2, S / 2): the four pixels that become one."""
    return torch.stack([values[:, i::2, j::2] for i in (0, 1) for j in (0, 1)], 1)


def _facing(surface, camera, rows, columns):
    """(N, V) bool: which vertices are turned to the viewer."""
    towards = camera.turn(surface.normal)[:, 2:]
    fine = F.interpolate(towards, (rows, columns), mode="bilinear", align_corners=True)
    return fine.flatten(1) > -0.03


def _objects(patches, camera, place):
    """Albedo and normal (towards the viewer) of the occluders' vertices at `place`."""
    albedo = torch.cat([patch.albedo.flatten(1) for patch in patches], 1)
    normals = camera.turn(torch.cat([patch.normal.flatten(2) for patch in patches], 2))
    normals = torch.where(normals[:, 2:] < 0, -normals, normals)
    flat = place.flatten(1)
    picked = normals.gather(2, flat[:, None].expand(-1, 3, -1)).view(-1, 3, *place.shape[1:])
    return albedo.gather(1, flat).view(place.shape), picked


def _refined(projected, index, rows, columns, size):
    """Where on the mesh a pixel's centre lies, -1 to 1: one Newton step from the nearest vertex."""
    i, j = index // columns, index % columns

    def at(row, column):
        place = (row * columns + column).flatten(1)[:, None].expand(-1, 2, -1)
        return projected[:, :2].gather(2, place).view(-1, 2, *index.shape[1:]).unbind(1)

    left, right = (j - 1).clamp(min=0), (j + 1).clamp(max=columns - 1)
    low, high = (i - 1).clamp(min=0), (i + 1).clamp(max=rows - 1)
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = at(i, left), at(i, right), at(low, j), at(high, j)
    ux, uy = (x1 - x0) / (right - left), (y1 - y0) / (right - left)
    vx, vy = (x3 - x2) / (high - low), (y3 - y2) / (high - low)
    centre = torch.arange(size, device=index.device) + 0.5
    x, y = at(i, j)
    dx, dy = centre - x, centre[:, None] - y
    determinant = ux * vy - uy * vx
    solvable = determinant.abs() > 1e-4
    safe = torch.where(solvable, determinant, torch.ones_like(determinant))
    du = torch.where(solvable, (dx * vy - dy * vx) / safe, 0.0).clamp(-1, 1)
    dv = torch.where(solvable, (dy * ux - dx * uy) / safe, 0.0).clamp(-1, 1)
    return (j + du) * (2 / (columns - 1)) - 1, (i + dv) * (2 / (rows - 1)) - 1


def _fragments(surface: Surface, camera: Camera, u: Tensor, v: Tensor) -> Fragments:
    extra = torch.stack([surface.hair, surface.neck, surface.ear], 1)
    attributes = torch.cat([surface.position, surface.normal, extra], 1)
    places = torch.stack([u, v], -1)
    sampled = F.grid_sample(attributes, places, padding_mode="border", align_corners=True)
    x, y, z = sampled[:, :3].unbind(1)
    hair, neck, ear = sampled[:, 6:].unbind(1)
    turned = camera.turn(sampled[:, 3:6])
    length = torch.sqrt(turned[:, 0] ** 2 + turned[:, 1] ** 2 + turned[:, 2] ** 2).clamp(min=1e-6)
    return Fragments(x, y, z, torch.atan2(x, z), turned / length[:, None], hair, neck, ear)
