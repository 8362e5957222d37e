"""What attention causes: the same picture with another attention map.

Exposure is the occlusion (0 clean, 1 occluded), the mediator is attention A, the outcome Y is the
true-class margin or accuracy, and Y(t, A) the outcome on picture t with map A (Robins & Greenland
1992; Pearl 2001):

    natural indirect effect   Y(1, A1) - Y(1, A0)   what the attention's movement gives
    natural direct effect     Y(1, A0) - Y(0, A0)   what occlusion costs when attention stays
    their sum                 Y(1, A1) - Y(0, A0)   what occlusion costs in all
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from iram import contract
from iram.errors import InputError
from iram.registry import Registry

ALL = -1  # in the column `layer`: all layers at once
EDGE = 1e-4  # gates are kept this far from 0 and 1


def matched(donor: Tensor, replaced: Tensor) -> Tensor:
    """The donor's pattern (N, C, h, w) with the mean and standard deviation, per image and channel,
    of the map that it replaces; so only *where* attention is changes, not how much.

    A donor without a pattern gives the replaced map's mean. Cut to (0, 1), which gates rarely
    reach: there mean and deviation are met only nearly.
    """
    own, spread = _moments(replaced)
    other, varied = _moments(donor)
    # A channel without a pattern of its own must not blow up the rounding of its values.
    pattern = torch.where(varied > 1e-6, (donor - other) / varied.clamp(min=1e-6), 0.0)
    return (own + pattern * spread).clamp(EDGE, 1 - EDGE)


def _moments(maps: Tensor) -> tuple[Tensor, Tensor]:
    mean = maps.mean((2, 3), keepdim=True)
    # Tensor.std takes 17 to 26 times as long where channels lie last.
    return mean, (maps - mean).square_().mean((2, 3), keepdim=True).sqrt_()


def shuffled(maps: Tensor, order: Tensor) -> Tensor:
    """The map's cells in the order (N, h * w) of its image, the same for all channels."""
    flat = maps.flatten(2)
    return flat.gather(2, order[:, None].expand_as(flat)).view_as(maps)


HELD = ("clean", "clean_unmatched", "uniform", "shuffled", "inverted", "other_image",
        "change_elsewhere")  # by cells of VERSION; one that comes after makes its cells anew
INTERVENTIONS = Registry("intervention")
"""(clean (N, C, h, w), occluded, order (N, h * w)) of one layer -> the map that takes the place of
the occluded one, `matched` to it unless it says otherwise."""


@INTERVENTIONS.register("clean", title="clean picture's attention")
def undone(clean: Tensor, occluded: Tensor, order: Tensor) -> Tensor:
    """That of the clean picture: the movement undone."""
    return matched(clean, occluded)


@INTERVENTIONS.register("clean_unmatched", title="clean picture's, as it is")
def unmatched(clean: Tensor, occluded: Tensor, order: Tensor) -> Tensor:
    """The same as it is, the mediator of the textbook."""
    return clean


@INTERVENTIONS.register("uniform", title="attention without a place")
def uniform(clean: Tensor, occluded: Tensor, order: Tensor) -> Tensor:
    """No pattern: the map's mean."""
    return occluded.mean((2, 3), keepdim=True).expand_as(occluded)


@INTERVENTIONS.register("shuffled", title="shuffled attention")
def at_random(clean: Tensor, occluded: Tensor, order: Tensor) -> Tensor:
    """The map's values at random places."""
    return shuffled(occluded, order)


@INTERVENTIONS.register("inverted", title="inverted attention")
def inverted(clean: Tensor, occluded: Tensor, order: Tensor) -> Tensor:
    """The map's pattern upside down."""
    return (2 * occluded.mean((2, 3), keepdim=True) - occluded).clamp(EDGE, 1 - EDGE)


@INTERVENTIONS.register("other_image", title="another face's attention")
def of_the_next(clean: Tensor, occluded: Tensor, order: Tensor) -> Tensor:
    """The map of the next picture of the batch under the same occluder."""
    return matched(occluded.roll(-1, 0), occluded)


@INTERVENTIONS.register("change_elsewhere", title="as large a change elsewhere")
def elsewhere(clean: Tensor, occluded: Tensor, order: Tensor) -> Tensor:
    """A change as large as undoing the movement, at other places: what any change of this size
    does to a net that is used to its own map."""
    change = matched(clean, occluded) - occluded
    return (occluded + shuffled(change, order)).clamp(EDGE, 1 - EDGE)


def donors(
    clean: Sequence[Tensor], occluded: Sequence[Tensor], orders: Sequence[Tensor]
) -> Iterator[tuple[str, list[Tensor]]]:
    """(intervention, the maps (N, C, h, w) per layer that take the place of the occluded ones); one
    by one, since the maps of all layers are large."""
    orders = [order.to(one.device) for order, one in zip(orders, occluded, strict=True)]
    layers = list(zip(clean, occluded, orders, strict=True))
    for name, put in INTERVENTIONS.items():
        yield name, [put(*layer) for layer in layers]


Answer = Callable[[Tensor], Tensor]


def outcomes(
    model: nn.Module, answer: Answer, pictures: tuple[Tensor, Tensor],
    clean: Sequence[Tensor], occluded: Sequence[Tensor], orders: Sequence[Tensor],
    by_layer: bool = True,
) -> Iterator[tuple[str, int, Tensor]]:
    """(intervention, layer, logits) for each; layer counts from 0, `ALL` is all of them.

    into_clean: the clean picture with the occluded one's attention (matched). The others are those
    of `donors`, on the occluded picture.

    Args:
        answer: pictures -> logits, through `model`.
        pictures: clean and occluded.
        by_layer: "clean" also for each layer alone.

    Raises:
        InputError: the model has no attention.
    """
    if not clean:
        raise InputError(f"{contract.called(model)} has no attention to intervene on")
    plain, covered = pictures
    def with_maps(images: Tensor, maps: dict[int, Tensor]) -> Tensor:
        with model.intervene(maps):
            return answer(images)

    back = {layer: matched(b, a)
            for layer, (a, b) in enumerate(zip(clean, occluded, strict=True))}
    yield "into_clean", ALL, with_maps(plain, back)
    del back
    for name, maps in donors(clean, occluded, orders):
        if name == "clean":
            undoing = maps
        if name == "other_image" and len(plain) < 2:
            continue  # there is no other picture
        yield name, ALL, with_maps(covered, dict(enumerate(maps)))
    for layer in range(len(clean) if by_layer else 0):
        yield "clean", layer, with_maps(covered, {layer: undoing[layer]})


def passes(layers: int, by_layer: bool = True) -> int:
    """Forward passes that `outcomes` takes."""
    return 1 + len(INTERVENTIONS) + layers * by_layer
