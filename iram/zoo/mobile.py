"""After Yoon & Kim: mobile CNNs for facial expressions, ICTC 2020
(DOI 10.1109/ICTC49870.2020.9289486).

Known: MobileNetV2 with its width and depth adjusted to less than 0.5 M parameters; 86.8% on
RAF-DB's seven classes. Guessed: which width and depth. Source: the abstract.
"""

from iram.backbones import BACKBONES, Backbone, mobile_net, scaled


@BACKBONES.register("mobile", title="small MobileNetV2", work="after Yoon & Kim, ICTC 2020",
                    published="86.8% on RAF-DB, under 0.5 M parameters (abstract)")
def mobile(attention, width: float = 1.0, place: str = "branch") -> Backbone:
    """Six inverted residuals for 48 px, 12 to 96 channels, where `mobilenetv2` has nine. 0.22 M
    parameters."""
    stages = [(scaled(12, width), 1), (scaled(32, width), 2), (scaled(96, width), 3)]
    return mobile_net(stages, scaled(320, width), attention, place)
