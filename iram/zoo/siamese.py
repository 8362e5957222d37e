"""In the spirit of Hayale, Negi & Mahoor: deep Siamese nets, IEEE Transactions on Affective
Computing 14, 2023.

Known: nets that classify and verify, pairs within the batch, one joint loss. Guessed: the encoder
(the study's), 128 numbers at unit length to verify by, contrastive loss over the hardest half of
all pairs (the term "contrastive"); a face is classified by the head alone. Source: the abstract.
"""

from torch import nn

from iram.backbones import BACKBONES, Backbone, basic_stages, conv_bn, scaled


class Siamese(Backbone):
    """A chain with a second head, `verify`: what is classified (N, channels) -> (N, 128), whose
    distances tell whether two faces have one expression."""

    def __init__(self, stem, blocks, channels):
        super().__init__(stem, blocks, channels)
        self.verify = nn.Linear(channels, 128)


@BACKBONES.register("siamese", title="Siamese net",
                    work="in the spirit of Hayale, Negi & Mahoor, IEEE TAC 2023")
def siamese(attention, width: float = 1.0, place: str = "branch") -> Siamese:
    """The study's compact net, and a head to verify by. 0.71 M parameters."""
    widths = [scaled(c, width) for c in (32, 64, 128)]
    stem = conv_bn(1, widths[0], 3, stride=2, act=True)
    return Siamese(stem, basic_stages(widths, [2, 2, 2], attention, place), widths[-1])
