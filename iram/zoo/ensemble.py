"""After Choi & Lee: stochastic ensemble weights, IEEE Transactions on Multimedia 25, 2023.

Known: members differ in how the face is represented and in the sample they are trained on
(bagging); their weights are found by simulated annealing of the generalised error. Guessed: gray,
equalised and local binary patterns; two bootstrap samples; six narrow copies of the study's net;
annealing on the validation faces (`iram.training.combining`). Source: the abstract.
"""

from torch import nn

from iram.backbones import BACKBONES, compact
from iram.zoo.common import Members
from iram.zoo.views import BinaryPatterns, Equalised


@BACKBONES.register("ensemble", title="ensemble of six",
                    work="after Choi & Lee, IEEE TMM 2023")
def ensemble(attention, width: float = 1.0, place: str = "branch", classes: int = 7,
             dropout: float = 0.2) -> Members:
    """Three representations x two bootstrap samples: six compact nets of half the study's width.
    1.05 M parameters."""
    views = [nn.Identity(), Equalised(), BinaryPatterns()]
    chains = [compact(attention, 0.5 * width, place) for _ in range(6)]
    return Members(chains, views, classes=classes, dropout=dropout, samples=(0, 0, 0, 1, 1, 1))
