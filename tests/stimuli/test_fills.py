"""Every fill keeps the contract; some are checked against an oracle."""

from collections import Counter

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from tiny import dataset

from analysis.stimuli.fills import FILLS, Scene, paint
from analysis.stimuli.fills.borrowed import donors
from analysis.stimuli.fills.imputation import NOISE_SD, impute
from analysis.stimuli.fills.plain import NOISE_MEAN, gaussian_matrix
from analysis.stimuli.fills.plain import NOISE_SD as WHITE_SD
from analysis.stimuli.fills.texture import FACE_MEAN, FACE_SD, SLOPE
from analysis.stimuli.layout import mean_layout
from analysis.stimuli.occluders import cover
from iram.data.dataset import FaceDataset
from iram.errors import InputError
from iram.seeds import generators

FACES = dataset(28)  # four of each of seven classes
MASK = torch.zeros(48, 48, dtype=torch.bool)
MASK[10:30, 5:40] = True
PAINTS = [name for name in FILLS if name != "object"]  # which objects alone have


@pytest.fixture
def images():
    return torch.rand(3, 1, 48, 48, generator=torch.Generator().manual_seed(0))


def scene(fill, images, part=slice(0, 3), faces=FACES, seed=0):
    ids = faces.metadata["image_id"][part]
    return Scene(images, MASK[None], generators(seed, fill, ids), faces, part)


def filled(fill, images, part=slice(0, 3)):
    return paint(scene(fill, images, part), fill), MASK


@pytest.mark.parametrize("fill", PAINTS)
def test_only_what_is_under_the_mask_changes(fill, images):
    before = images.clone()
    painted, mask = filled(fill, images)
    assert painted.shape == images.shape
    torch.testing.assert_close(painted[..., ~mask], images[..., ~mask], rtol=0, atol=0)
    assert not torch.equal(painted[..., mask], images[..., mask])
    assert painted.min() >= 0
    assert painted.max() <= 1
    assert torch.equal(images, before)


@pytest.mark.parametrize("fill", PAINTS)
def test_a_picture_is_painted_alike_alone_and_in_a_batch(fill, images):
    painted, _ = filled(fill, images)
    alone, _ = filled(fill, images[1:2], slice(1, 2))
    assert torch.equal(alone[0], painted[1])


def test_mean_is_each_pictures_own_mean(images):
    painted, mask = filled("mean", images)
    expected = images.mean((1, 2, 3))[:, None].expand(3, int(mask.sum()))
    torch.testing.assert_close(painted[:, 0][:, mask], expected)


def test_noise_has_the_stated_mean_and_spread_and_differs_between_pictures(images):
    painted, mask = filled("noise", images)
    values = painted[:, 0][:, mask]
    assert values.mean() == pytest.approx(NOISE_MEAN, abs=0.02)
    assert values.std() == pytest.approx(WHITE_SD, abs=0.03)
    assert not torch.equal(values[0], values[1])


def test_blur_agrees_with_scipy(images):
    blurred = FILLS["blur"](Scene(images, torch.ones(1, 48, 48, dtype=torch.bool)))
    ours, theirs = blurred[0, 0].numpy(), gaussian_filter(
        images[0, 0].numpy().astype(np.float64), 48 / 8, mode="nearest", truncate=8
    )
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


def test_blur_leaves_a_constant_picture_as_it_is():
    torch.testing.assert_close(gaussian_matrix(48).sum(1), torch.ones(48))


def test_texture_has_the_stated_mean_and_spread_before_clipping():
    values = FILLS["texture"](scene("texture", torch.zeros(28, 1, 48, 48), slice(0, 28)))
    assert values.mean() == pytest.approx(FACE_MEAN, abs=0.005)
    assert values.std((1, 2, 3)).mean() == pytest.approx(FACE_SD, rel=0.02)
    assert not torch.equal(values[0], values[1])


def test_texture_has_the_stated_spectrum():
    values = FILLS["texture"](scene("texture", torch.zeros(28, 1, 48, 48), slice(0, 28)))
    power = torch.fft.rfft2(values)[:, 0].abs().square().mean(0)[0, 2:20].log()
    frequency = torch.arange(2, 20).log()
    slope = np.polyfit(frequency, power, 1)[0] / 2
    assert slope == pytest.approx(-SLOPE, abs=0.15)


def test_a_phase_scrambled_picture_keeps_its_mean_and_amplitudes_and_nothing_of_its_structure():
    faint = 0.5 + 0.05 * (FACES.images(slice(0, 28)) - 0.5)  # nothing to clip
    scrambled = FILLS["phase_scrambled"](scene("phase_scrambled", faint, slice(0, 28)))
    torch.testing.assert_close(
        torch.fft.rfft2(scrambled).abs(), torch.fft.rfft2(faint).abs(), rtol=1e-4, atol=1e-4
    )
    torch.testing.assert_close(scrambled.mean((1, 2, 3)), faint.mean((1, 2, 3)))
    pairs = zip(scrambled.flatten(1), faint.flatten(1), strict=True)
    correlations = [torch.corrcoef(torch.stack(pair))[0, 1] for pair in pairs]
    assert abs(np.mean(correlations)) < 0.1


@pytest.mark.parametrize("fill", ["same_class", "other_class"])
def test_a_borrowed_face_is_another_one_of_the_right_class(fill):
    part = slice(3, 28)
    for seed in range(5):
        borrowed = donors(scene(fill, FACES.images(part), part, seed=seed), fill == "same_class")
        same = FACES.labels[borrowed] == FACES.labels[part]
        assert same.all() if fill == "same_class" else not same.any()
        assert not (borrowed == torch.arange(3, 28)).any()


@pytest.mark.parametrize(("fill", "candidates"), [("same_class", 3), ("other_class", 24)])
def test_all_faces_that_may_be_borrowed_are_equally_likely(fill, candidates):
    part = slice(8, 9)
    chosen = Counter(
        int(donors(scene(fill, FACES.images(part), part, seed=seed), fill == "same_class"))
        for seed in range(20 * candidates)
    )
    assert len(chosen) == candidates
    assert max(chosen.values()) < 40


@pytest.mark.parametrize("fill", ["same_class", "other_class"])
def test_only_the_borrowed_faces_are_read(fill, images, monkeypatch):
    expected = donors(scene(fill, images), fill == "same_class")
    read = []

    def recorded(self, rows, original=FaceDataset.read_pixels):
        read.extend(rows)
        return original(self, rows)

    monkeypatch.setattr(FaceDataset, "read_pixels", recorded)
    pixels = FILLS[fill](scene(fill, images))
    assert read == expected.tolist()
    monkeypatch.undo()
    assert torch.equal(pixels, FACES.images(expected))


def test_a_face_without_another_of_its_class_is_named_by_its_class(images):
    faces = FACES.subset([0, 1, 2, 7])
    with pytest.raises(InputError, match=r"'same_class' needs 2 faces .* has 1 of: disgust, fear"):
        FILLS["same_class"](scene("same_class", images, faces=faces))
    FILLS["other_class"](scene("other_class", images, faces=faces))


def test_a_single_class_has_no_other(images):
    faces = FACES.subset([0, 7, 14])
    with pytest.raises(InputError, match="needs faces of 2 classes; all 3 of tiny are: angry"):
        FILLS["other_class"](scene("other_class", images, faces=faces))
    FILLS["same_class"](scene("same_class", images, faces=faces))


@pytest.mark.parametrize("fill", ["same_class", "other_class"])
def test_without_a_data_set_there_is_nothing_to_borrow(fill, images):
    with pytest.raises(InputError, match=f"'{fill}' .* no data set is given"):
        FILLS[fill](Scene(images, MASK[None], ()))
    with pytest.raises(InputError, match="no place of the pictures"):
        FILLS[fill](Scene(images, MASK[None], (), FACES))


def test_imputed_pixels_are_the_imputation_with_a_little_noise(images):
    painted, mask = filled("imputed", images)
    noise = (painted - impute(images, mask[None]))[:, 0, mask]
    assert noise.mean() == pytest.approx(0, abs=0.001)
    assert noise.std() == pytest.approx(NOISE_SD, rel=0.05)
    assert not torch.equal(noise[0], noise[1])


def sunglasses(images, ids=("a", "b", "c")):
    layout = mean_layout(48)
    covered = cover("sunglasses", None, layout, generators(0, "sunglasses", ids))
    return paint(Scene(images, covered.mask, cover=covered), "object"), covered


def test_an_object_is_dark_where_it_is_drawn_dark_and_leaves_the_rest_alone(images):
    painted, covered = sunglasses(images)
    assert painted[:, 0][covered.mask].mean() < 0.35
    away = covered.alpha == 0
    assert torch.equal(painted[:, 0][away], images[:, 0][away])
    assert painted.min() >= 0
    assert painted.max() <= 1
    alone, _ = sunglasses(images[1:2], ("b",))
    assert torch.equal(alone[0], painted[1])


def test_an_object_is_lit_as_the_picture_is(images):
    dark, bright = (sunglasses(light * images)[0] for light in (0.2, 1.0))
    mask = sunglasses(images)[1].mask
    assert dark[:, 0][mask].mean() < 0.8 * bright[:, 0][mask].mean()


def test_a_hand_has_the_gray_of_the_skin_around_it():
    for gray in (0.2, 0.6):
        images = torch.full((4, 1, 48, 48), gray)
        covered = cover("hand", None, mean_layout(48), generators(0, "hand", "abcd"))
        painted = paint(Scene(images, covered.mask, cover=covered), "object")
        assert painted[:, 0][covered.mask].mean() == pytest.approx(gray, rel=0.25)


def test_a_region_has_no_look_of_its_own(images):
    covered = cover("eyes", 0.3, mean_layout(48), iter(()))
    with pytest.raises(InputError, match="no look of its own"):
        paint(Scene(images, covered.mask, cover=covered), "object")
