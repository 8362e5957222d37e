"""No attention: the control that every module is compared with."""

from iram.attention.base import ATTENTION, Attention, AttentionOutput


@ATTENTION.register("none", title="no attention")
class NoAttention(Attention):
    """Hands the features on as they are; has no attention map and nothing to replace."""

    def forward(self, x, memory=None, replace=None) -> AttentionOutput:
        return AttentionOutput(x, None, None)
