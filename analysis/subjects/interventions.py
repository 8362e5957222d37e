"""What attention causes: the same picture with another attention map.

Exposure is the occlusion (0 clean, 1 occluded), the mediator is attention A, the outcome Y is the
true-class margin or accuracy, and Y(t, A) the outcome on picture t with map A (Robins & Greenland
1992; Pearl 2001):

    natural indirect effect   Y(1, A1) - Y(1, A0)   what the attention's movement gives
    natural direct effect     Y(1, A0) - Y(0, A0)   what occlusion costs when attention stays
    their sum                 Y(1, A1) - Y(0, A0)   what occlusion costs in all

How far attention acts at all, its authority, is asked of either picture: Y(t, At) - Y(t, A), with a
map A that lacks what attention could act by.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

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
    return maps.mean((2, 3), keepdim=True), maps.std((2, 3), correction=0, keepdim=True)


def shuffled(maps: Tensor, order: Tensor) -> Tensor:
    """The map's cells in the order (N, h * w) of its image, the same for all channels."""
    flat = maps.flatten(2)
    return flat.gather(2, order[:, None].expand_as(flat)).view_as(maps)


class Maps(NamedTuple):
    """What the map that takes another's place can be made of, at one layer.

    Attributes:
        own: (N, C, h, w) what is replaced, the attention of the picture that is shown.
        clean: that of the clean picture.
        order: (N, h * w) the cells of each image in random order.
        following: `own` of each one's next face in the data set, of the last one the first; None
            where there is no other face.
        constant: (1, C, h, w) the mean over clean faces.
    """

    own: Tensor
    clean: Tensor
    order: Tensor
    following: Tensor | None
    constant: Tensor


HELD = ("clean", "clean_unmatched", "uniform", "uniform_channels", "shuffled", "inverted",
        "other_image", "constant", "change_elsewhere")  # of VERSION; what comes after: cells anew
INTERVENTIONS = Registry("intervention", authority=False)
"""`Maps` of one layer -> the map that takes the place of the own one, `matched` to it unless it
says otherwise. With `authority` it is also made of clean pictures, and layer by layer: it asks how
far attention acts. Whatever the batch, an image's outcome is the same."""
INTO_CLEAN = "into_clean"


@INTERVENTIONS.register("clean", title="clean picture's attention")
def undone(maps: Maps) -> Tensor:
    """That of the clean picture: the movement undone."""
    return matched(maps.clean, maps.own)


@INTERVENTIONS.register("clean_unmatched", title="clean picture's, as it is")
def unmatched(maps: Maps) -> Tensor:
    """The same as it is, the mediator of the textbook."""
    return maps.clean


@INTERVENTIONS.register("uniform", title="attention without a place", authority=True)
def uniform(maps: Maps) -> Tensor:
    """No pattern: the map's mean over places, channel by channel."""
    return maps.own.mean((2, 3), keepdim=True).expand_as(maps.own)


@INTERVENTIONS.register("uniform_channels", title="the same for all channels", authority=True)
def uniform_channels(maps: Maps) -> Tensor:
    """The map's mean over channels, place by place; as it is."""
    return maps.own.mean(1, keepdim=True).expand_as(maps.own)


@INTERVENTIONS.register("shuffled", title="shuffled attention", authority=True)
def at_random(maps: Maps) -> Tensor:
    """The map's values at random places."""
    return shuffled(maps.own, maps.order)


@INTERVENTIONS.register("inverted", title="inverted attention")
def inverted(maps: Maps) -> Tensor:
    """The map's pattern upside down."""
    return (2 * maps.own.mean((2, 3), keepdim=True) - maps.own).clamp(EDGE, 1 - EDGE)


@INTERVENTIONS.register("other_image", title="another face's attention", authority=True)
def of_the_next(maps: Maps) -> Tensor:
    """The map of the next face of the data set under the same occluder."""
    return matched(maps.following, maps.own)


@INTERVENTIONS.register("constant", title="one map for all faces", authority=True)
def constant(maps: Maps) -> Tensor:
    """The mean over clean faces, as it is."""
    return maps.constant.expand_as(maps.own)


@INTERVENTIONS.register("change_elsewhere", title="as large a change elsewhere")
def elsewhere(maps: Maps) -> Tensor:
    """A change as large as undoing the movement, at other places: what any change of this size
    does to a net that is used to its own map."""
    change = undone(maps) - maps.own
    return (maps.own + shuffled(change, maps.order)).clamp(EDGE, 1 - EDGE)


Answer = Callable[[Tensor], Tensor]
Asked = Sequence[tuple[str, int]]  # interventions, and the layer of each: `ALL` is all of them


def outcomes(
    model: nn.Module, answer: Answer, pictures: tuple[Tensor, Tensor], maps: Sequence[Maps],
    asked: Iterable[tuple[str, int]],
) -> Iterator[tuple[str, int, Tensor]]:
    """(intervention, layer, logits) of each that is asked for, on the picture that is shown;
    "into_clean" is the clean picture with the shown one's attention (matched).

    Args:
        answer: pictures -> logits, through `model`.
        pictures: clean, and as shown.
        maps: of each layer.

    Raises:
        InputError: the model has no attention.
    """
    if not maps:
        raise InputError(f"{contract.called(model)} has no attention to intervene on")
    plain, shown = pictures
    for name, layer in asked:
        layers = range(len(maps)) if layer == ALL else (layer,)
        back = name == INTO_CLEAN
        made = {i: matched(maps[i].own, maps[i].clean) if back else INTERVENTIONS[name](maps[i])
                for i in layers}
        with model.intervene(made):
            yield name, layer, answer(plain if back else shown)
