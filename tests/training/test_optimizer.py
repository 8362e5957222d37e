"""Muon: orthogonal updates of kernels, and of nothing else."""

import itertools
import math

import pytest
import torch
from torch import nn

from iram import build_model
from iram.training.optimizer import COEFFICIENTS, ITERATIONS, MOMENTUM, Muon, optimizers, orthogonal
from iram.training.recipe import Recipe


@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (16, 16)])
@pytest.mark.parametrize("least", [1.0, 0.1, 1e-3, 1e-5])
def test_an_orthogonal_matrix_keeps_the_directions_and_evens_their_lengths(shape, least):
    random = torch.randn(shape, generator=torch.Generator().manual_seed(1)).double()
    u, s, vh = torch.linalg.svd(random, full_matrices=False)
    lengths = torch.logspace(0, math.log10(least), len(s), dtype=torch.float64)
    turned = u.T @ orthogonal(u @ lengths.diag() @ vh).double() @ vh.T  # in its own directions
    wanted = lengths / lengths.norm()
    for _ in range(ITERATIONS):  # what Newton and Schulz do to a number
        wanted = sum(c * wanted**power for c, power in zip(COEFFICIENTS, (1, 3, 5), strict=True))
    torch.testing.assert_close(turned, wanted.diag(), rtol=0, atol=1e-3)
    assert least < 0.1 or 0.6 < wanted.min() <= wanted.max() < 1.3


def test_nothing_comes_of_a_gradient_of_zero():
    assert torch.equal(orthogonal(torch.zeros(3, 5)), torch.zeros(3, 5))


def test_a_step_is_decay_and_the_orthogonal_momentum():
    kernel = nn.Parameter(torch.randn(8, 4, 3, 3).contiguous(memory_format=torch.channels_last))
    muon, before, momentum = Muon([kernel], 0.1, 0.5), kernel.detach().clone(), 0.0
    for _ in range(2):
        kernel.grad = torch.randn_like(kernel)
        momentum = MOMENTUM * momentum + (1 - MOMENTUM) * kernel.grad
        ahead = MOMENTUM * momentum + (1 - MOMENTUM) * kernel.grad
        matrix = orthogonal(ahead.permute(0, 2, 3, 1).reshape(8, 36))
        update = matrix.reshape(8, 3, 3, 4).permute(0, 3, 1, 2)
        before = before * (1 - 0.1 * 0.5) - 0.1 * update
        muon.step()
        torch.testing.assert_close(kernel.detach(), before)


@pytest.mark.parametrize("attention", ["none", "iram", "cbam"])
@pytest.mark.parametrize("muon", [0.0, 0.02])
def test_every_parameter_has_one_optimizer_and_muon_has_the_kernels(attention, muon):
    model = build_model(attention=attention, width=0.25)
    found = optimizers(model, Recipe(muon=muon))
    stepped = [[id(p) for group in one.param_groups for p in group["params"]] for one in found]
    assert sorted(itertools.chain(*stepped)) == sorted(map(id, model.parameters()))
    assert len(found) == (2 if muon else 1)
    if muon:
        assert set(stepped[0]) == {id(p) for p in model.parameters() if p.ndim == 4}
