"""What to render, checked: one place for every mistake that a caller can make."""

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from iram.data.heads.appearance import FACE_REGIONS
from iram.data.heads.expression import CLASSES
from iram.data.heads.occluders import SCENE_OCCLUDERS
from iram.errors import InputError, listing
from iram.registry import unknown

SIZES = (24, 512)
ANGLE_RANGES = {"yaw_deg": 90.0, "pitch_deg": 45.0, "roll_deg": 90.0}  # each way, degrees
CHUNK = {"cpu": 8}  # heads drawn at once; their pixels do not depend on it
CHUNK_ELSEWHERE = 128
LARGEST_INDEX = 2**53


@dataclass(frozen=True)
class Request:
    """Heads to draw; one entry of each tuple or tensor a head.

    Attributes:
        indices, seed: what the heads are made from.
        size: pixels a side.
        labels: (N,) LongTensor, places in `CLASSES`.
        angles: yaw, pitch and roll, (N,) degrees each, None for the head's own.
        occluders: a name in `SCENE_OCCLUDERS` or None each.
        zeroed_region, mirrored, device: as in `render`.
    """

    indices: list[int]
    seed: int
    size: int
    labels: Tensor
    angles: tuple[Tensor | None, Tensor | None, Tensor | None]
    occluders: tuple[str | None, ...]
    zeroed_region: str | None = None
    mirrored: bool = False
    device: str = "cpu"

    def part(self, start: int, stop: int) -> "Request":
        """The heads from `start` to before `stop`."""
        return replace(
            self,
            indices=self.indices[start:stop],
            labels=self.labels[start:stop],
            angles=tuple(None if a is None else a[start:stop] for a in self.angles),
            occluders=self.occluders[start:stop],
        )

    def chunks(self) -> Iterator["Request"]:
        """Runs of heads with the same occluder, short enough to be drawn at once."""
        longest = CHUNK.get(torch.device(self.device).type, CHUNK_ELSEWHERE)
        longest = max(1, longest * 48**2 // max(self.size, 48) ** 2)
        start = 0
        for stop in range(1, len(self.indices) + 1):
            ended = stop == len(self.indices) or self.occluders[stop] != self.occluders[start]
            if ended or stop - start == longest:
                yield self.part(start, stop)
                start = stop


def checked_request(
    indices, *, seed=0, size=48, angles=(None, None, None), occluder=None, expression=None,
    zeroed_region=None, mirrored=False, device="cpu",
) -> Request:
    """The request that `render`'s arguments make.

    Raises:
        InputError: anything that cannot be rendered; the message says what can.
    """
    indices = [_whole("index", index, LARGEST_INDEX) for index in _listed(indices)]
    if not indices:
        raise InputError("no head was asked for: give at least one index")
    if zeroed_region is not None and zeroed_region not in FACE_REGIONS:
        raise InputError(unknown("region", zeroed_region, FACE_REGIONS))
    return Request(
        indices=indices,
        seed=checked_seed(seed),
        size=checked_size(size),
        labels=_labels(indices, expression),
        angles=tuple(
            None if angle is None else _angles(name, angle, len(indices))
            for name, angle in zip(ANGLE_RANGES, angles, strict=True)
        ),
        occluders=_occluders(occluder, len(indices)),
        zeroed_region=zeroed_region,
        mirrored=bool(mirrored),
        device=str(device),
    )


def checked_seed(seed) -> int:
    """The seed as an int; InputError unless it is a whole number from 0."""
    return _whole("seed", seed, LARGEST_INDEX)


def checked_size(size) -> int:
    """The size as an int; InputError unless it lies in `SIZES`."""
    size = _whole("size", size, LARGEST_INDEX)
    if not SIZES[0] <= size <= SIZES[1]:
        raise InputError(f"size={size}: heads are rendered at {SIZES[0]} to {SIZES[1]} pixels")
    return size


def _whole(name, value, largest) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise InputError(f"{name}={value}: write a whole number from 0") from None
    if not 0 <= number <= largest:
        raise InputError(f"{name}={number}: write a whole number from 0 to {largest}")
    return number


def _listed(indices) -> Sequence:
    if isinstance(indices, Tensor) or hasattr(indices, "tolist"):
        indices = indices.tolist()
    try:
        return list(indices)
    except TypeError:
        return [indices]


def _labels(indices, expression) -> Tensor:
    if expression is None:
        return torch.tensor([label_of(index) for index in indices])
    names = _one_each("expression", expression, len(indices))
    for name in names:
        if name not in CLASSES:
            raise InputError(unknown("expression", name, CLASSES))
    return torch.tensor([CLASSES.index(name) for name in names])


def label_of(index: int) -> int:
    """The expression of a head: they take turns, so that every class is as frequent."""
    return index % len(CLASSES)


def _occluders(occluder, count) -> tuple[str | None, ...]:
    names = _one_each("occluder", occluder, count)
    for name in names:
        if name is not None and name not in SCENE_OCCLUDERS:
            raise InputError(unknown("scene occluder", name, SCENE_OCCLUDERS))
    return tuple(names)


def _one_each(what, value, count) -> list:
    """A name for all, or a sequence of one name a head, as a list of one a head."""
    if value is None or isinstance(value, str):
        return [value] * count
    if len(value) != count:
        raise InputError(f"{len(value)} names of {what} ({listing(value)}) for {count} heads")
    return list(value)


def _angles(name, value, count) -> Tensor:
    try:
        angle = torch.as_tensor(value, dtype=torch.float32).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"{name}={value}: write a number of degrees") from None
    if angle.ndim > 1 or (angle.ndim == 1 and len(angle) != count):
        raise InputError(f"{name} has shape {tuple(angle.shape)}: give one angle or {count}")
    largest = ANGLE_RANGES[name]
    outside = angle[~(angle.abs() <= largest)]  # NaN is outside, too
    if outside.numel():
        shown = f"{outside.flatten()[0].item():g}"
        raise InputError(f"{name}={shown}: the range is -{largest:g} to {largest:g} degrees")
    return angle.expand(count)
