"""After Zhang, Wang, Chen & Kämäräinen: identity-aware CNN, Journal of Systems Engineering and
Electronics 28, 2017 (DOI 10.21629/JSEE.2017.04.18). Not the net of the same name by Meng et al.

Known: after DeepID, pictures of the whole face at several scales, and patches of its parts; JAFFE
and CK+. Guessed: which scales and patches, and their nets; faces are laid out alike, so that a
patch is the same box of every picture. Source: the abstract.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from iram.backbones import BACKBONES, Backbone, conv_bn, scaled
from iram.zoo.common import Streams, chained
from iram.zoo.views import Part

SEEN = {  # what a stream sees: pixels a side, and a box around a part of the mean face
    "face 48": (48, (0, 0, 1, 1)), "face 36": (36, (0, 0, 1, 1)), "face 24": (24, (0, 0, 1, 1)),
    "eyes": (24, (0.12, 0.2, 0.88, 0.5)), "nose": (24, (0.3, 0.33, 0.7, 0.73)),
    "mouth": (24, (0.25, 0.62, 0.75, 0.95)),
}


@BACKBONES.register("crops", title="six streams", gated=False,
                    work="after Zhang, Wang, Chen & Kämäräinen, JSEE 2017")
def crops(attention, width: float = 1.0, place: str = "branch") -> Streams:
    """Six streams of three convolutions 3x3, each with pooling (20 to 60 channels), and one of 80,
    whose features are joined. 0.44 M parameters."""
    widths = [scaled(c, width) for c in (20, 40, 60)]

    def stream() -> Backbone:
        parts, before = [], 1
        for channels in widths:
            branch = nn.Sequential(conv_bn(before, channels, 3, act=True), nn.MaxPool2d(2))
            parts.append((branch, channels, None, nn.Identity()))
            before = channels
        last = scaled(80, width)
        head = conv_bn(before, last, 3, act=True)
        return Backbone(nn.Identity(), chained(parts, attention, place), last, head)

    return Streams([stream() for _ in SEEN], [Part(*seen) for seen in SEEN.values()])


def carried(model, faces) -> Tensor:
    """(N, 6, K): what each stream adds to the logits of faces (N, 1, H, W); with the bias they sum
    to them."""
    parts = [part.embedding for part in model.run(faces).parts]
    slices = model.classifier.weight.split([part.shape[1] for part in parts], 1)
    return torch.stack([F.linear(*pair) for pair in zip(parts, slices, strict=True)], 1)
