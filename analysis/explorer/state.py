"""What a user of the explorer has chosen, as plain data: one state, one answer."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from analysis.stimuli.conditions import CLEAN, Condition
from iram.errors import InputError

DRAWN = "drawn"
"""The occluder of a condition that the user has drawn, in place of a name."""


@dataclass(frozen=True)
class Crop:
    """The square of an uploaded picture that is taken for the face.

    Attributes:
        zoom: the shorter side of the picture over the side of the square, from 1.
        across, down: where the square lies, 0 (left, top) to 1; 0.5 is the middle.
    """

    zoom: float = 1.0
    across: float = 0.5
    down: float = 0.5


@dataclass(frozen=True)
class State:
    """What is shown, and what is asked of it.

    Attributes:
        source: a gallery's name, or "upload".
        face: which of the gallery's faces, or the number of an upload.
        model: a name among those offered.
        condition: what is done to the face, as in the benchmark; its occluder may also be DRAWN.
        drawn: the occluder that was drawn, one byte a pixel, row by row, 0 where the face is free;
            only with DRAWN.
        moved: how far the occluder was dragged, in pixels to the right and down.
        seed: of places and noise; 0 is the benchmark's.
        crop: of an upload.
        methods: attribution methods, in the order in which they are asked for.
        layer: whose attention is shown, from 0; None is the mean of all.
        target: the class that is explained; None is the one predicted for the untouched face.
        against: the class that it is asked against, or "second", the runner-up of the untouched
            face; None: its logit alone is explained.
        compared: whether methods are also asked about the picture that is compared with.
    """

    source: str
    face: int
    model: str
    condition: Condition = CLEAN
    drawn: bytes | None = field(default=None, repr=False)
    moved: tuple[int, int] = (0, 0)
    seed: int = 0
    crop: Crop = Crop()
    methods: tuple[str, ...] = ()
    layer: int | None = None
    target: int | None = None
    against: int | str | None = None
    compared: bool = False

    def drawing(self, size: int) -> Tensor:
        """(1, size, size) bool: the occluder that was drawn.

        Raises:
            InputError: nothing was drawn, or on a picture of another size.
        """
        drawn = b"" if self.drawn is None else self.drawn
        if len(drawn) != size * size:
            raise InputError(f"the drawn occluder has {len(drawn)} pixels; the picture has {size} "
                             f"x {size}")
        values = torch.frombuffer(bytearray(drawn), dtype=torch.uint8)
        return values.view(1, size, size) > 0
