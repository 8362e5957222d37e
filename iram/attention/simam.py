"""SimAM, a parameter-free module. Yang et al., ICML 2021, equation 5 and appendix code."""

from iram.attention.base import ATTENTION, Attention, check_positive


@ATTENTION.register("simam", title="SimAM")
class SimAM(Attention):
    """Gate sigmoid(d / (4 (v + lambda)) + 1/2): neurons far from their channel's mean count.

    d is the squared distance from the channel's mean, v its sum over H W - 1.
    """

    def __init__(self, channels, memory_channels=None, regulariser: float = 1e-4):
        super().__init__(channels, memory_channels)
        check_positive("regulariser", regulariser)
        self.regulariser = regulariser

    def gate(self, x, memory):
        positions = x.shape[2] * x.shape[3]
        distance = (x - x.mean((2, 3), keepdim=True)).square()
        variance = distance.sum((2, 3), keepdim=True) / max(positions - 1, 1)
        return (distance / (4 * (variance + self.regulariser)) + 0.5).sigmoid(), None
