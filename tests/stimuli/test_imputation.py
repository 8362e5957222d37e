"""Imputation against a sparse solver, one picture at a time, and by its own properties."""

import numpy as np
import pytest
import torch
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve
from torch.nn.functional import interpolate

from analysis.stimuli.fills.imputation import impute


def pictures(count, *size, seed=0):
    """Smooth pictures with some noise, (N, 1, H, W)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 1, 8, 8, generator=generator)
    noise = 0.1 * torch.rand(count, 1, *size, generator=generator)
    return 0.9 * interpolate(coarse, size=size, mode="bilinear") + noise


def masks(height, width):
    """A box, a half, scattered pixels, stripes, nearly all, the border, one pixel, none."""
    found = torch.zeros(8, height, width, dtype=torch.bool)
    found[0, height // 4 : -height // 4, width // 5 : -width // 5] = True
    found[1, height // 2 :] = True
    found[2] = torch.rand(height, width, generator=torch.Generator().manual_seed(0)) < 0.3
    found[3], found[3, :, ::4] = True, False
    found[4, 2:] = True
    found[5], found[5, 2:-2, 2:-2] = True, False
    found[6, height // 2, 0] = True
    return found


def solved(image, mask):
    """The exact solution for one picture (H, W)."""
    rows, columns = np.nonzero(mask)
    number = np.full(mask.shape, -1)
    number[rows, columns] = np.arange(len(rows))
    diagonal, known, entries = np.zeros(len(rows)), np.zeros(len(rows)), []
    for down, across in [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]:
        weight = 1 / 12 if down and across else 1 / 6
        y, x = rows + down, columns + across
        here = np.flatnonzero((y >= 0) & (y < mask.shape[0]) & (x >= 0) & (x < mask.shape[1]))
        other, value = number[y[here], x[here]], image[y[here], x[here]]
        diagonal[here] += weight
        known[here] += np.where(other < 0, weight * value, 0)
        entries.append((here[other >= 0], other[other >= 0], -weight))
    places = np.arange(len(rows))
    i, j, values = zip(*entries, (places, places, diagonal), strict=True)
    values = np.concatenate([np.broadcast_to(v, len(at)) for v, at in zip(values, i, strict=True)])
    system = coo_array((values, (np.concatenate(i), np.concatenate(j))))
    filled = image.copy()
    filled[rows, columns] = spsolve(system.tocsc(), known)
    return filled


@pytest.mark.parametrize("size", [(48, 48), (37, 50)])
def test_it_agrees_with_a_sparse_solver(size):
    mask = masks(*size)[:7]
    images = pictures(7, *size)
    found = impute(images, mask)[:, 0]
    exact = [solved(image, one) for image, one in zip(images[:, 0].double().numpy(), mask.numpy(),
                                                      strict=True)]
    np.testing.assert_allclose(found, exact, atol=1e-3)
    torch.testing.assert_close(found[~mask], images[:, 0][~mask], rtol=0, atol=0)


def test_a_finer_tolerance_comes_closer():
    mask, image = masks(48, 48)[1:2], pictures(1, 48, 48).double()
    exact = solved(image[0, 0].numpy(), mask[0].numpy())
    errors = [np.abs(impute(image, mask, tolerance)[0, 0].numpy() - exact).max()
              for tolerance in (1e-3, 1e-5, 1e-9)]
    assert errors[0] > 10 * errors[1] > 1000 * errors[2]


def test_a_pixel_in_a_corner_is_the_mean_of_its_three_neighbours():
    image = torch.zeros(1, 1, 4, 4)
    image[0, 0, 0, 1], image[0, 0, 1, 0], image[0, 0, 1, 1], image[0, 0, 0, 0] = 0.2, 0.4, 0.8, 1
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[0, 0, 0] = True
    assert impute(image, mask)[0, 0, 0, 0].item() == pytest.approx((2 * 0.2 + 2 * 0.4 + 0.8) / 5)


def test_imputed_values_lie_between_the_known_ones():
    mask, images = masks(48, 48), pictures(8, 48, 48)
    for filled, image, hidden in zip(impute(images, mask), images, mask, strict=True):
        known = image[:, ~hidden]
        assert filled.min() >= known.min() - 1e-3
        assert filled.max() <= known.max() + 1e-3


def test_what_is_under_the_mask_has_no_influence():
    mask, images = masks(48, 48), pictures(8, 48, 48)
    other = torch.where(mask[:, None], torch.rand(8, 1, 48, 48), images)
    assert torch.equal(impute(images, mask), impute(other, mask))


@pytest.mark.parametrize("size", [(48, 48), (31, 44)])
def test_a_picture_is_imputed_alike_alone_and_in_any_batch(size):
    mask, images = masks(*size).repeat(3, 1, 1), pictures(24, *size)
    together = impute(images, mask)
    for part in (slice(0, 1), slice(4, 5), slice(3, 10), slice(20, 24)):
        assert torch.equal(impute(images[part], mask[part]), together[part])


def test_a_mask_can_be_shared():
    mask, images = masks(48, 48)[:1], pictures(5, 48, 48)
    assert torch.equal(impute(images, mask), impute(images, mask.repeat(5, 1, 1)))


def test_channels_are_imputed_each_by_itself():
    mask, images = masks(48, 48)[:4], pictures(12, 48, 48).view(4, 3, 48, 48)
    apart = [impute(images[:, channel : channel + 1], mask) for channel in range(3)]
    assert torch.equal(impute(images, mask), torch.cat(apart, 1))


def test_a_picture_covered_wholly_is_its_own_mean():
    images = pictures(3, 48, 48)
    mask = masks(48, 48)[:3]
    mask[1] = True
    filled = impute(images, mask)
    torch.testing.assert_close(filled[1], images[1].mean().expand(1, 48, 48))
    assert torch.equal(filled[[0, 2]], impute(images[[0, 2]], mask[[0, 2]]))


def test_images_are_left_as_they_were():
    mask, images = masks(48, 48), pictures(8, 48, 48)
    before = images.clone()
    impute(images, mask)
    assert torch.equal(images, before)


@pytest.mark.parametrize("mask", [torch.zeros(2, 48, 48), torch.zeros(3, 48, 48).bool(),
                                  torch.zeros(48, 48).bool()])
def test_a_mask_that_does_not_fit_is_refused_with_both_shapes(mask):
    with pytest.raises(ValueError, match=r"a bool mask of shape \(2, 48, 48\) or \(1, 48, 48\)"):
        impute(pictures(2, 48, 48), mask)


def test_a_picture_of_one_row_is_refused():
    with pytest.raises(ValueError, match="2 pixels a side"):
        impute(torch.rand(1, 1, 1, 9), torch.ones(1, 1, 9).bool())


def test_too_few_steps_are_an_error_not_a_result(monkeypatch):
    monkeypatch.setattr("analysis.stimuli.fills.imputation.MAX_STEPS", 2)
    with pytest.raises(ArithmeticError, match="residual above 1e-05 after 2 steps"):
        impute(pictures(1, 48, 48), masks(48, 48)[:1])
