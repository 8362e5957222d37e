"""IRAM, the Information Reuse Attention Module. Wang & Hu, IJCNN 2021
(DOI 10.1109/IJCNN52387.2021.9534217).

Only the abstract is public. It says that the module (1) reduces the decay of information while
the attention map is made, by reusing the information of the previous layer and (2) by not
reducing the dimensionality, and that it (3) adaptively refines the feature responses by fusing
the map with the features. These three sentences allow several modules. The wiring below is our
first reading of them, each part a switch, so that it can be taken out and measured:

    s = bn(W_s x)                          squeeze: 1x1, C -> C / reduction (C by default)
    h = relu(bn(D s) [+ s])                context: depthwise 3x3         [reuse: branch]
    m = W_e h + b [+ g x] [+ l P(memory)]  expand: 1x1 -> C       [reuse: branch] [: layer]
    A = sigmoid(gain m)
    y = x ((1 - a) + a A)                  fusion: adaptive, a in (0, 1) learned per channel

*Previous layer* can mean two things, and `reuse` has both: "branch", the layer before in the
attention branch (its input is added again, so that it doesn't decay as the map is made), and
"layer", the attention module before in the network, whose pre-sigmoid map m (the `memory`),
averaged down to this layer's size, enters with a learned weight l.
W_e and g start at zero (`start="even"`): every gate starts as the constant 1/2, so that training
begins from the network without attention.

The readings that are compared (grid "readings"), each with the sentence it leans on:

    today     sentence 3, word by word: *adaptively* is a learned share a of the map.
    free      sentence 3 as CBAM's paper says it of itself, "adaptive feature refinement": y = x A
              and nothing else. W_e starts at random and the gain is above 1, since a gate that
              starts flat and learns slowly stays flat: by SGD a gain of k is a learning rate of
              k^2 on m. `fusion="multiply", start="random", gain=4.0`
    factored  sentences 1 and 2 on CBAM's wiring: see `iram.attention.factored`.

Where the gate stands, in the residual branch or after the addition, is the net's switch `place`.
"""

import torch
from torch import nn
from torch.nn import functional as F

from iram.attention.base import ATTENTION, Attention, check_positive, check_whole, check_word

REUSE = ("none", "branch", "layer", "both")
FUSION = ("multiply", "residual", "adaptive")
START = ("even", "random")


@ATTENTION.register("iram", title="IRAM")
class IRAM(Attention):
    """Full-size attention (N, C, H, W) that reuses what came before (module docstring).

    Args:
        reuse: "none", "branch", "layer" or "both".
        reduction: the branch works on C / reduction channels, never on fewer pixels; at least 1
            channel. 1 is the paper's "not reducing the dimensionality".
        fusion: "multiply" (y = x A), "residual" (y = x (1 + A)) or "adaptive".
        start: of W_e: "even" (zero: every gate starts as 1/2) or "random" (the usual one).
        gain: steepness of the sigmoid, above 0: an inverse temperature.

    Raises:
        InputError: a switch has a value that is not listed above.
    """

    def __init__(
        self,
        channels: int,
        memory_channels: int | None = None,
        reuse: str = "both",
        reduction: int = 1,
        fusion: str = "adaptive",
        start: str = "even",
        gain: float = 1.0,
    ):
        super().__init__(channels, memory_channels)
        check_whole("reduction", reduction)
        check_word("reuse", reuse, REUSE)
        check_word("fusion", fusion, FUSION)
        check_word("start", start, START)
        check_positive("gain", gain)
        self.fusion, self.gain = fusion, gain
        hidden = max(1, channels // reduction)
        self.squeeze = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden)
        )
        self.context = nn.Sequential(
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
        )
        self.expand = nn.Conv2d(hidden, channels, 1)
        if start == "even":
            nn.init.zeros_(self.expand.weight)
        nn.init.zeros_(self.expand.bias)

        self.reuse_branch = reuse in ("branch", "both")
        if self.reuse_branch:
            self.input_weight = nn.Parameter(torch.zeros(channels, 1, 1))  # g
        self.reuse_layer = reuse in ("layer", "both") and memory_channels is not None
        if self.reuse_layer:
            self.memory_weight = nn.Parameter(torch.ones(channels, 1, 1))  # l
            same = memory_channels == channels
            self.project = (
                nn.Identity() if same else nn.Conv2d(memory_channels, channels, 1, bias=False)
            )
        if fusion == "adaptive":
            self.refinement = nn.Parameter(torch.zeros(channels, 1, 1))  # a = sigmoid of it

    def gate(self, x, memory):
        logits = self.logits(x, memory)
        steep = logits if self.gain == 1 else self.gain * logits
        return steep.sigmoid(), logits

    def logits(self, x, memory):
        """The map before its sigmoid, (N, C, H, W): it is also what the next module reuses."""
        squeezed = self.squeeze(x)
        context = self.context(squeezed)
        if self.reuse_branch:
            context = context + squeezed
        logits = self.expand(context.relu())
        if self.reuse_branch:
            logits = torch.addcmul(logits, self.input_weight.to(x.dtype), x)
        if self.reuse_layer:
            if memory.shape[2:] != x.shape[2:]:
                memory = F.adaptive_avg_pool2d(memory, x.shape[2:])
            weight = self.memory_weight.to(x.dtype)
            logits = torch.addcmul(logits, weight, self.project(memory))
        return logits

    def fuse(self, x, attention):
        if self.fusion == "multiply":
            return x * attention
        if self.fusion == "residual":
            return x * (1 + attention)
        # How far the map refines this channel's response; in x's type, or bf16 turns into fp32.
        share = self.refinement.sigmoid().to(x.dtype)
        return x * torch.addcmul(1 - share, share, attention)

    def remember(self, attention, memory):
        # In single precision: in bfloat16 a gate near 1 is 1, and 1 - eps too.
        return (attention.float().logit(eps=1e-6) / self.gain).to(attention.dtype)
