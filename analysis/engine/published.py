"""Accuracies that others published, to stand beside ours; none is a target.

Each with what a reader must know before comparing: on which split the epoch was chosen, and what
the net had seen before.
"""

from typing import NamedTuple


class Published(NamedTuple):
    """A published accuracy of a single model.

    Attributes:
        data: name of the data set, as cards have it.
        split: the faces it was measured on.
        accuracy: in percent.
        caveat: why it may not be comparable.
    """

    label: str
    data: str
    split: str
    accuracy: float
    caveat: str


CHOSEN_ON_TEST = "chosen on PrivateTest; the same code scores 71.2 to 71.5 on PublicTest"
PRETRAINED = "pretrained on ImageNet; chosen on PublicTest"
FACES = "pretrained on faces, at a higher resolution: not comparable with 48-px nets from scratch"

PUBLISHED = (
    Published("from scratch, lower end", "fer2013", "PrivateTest", 71.0, "of the usual range"),
    Published("from scratch, chosen on the test split", "fer2013", "PrivateTest", 73.1,
              CHOSEN_ON_TEST),
    Published("from scratch, upper end", "fer2013", "PrivateTest", 73.7, CHOSEN_ON_TEST),
    Published("ResNet-34", "fer2013", "PrivateTest", 72.42, PRETRAINED),
    Published("CBAM-ResNet-50", "fer2013", "PrivateTest", 73.39, PRETRAINED),
    Published("ResMasking", "fer2013", "PrivateTest", 74.14, PRETRAINED),
    Published("VGG13, from scratch", "ferplus", "PrivateTest", 85.1, "8 classes, majority label"),
    Published("RAN", "ferplus", "Occlusion-FERPlus", 83.63, FACES),
    Published("ResNet-18, 3 runs", "ferplus", "Occlusion-FERPlus", 84.96, FACES),
    Published("RAN", "ferplus", "Pose-FERPlus 30", 82.23, FACES),
    Published("RAN", "ferplus", "Pose-FERPlus 45", 80.40, FACES),
)
