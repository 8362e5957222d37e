"""How the weights are stepped: SGD, or Muon for the kernels of convolutions; and how far.

Muon is written here since `torch.optim.Muon` takes matrices alone, wants torch 2.9, and always
computes in bf16: a processor that emulates it takes twelve times as long as in fp32 (measured), and
one that has it is slower than in fp32 too, at the sizes of these kernels.
"""

import math

import torch
from torch import Tensor, nn

from iram.training.recipe import Recipe

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # Jordan's quintic, steepest at 0
ITERATIONS = 5
MOMENTUM = 0.95


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) on kernels (out, in, h, w).

    The Nesterov momentum of a kernel, as a matrix (out, in h w), is replaced by nearly the nearest
    one with orthonormal rows: every direction moves as far, also those with small gradients. The
    decay is decoupled from the gradient (Loshchilov & Hutter, ICLR 2019).
    """

    def __init__(self, kernels: list[Tensor], lr: float, weight_decay: float):
        super().__init__(kernels, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        for group in self.param_groups:
            for kernel in group["params"]:
                state = self.state[kernel]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(kernel)
                momentum = state["momentum_buffer"].lerp_(kernel.grad, 1 - MOMENTUM)
                ahead = kernel.grad.lerp(momentum, MOMENTUM)
                rows = ahead.permute(0, 2, 3, 1)  # as channels_last has them in memory
                matrix = orthogonal(rows.flatten(1))
                update = matrix.view(rows.shape).permute(0, 3, 1, 2)
                tall = max(1.0, matrix.shape[0] / matrix.shape[1])
                kernel.mul_(1 - group["lr"] * group["weight_decay"])
                kernel.sub_(update, alpha=group["lr"] * math.sqrt(tall))


def orthogonal(matrix: Tensor) -> Tensor:
    """U V^T of the matrix U S V^T, nearly: its singular values come to 0.7 to 1.2, by five
    Newton-Schulz iterations. float32, of the same shape; zeros stay zeros.

    Each iteration multiplies x by a polynomial p of its Gram matrix g = x x^T, and so makes g to
    p g p: only g, the smaller, is iterated, and x is multiplied by all of them at the end.
    """
    a, b, c = COEFFICIENTS
    x = matrix.float()
    x = x.T if len(matrix) > matrix.shape[1] else x
    x = x / (x.norm() + 1e-7)
    gram, unit = x @ x.T, torch.eye(len(x), device=x.device)
    every = unit
    for _ in range(ITERATIONS):
        polynomial = torch.addmm(gram, gram, gram, beta=b, alpha=c).add_(unit, alpha=a)
        every = polynomial @ every
        gram = polynomial @ gram @ polynomial
    x = every @ x
    return x.T if len(matrix) > matrix.shape[1] else x


def optimizers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """SGD of all parameters or, with Muon on, of all but the convolutions' kernels. Each group has
    its `peak`: the learning rate at the height of the schedule."""
    decayed, kept = parameter_groups(model, recipe.weight_decay)
    found: list[torch.optim.Optimizer] = []
    if recipe.muon:
        kernels = [p for p in decayed["params"] if p.ndim == 4]
        decayed["params"] = [p for p in decayed["params"] if p.ndim != 4]
        found.append(Muon(kernels, recipe.muon, recipe.muon_decay))
    groups = [group for group in (decayed, kept) if group["params"]]
    found.append(torch.optim.SGD(groups, recipe.lr, recipe.momentum, nesterov=True))
    for optimizer in found:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return found


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Weights, which decay, and the rest (biases, norms, per-channel gains), which do not."""
    decayed = [p for p in model.parameters() if p.numel() > p.shape[0]]
    kept = [p for p in model.parameters() if p.numel() <= p.shape[0]]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]


def height(recipe: Recipe, share: float) -> float:
    """Of the learning rates after this share of all steps, 1 at their peaks: linear warm-up, then
    a cosine down to 0."""
    if share < recipe.warmup:
        return 0.04 + 0.96 * share / recipe.warmup
    left = (share - recipe.warmup) / max(1 - recipe.warmup, 1e-9)
    return (1 + math.cos(math.pi * left)) / 2
