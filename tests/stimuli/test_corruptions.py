"""Every corruption keeps the contract; each is checked against an oracle."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch.nn.functional import interpolate

from analysis.stimuli.corruptions import CORRUPTIONS, SEVERITIES, squares_matrix, value
from analysis.stimuli.fills import FILLS, Scene
from iram.errors import InputError
from iram.seeds import generators

IDS = [f"face{i}" for i in range(5)]


@pytest.fixture(scope="module")
def images():
    """Pictures with the mean, contrast and spectrum of faces, in 8 bits."""
    mask = torch.ones(1, 48, 48, dtype=torch.bool)
    scene = Scene(torch.zeros(5, 1, 48, 48), mask, generators(0, "texture", IDS))
    return FILLS["texture"](scene).mul(255).round().div(255)


def corrupted(kind, images, severity, ids=IDS):
    return CORRUPTIONS[kind](images, severity, generators(0, kind, ids))


def test_each_kind_has_five_values():
    assert {len(CORRUPTIONS.about(kind).values) for kind in CORRUPTIONS} == {len(SEVERITIES)}


@pytest.mark.parametrize("kind", CORRUPTIONS)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_pictures_keep_shape_and_range_and_are_left_as_they_were(kind, severity, images):
    before = images.clone()
    found = corrupted(kind, images, severity)
    assert found.shape == images.shape
    assert found.dtype == torch.float32
    assert found.min() >= 0
    assert found.max() <= 1
    assert torch.equal(images, before)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_picture_is_corrupted_alike_alone_and_in_a_batch(kind, images):
    together = corrupted(kind, images, 3)
    for i in range(len(images)):
        assert torch.equal(corrupted(kind, images[i : i + 1], 3, IDS[i : i + 1])[0], together[i])


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_each_severity_changes_more_than_the_one_before(kind, images):
    changes = [(corrupted(kind, images, s) - images).square().mean((1, 2, 3)) for s in SEVERITIES]
    growth = torch.stack(changes).diff(dim=0)
    assert (changes[0] > 0).all()
    assert (growth > 0).all()


@pytest.mark.parametrize("kind", CORRUPTIONS)
@pytest.mark.parametrize("severity", [0, 6, -1, 2.5, "3", None])
def test_a_severity_that_is_none_is_named(kind, severity, images):
    with pytest.raises(InputError, match=rf"whole number from 1 to 5, not {severity!r} \({kind}"):
        corrupted(kind, images, severity)


def test_an_unknown_corruption_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'gaussian_blur'"):
        CORRUPTIONS["gaussian_blurr"]


@pytest.mark.parametrize("severity", SEVERITIES)
def test_noise_has_the_stated_spread_and_differs_between_pictures(severity):
    gray = torch.full((5, 1, 48, 48), 0.5)
    noise = corrupted("gaussian_noise", gray, severity) - gray
    assert noise.mean() == pytest.approx(0, abs=0.005)
    assert noise.std() == pytest.approx(value("gaussian_noise", severity), rel=0.03)
    assert not torch.equal(noise[0], noise[1])


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("size", [48, 96])
def test_blur_agrees_with_scipy_at_a_sigma_that_scales_with_the_side(severity, size, images):
    picture = interpolate(images[:1], size=size)
    sigma = value("gaussian_blur", severity) * size / 48
    theirs = gaussian_filter(picture[0, 0].numpy().astype(np.float64), sigma, mode="nearest",
                             truncate=6)
    ours = CORRUPTIONS["gaussian_blur"](picture, severity)[0, 0].numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_pixelate_at_four_pixels_a_side_averages_blocks_of_two():
    picture = torch.tensor([[0.0, 0.4, 1.0, 1.0],
                            [0.2, 0.6, 1.0, 1.0],
                            [0.1, 0.1, 0.5, 0.7],
                            [0.1, 0.1, 0.7, 0.5]])
    expected = torch.tensor([[0.3, 1.0], [0.1, 0.6]]).repeat_interleave(2, 0)
    found = CORRUPTIONS["pixelate"](picture[None, None], 5)  # int(4 x 0.575) = 2 pixels
    torch.testing.assert_close(found[0, 0], expected.repeat_interleave(2, 1))


def test_pixelate_shares_a_pixel_between_squares_by_area():
    matrix = squares_matrix(3, 0.7)  # 2 squares of 1.5 pixels
    square = torch.tensor([[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]])
    torch.testing.assert_close(matrix, torch.stack([square[0], square.mean(0), square[1]]))
    for side in (48, 50, 97):
        torch.testing.assert_close(squares_matrix(side, 0.675).sum(1), torch.ones(side))


def test_contrast_is_drawn_towards_the_pictures_own_mean():
    picture = torch.tensor([[0.0, 1.0], [0.5, 0.5]])[None, None]
    darker = picture / 2
    found = CORRUPTIONS["contrast"](torch.cat([picture, darker]), 3)
    torch.testing.assert_close(found[0, 0], torch.tensor([[0.35, 0.65], [0.5, 0.5]]))
    torch.testing.assert_close(found[1, 0], torch.tensor([[0.175, 0.325], [0.25, 0.25]]))


@pytest.mark.parametrize("severity", SEVERITIES)
def test_jpeg_is_pillows_at_the_stated_quality(severity, images):
    file = io.BytesIO()
    pixels = images[2, 0].mul(255).round().to(torch.uint8).numpy()
    Image.fromarray(pixels).save(file, "JPEG", quality=(73, 62, 54, 45, 33)[severity - 1])
    theirs = np.asarray(Image.open(file), np.float32) / 255
    np.testing.assert_array_equal(CORRUPTIONS["jpeg"](images, severity)[2, 0].numpy(), theirs)
