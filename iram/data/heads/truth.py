"""Ground truth by rendering again: what each region carries, and what a turn of the head hides."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from iram.data.heads.appearance import REGIONS
from iram.data.heads.expression import REGION_OF_UNIT
from iram.data.heads.raster import quarters
from iram.data.heads.renderer import draw_scene, is_face, render_images, seen_at
from iram.data.heads.request import Request, checked_request
from iram.threads import one_thread

EVIDENCE_REGIONS = tuple(name for name in REGIONS if name in REGION_OF_UNIT.values())


@one_thread()
def evidence(indices: Sequence[int], **options) -> Tensor:
    """How much each region carries of the expression: (N, 12), in the order of `REGIONS`.

    The mean absolute difference over the picture, in gray values of 0 to 1, between the head
    and the same head with that region's action units at rest (a counterfactual re-rendering).
    0 for regions without action units; about 0 everywhere for a neutral face.

    Args:
        indices: whole numbers from 0.
        **options: those of `render` but for `zeroed_region`.
    """
    differences = _differences(indices, options)
    result = torch.zeros(differences.shape[1], len(REGIONS))
    for place, name in enumerate(EVIDENCE_REGIONS):
        result[:, REGIONS.index(name)] = differences[place].flatten(1).mean(1)
    return result


@one_thread()
def evidence_map(indices: Sequence[int], **options) -> Tensor:
    """Where the expression is carried: (N, S, S), the sum over regions of what `evidence` averages.

    Args:
        indices: whole numbers from 0.
        **options: those of `render` but for `zeroed_region`.
    """
    return _differences(indices, options).sum(0)


def _differences(indices, options) -> Tensor:
    """(regions, N, S, S) absolute differences."""
    actual = render_images(_request(indices, **options))
    changed = [
        render_images(_request(indices, zeroed_region=name, **options)) for name in EVIDENCE_REGIONS
    ]
    return torch.stack([(image - actual).abs() for image in changed])


def _request(indices, *, yaw_deg=None, pitch_deg=None, roll_deg=None, **options) -> Request:
    return checked_request(indices, angles=(yaw_deg, pitch_deg, roll_deg), **options)


@dataclass
class SelfOcclusion:
    """What a turn of the head hides.

    Attributes:
        hidden: (N, S, S) bool in the frontal picture, True where a face pixel is out of sight
            after the turn.
        frontal_region: (N, S, S) uint8 regions of the frontal picture.
        region: (N, S, S) uint8 regions of the turned picture.
        frontal_image, image: (N, 1, S, S) the two pictures.
    """

    hidden: Tensor
    frontal_region: Tensor
    region: Tensor
    frontal_image: Tensor
    image: Tensor


@dataclass
class Frontal:
    """What of heads that look ahead must be known to tell what a turn hides.

    Attributes:
        position: (N, 3, T, T) head coordinates of what is seen, at the supersampled resolution.
        face: (N, T, T) bool, where that is the face.
        region: (N, S, S) uint8 regions of the picture.
        gray: (N, S, S) the picture.
    """

    position: Tensor
    face: Tensor
    region: Tensor
    gray: Tensor

    def each(self) -> "list[Frontal]":
        """One for each head, in memory of its own."""
        return [Frontal(*(value[None].clone() for value in head))
                for head in zip(*vars(self).values(), strict=True)]

    @classmethod
    def joined(cls, parts: "Sequence[Frontal]") -> "Frontal":
        return cls(*map(torch.cat, zip(*(vars(part).values() for part in parts), strict=True)))


@one_thread()
def frontal_views(indices: Sequence[int], **options) -> Frontal:
    """The heads of these indices, looking ahead.

    Args:
        indices: whole numbers from 0.
        **options: those of `render` but for the angles.
    """
    request = _request(indices, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0, **options)
    return Frontal.joined([_frontal(draw_scene(part)) for part in request.chunks()])


@one_thread()
def self_occlusion(
    indices: Sequence[int],
    *,
    yaw_deg: float | Sequence[float] = 0.0,
    pitch_deg: float | Sequence[float] = 0.0,
    roll_deg: float | Sequence[float] = 0.0,
    frontal: Frontal | None = None,
    **options,
) -> SelfOcclusion:
    """Which face pixels of the frontal picture the head itself hides at an angle.

    A point is hidden when its surface faces away or another part of the head lies in front.

    Args:
        indices: whole numbers from 0.
        yaw_deg, pitch_deg, roll_deg: the turn, as in `render`.
        frontal: the same heads looking ahead, where they were drawn before (`frontal_views`).
        **options: the other options of `render`.
    """
    before = frontal or frontal_views(indices, **options)
    turned = _request(indices, yaw_deg=yaw_deg, pitch_deg=pitch_deg, roll_deg=roll_deg, **options)
    parts, start = [], 0
    for chunk in turned.chunks():
        stop = start + len(chunk.indices)
        parts.append(_hidden(before.position[start:stop], draw_scene(chunk)))
        start = stop
    hidden, region, gray = map(torch.cat, zip(*parts, strict=True))
    hidden = quarters((hidden & before.face).float()).mean(1) > 0.5
    return SelfOcclusion(hidden & is_face(before.region), before.region, region,
                         before.gray[:, None], gray[:, None])


def _frontal(drawn) -> Frontal:
    full, raster = drawn.full, drawn.raster
    return Frontal(full.position, is_face(full.region), raster.region, raster.gray)


def _hidden(position: Tensor, after) -> tuple[Tensor, ...]:
    """For one chunk: (n, T, T) where a point is out of sight after the turn, and the regions and
    gray values of the turned picture."""
    points = torch.nan_to_num(position.flatten(2))
    seen = seen_at(after.full.depth, after.camera.project(points)).view(position[:, 0].shape)
    return ~seen, after.raster.region, after.raster.gray
