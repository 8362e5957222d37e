"""What chains see of a face: by hand, and open to gradients."""

import pytest
import torch
from torch.nn import functional as F

from iram.zoo.views import BinaryPatterns, Equalised, LearnedPatterns, Part

VIEWS = {"part": Part(8, (0.25, 0.0, 0.75, 0.5)), "equalised": Equalised(),
         "binary": BinaryPatterns(), "learned": LearnedPatterns()}


def faces(count=2, side=16):
    return torch.randn(count, 1, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_each_pictures_own_and_lets_gradients_pass(name):
    x = faces().requires_grad_()
    seen = VIEWS[name](x)
    torch.testing.assert_close(VIEWS[name](x[1:]), seen[1:])
    seen[0].square().sum().backward()
    assert x.grad.isfinite().all()
    assert x.grad[0].abs().max() > 0
    assert x.grad[1].abs().max() == 0


def test_a_part_is_its_box_resampled():
    x = faces(1)
    wanted = F.interpolate(x[:, :, 0:8, 4:12], (8, 8))
    torch.testing.assert_close(Part(8, (0.25, 0.0, 0.75, 0.5))(x), wanted)


def test_equalised_is_the_rank_of_each_pixel():
    x = faces(1, 32)
    order = x.flatten().argsort().argsort() / (x.numel() - 1)
    seen = Equalised(steps=256)(x)
    torch.testing.assert_close(seen.flatten(), 2 * order - 1, atol=0.01, rtol=0)
    # A monotone change of the light changes nothing.
    torch.testing.assert_close(Equalised(256)(3 * x + 1), seen, atol=0.01, rtol=0)
    assert Equalised()(torch.zeros(1, 1, 4, 4)).isfinite().all()


def test_binary_patterns_are_the_code_of_the_neighbours():
    x = torch.zeros(1, 1, 3, 3)
    x[0, 0, 0, 0], x[0, 0, 0, 1], x[0, 0, 1, 1] = 2.0, 2.0, 1.0  # bits 0 and 1 alone are brighter
    code = (BinaryPatterns(softness=0.01)(x)[0, 0, 1, 1] + 1) * 255 / 2
    assert code.item() == pytest.approx(3)


def test_learned_patterns_are_the_nearest_centres_of_kmeans():
    """Faces of two kinds of patches, stripes across and along: each is found, and told apart."""
    across = torch.tensor([1.0, -1.0, -1.0]).repeat(4)[:, None].expand(12, 12)
    x = torch.stack([across, across.T])[:, None]
    view = LearnedPatterns(6)
    before = view.patterns.clone()
    view.fit(x, 3)
    assert not torch.equal(view.patterns, before)
    seen = view(x)
    assert torch.equal(seen[:, :1], x)
    torch.testing.assert_close(seen[:, 1:].sum(1), torch.ones(2, 12, 12))
    inside = seen[:, 1:, 2:-2, 2:-2]
    nearest = [set(one.argmax(0).flatten().tolist()) for one in inside]
    assert [len(one) for one in nearest] == [3, 3]
    assert not nearest[0] & nearest[1]
    patch = F.unfold(x[:1], 3)[0]
    distances = torch.cdist((patch - patch.mean(0)).T, view.patterns.flatten(1)) ** 2
    known = (-4 * distances).softmax(1)
    torch.testing.assert_close(seen[0, 1:, 1:-1, 1:-1].flatten(1).T, known, atol=1e-4, rtol=0)
    same = LearnedPatterns(6)
    same.fit(x, 3)
    assert torch.equal(same.patterns, view.patterns)
