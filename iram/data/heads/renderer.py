"""`render`: heads by index, with everything that is known about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace

import torch
from torch import Tensor

from iram.data.heads.appearance import CODE, FACE_REGIONS
from iram.data.heads.camera import UNITS_ACROSS, Camera, build_camera
from iram.data.heads.expression import by_name, intensities
from iram.data.heads.geometry import Surface, build_surface
from iram.data.heads.landmarks import landmarks_in_head
from iram.data.heads.occluders import SCENE_OCCLUDERS, Scene
from iram.data.heads.parameters import draw, mirror
from iram.data.heads.raster import SUPERSAMPLING, Raster, rasterise, shrink
from iram.data.heads.request import Request, checked_request
from iram.threads import one_thread

PATCH_VERTICES_A_PIXEL = 1.7
KEPT_CHUNKS = 32  # of heads, 4 MB each on the CPU
SLACK = 0.10  # head units that a point may lie behind the surface of its pixel and still be seen


@dataclass
class Heads:
    """Rendered heads and their truth; N heads of S x S pixels.

    Attributes:
        image: (N, 1, S, S) gray values in [0, 1].
        expression: (N,) LongTensor, places in `CLASSES`.
        action_units: (N, 15) intensities in [0, 1], in the order of `ACTION_UNITS`.
        pose: (N, 3) yaw, pitch and roll in degrees.
        region: (N, S, S) uint8, places in `REGIONS`.
        visible: (N, S, S) bool, where the face is seen: neither hair, neck and background nor
            an object. What the head itself hides has no pixel here; see `self_occlusion`.
        occlusion_mask: (N, S, S) bool, True where an object is in front (of face, hair, neck or
            background).
        depth: (N, S, S) distance towards the viewer in head units, NaN on the background.
        position: (N, 3, S, S) head coordinates of the point that a pixel shows, NaN off the head.
        landmarks: (N, 68, 2) column and row, pixel k spanning k to k + 1.
        landmark_visible: (N, 68) bool, False where head or object hide a landmark.
        landmarks_3d: (N, 68, 3) the same in head coordinates.
        occluder: (N,) code: 0 for none, else 1 + the place in `SCENE_OCCLUDERS`.
    """

    image: Tensor
    expression: Tensor
    action_units: Tensor
    pose: Tensor
    region: Tensor
    visible: Tensor
    occlusion_mask: Tensor
    depth: Tensor
    position: Tensor
    landmarks: Tensor
    landmark_visible: Tensor
    landmarks_3d: Tensor
    occluder: Tensor


@one_thread()
def render(
    indices: Sequence[int],
    *,
    seed: int = 0,
    size: int = 48,
    yaw_deg: float | Sequence[float] | None = None,
    pitch_deg: float | Sequence[float] | None = None,
    roll_deg: float | Sequence[float] | None = None,
    occluder: str | Sequence[str | None] | None = None,
    expression: str | Sequence[str] | None = None,
    zeroed_region: str | None = None,
    mirrored: bool = False,
    device: str = "cpu",
) -> Heads:
    """The heads of these indices; what is overridden changes and everything else stays.

    A head is a function of (seed, index) alone, bit for bit, whatever is rendered with it and
    however many threads torch has: one of them renders, since more would round otherwise.

    Args:
        indices: whole numbers from 0.
        seed: whole number from 0.
        size: pixels a side, 24 to 512.
        yaw_deg, pitch_deg, roll_deg: one angle or one for each head, within +-90, +-45 and
            +-90 degrees; drawn within +-25, +-12 and +-8 if None.
        occluder: a name in `SCENE_OCCLUDERS`, or one (or None) for each head.
        expression: one of `CLASSES`, or one for each head; by index if None.
        zeroed_region: the region whose action units are put at rest (see `REGION_OF_UNIT`).
        mirrored: the same head in a mirror, before it is turned to the asked angles.
        device: where to render.

    Raises:
        InputError: a negative index or seed, an angle or size out of range, an unknown name.
    """
    request = checked_request(
        indices, seed=seed, size=size, angles=(yaw_deg, pitch_deg, roll_deg), occluder=occluder,
        expression=expression, zeroed_region=zeroed_region, mirrored=mirrored, device=device,
    )
    parts = [_with_truth(draw_scene(part)) for part in request.chunks()]
    return Heads(*(torch.cat(column) for column in zip(*parts, strict=True)))


@one_thread()
def render_images(request: Request) -> Tensor:
    """(N, S, S) gray values alone, on the CPU: what a data set needs."""
    return torch.cat([draw_scene(part).raster.gray.cpu() for part in request.chunks()])


@one_thread()
def project_landmarks(request: Request) -> Tensor:
    """(N, 68, 2) column and row of the landmarks alone, on the CPU, as `render` gives them."""
    parts = []
    for part in request.chunks():
        p, _, action_units, surface, camera, _ = _posed(part)
        _, projected = _projected(p, action_units, surface, camera)
        parts.append(projected[:, :2].transpose(1, 2).cpu())
    return torch.cat(parts)


@dataclass
class Drawn:
    """A chunk of heads: what was asked, the scene, its picture and the supersampled one."""

    request: Request
    p: SimpleNamespace
    action_units: Tensor
    surface: Surface
    camera: Camera
    pose: Tensor
    raster: Raster
    full: Raster


def draw_scene(request: Request) -> Drawn:
    """Draws the heads of one chunk, which all have the same occluder."""
    p, textures, action_units, surface, camera, pose = _posed(request)
    au, size = by_name(action_units), SUPERSAMPLING * request.size
    patches = []
    if request.occluders[0] is not None:
        scene = Scene(p, au, surface, PATCH_VERTICES_A_PIXEL * size / UNITS_ACROSS)
        patches = SCENE_OCCLUDERS[request.occluders[0]](scene)
    full = rasterise(p, au, surface, patches, camera, textures, size)
    return Drawn(request, p, action_units, surface, camera, pose, shrink(full), full)


def _posed(request: Request) -> tuple:
    """Heads before they are painted: parameters, textures, action units, surface, camera, pose."""
    built = _kept if request.device == "cpu" else _built  # a study asks for the same at many angles
    p, textures, action_units, surface = built(
        tuple(request.indices), request.seed, tuple(request.labels.tolist()),
        request.zeroed_region, request.mirrored, request.device)
    asked = zip((p.yaw, p.pitch, p.roll), request.angles, strict=True)
    pose = [mine.view(-1) if angle is None else angle.to(p.yaw.device) for mine, angle in asked]
    pose = torch.stack(pose, 1)
    camera = build_camera(p, pose, SUPERSAMPLING * request.size)
    return p, textures, action_units, surface, camera, pose


def _built(indices, seed: int, labels, zeroed_region, mirrored: bool, device: str) -> tuple:
    """What of heads no angle changes: parameters, textures, action units and surface."""
    p, uniform, textures = draw(list(indices), seed)
    if mirrored:
        p, textures = mirror(p, textures)
    p = SimpleNamespace(**{name: value.to(device) for name, value in vars(p).items()})
    textures = {name: value.to(device) for name, value in textures.items()}
    action_units = intensities(torch.tensor(labels), uniform, zeroed_region).to(device)
    return p, textures, action_units, build_surface(p, by_name(action_units))


_kept = lru_cache(KEPT_CHUNKS)(_built)


def _projected(p, action_units, surface, camera) -> tuple[Tensor, Tensor]:
    """The landmarks in head coordinates, and as column, row and depth, (N, 3, 68) each."""
    points = landmarks_in_head(p, by_name(action_units), surface)
    projected = camera.project(points)
    projected[:, :2] = projected[:, :2] / SUPERSAMPLING
    return points, projected


def _with_truth(drawn: Drawn) -> tuple[Tensor, ...]:
    """The fields of `Heads`, in its order."""
    raster, request = drawn.raster, drawn.request
    points, projected = _projected(drawn.p, drawn.action_units, drawn.surface, drawn.camera)
    kind = occluder_code(request.occluders[0])
    return (
        raster.gray[:, None],
        request.labels.to(drawn.pose.device),
        drawn.action_units,
        drawn.pose,
        raster.region,
        is_face(raster.region),
        raster.region == CODE["occluder"],
        raster.depth,
        raster.position,
        projected[:, :2].transpose(1, 2),
        seen_at(raster.depth, projected),
        points.transpose(1, 2),
        torch.full_like(request.labels, kind, device=drawn.pose.device),
    )


def is_face(region: Tensor) -> Tensor:
    """True where a region code is one of `FACE_REGIONS`."""
    return (region >= CODE[FACE_REGIONS[0]]) & (region <= CODE[FACE_REGIONS[-1]])


def occluder_code(name: str | None) -> int:
    """0 for none, else 1 + the place in `SCENE_OCCLUDERS`."""
    return 0 if name is None else 1 + list(SCENE_OCCLUDERS).index(name)


def seen_at(depth: Tensor, projected: Tensor) -> Tensor:
    """(N, K) bool: points that nothing covers, by the picture's depth (N, S, S).

    Args:
        depth: NaN on the background.
        projected: (N, 3, K) columns and rows in this picture's pixels, and depths.
    """
    size = depth.shape[-1]
    column, row, z = projected.unbind(1)
    inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    place = row.long().clamp(0, size - 1) * size + column.long().clamp(0, size - 1)
    front = depth.flatten(1).gather(1, place)
    return inside & (front - z < SLACK)  # False where the front is the background's NaN
