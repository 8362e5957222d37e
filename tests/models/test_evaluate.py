"""Evaluation: logits that do not depend on the batches, and accuracies with intervals."""

import numpy as np
import pytest
import torch
from torch import nn
from toy import toy_faces

from iram import build_model
from iram.evaluate import accuracy, evaluating, predict, seen_as


@pytest.fixture
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_model(num_classes=2, width=0.25, input_size=16)


def test_logits_do_not_depend_on_the_batch_size(model):
    dataset = toy_faces()
    whole = predict(model, dataset)
    assert whole.shape == (56, 2)
    assert whole.dtype == torch.float32
    for batch_size in (1, 5, 56):
        torch.testing.assert_close(predict(model, dataset, batch_size=batch_size), whole)


def test_logits_are_the_models_own_in_eval_mode(model):
    dataset = toy_faces()
    model.train()
    found = predict(model, dataset, batch_size=20)
    with torch.no_grad():
        expected = model.eval()(dataset.images(slice(None)))
    torch.testing.assert_close(found, expected)


def test_a_flip_averages_the_logits_of_both_mirror_images(model):
    dataset = toy_faces()
    x = dataset.images(slice(None))
    with torch.no_grad():
        model.eval()
        plain, mirrored = model(x), model(x.flip(3))
    assert not torch.allclose(plain, mirrored, atol=1e-4)
    torch.testing.assert_close(predict(model, dataset, views="flip"), (plain + mirrored) / 2)


def test_ten_crops_are_the_corners_and_the_centre_and_their_mirror_images():
    # 12 px: crops of 11, at 0 or 1; the centre's place is rounded down, onto the first corner's.
    x = torch.rand(2, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    found = list(seen_as(x, "crops"))
    assert len(found) == 10
    for crop, (top, left) in zip(found[::2], [(0, 0), (0, 1), (1, 0), (1, 1), (0, 0)], strict=True):
        # Scaled by 12/11: the first pixel's centre, 0.5, comes from 0.5 * 11/12 = 0.4583, that is
        # before the crop's first centre, so it is that pixel; the last one likewise.
        for at, place in ((0, 0), (11, 10)):
            torch.testing.assert_close(crop[..., at, at], x[..., top + place, left + place])
        # Along the first row, pixel 1 lies at 1.5 * 11/12 = 1.375: 1/8 of pixel 0, 7/8 of pixel 1.
        row = x[..., top, left : left + 2]
        torch.testing.assert_close(crop[..., 0, 1], row[..., 0] / 8 + 7 * row[..., 1] / 8)
    for crop, mirrored in zip(found[::2], found[1::2], strict=True):
        assert torch.equal(crop.flip(3), mirrored)


def test_crops_average_the_logits_of_all_views(model):
    dataset = toy_faces()
    with torch.no_grad():
        model.eval()
        logits = [model(view) for view in seen_as(dataset.images(slice(None)), "crops")]
    expected = sum(logits) / 10
    torch.testing.assert_close(predict(model, dataset, views="crops", batch_size=9), expected)
    assert not torch.allclose(expected, predict(model, dataset, views="flip"), atol=1e-4)


def test_unknown_views_are_named(model):
    with pytest.raises(ValueError, match=r"'five'.*single, flip, crops"):
        predict(model, toy_faces(), views="five")


def test_bf16_is_near_fp32_and_not_the_same(model):
    exact, rough = predict(model, toy_faces()), predict(model, toy_faces(), bf16=True)
    assert rough.dtype == torch.float32
    assert not torch.equal(exact, rough)
    torch.testing.assert_close(exact, rough, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("training", [True, False])
def test_every_modules_mode_is_restored_also_after_an_error(model, training):
    model.train(training)
    model.backbone.stem.train(not training)  # as a user who freezes a part would
    before = [module.training for module in model.modules()]
    predict(model, toy_faces((4, 2, 2)))
    assert [module.training for module in model.modules()] == before
    with evaluating(model):
        assert not any(module.training for module in model.modules())
    with pytest.raises(ZeroDivisionError), evaluating(model):
        raise ZeroDivisionError
    assert [module.training for module in model.modules()] == before


def test_predicting_leaves_the_running_statistics_alone(model):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    predict(model.train(), toy_faces())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_any_module_can_be_evaluated():
    flat = nn.Sequential(nn.Flatten(), nn.Linear(256, 3))
    assert predict(flat, toy_faces()).shape == (56, 3)


def test_the_interval_is_wilsons():
    # p = 0.8, n = 10, z = 1.96: centre (0.8 + z^2 / 20) / (1 + z^2 / 10) = 0.7168, half 0.2266
    logits = torch.eye(2)[torch.tensor([0] * 8 + [1] * 2)]
    result = accuracy(logits, torch.zeros(10, dtype=torch.long))
    assert (result["accuracy"], result["n"]) == (0.8, 10)
    assert result["low"] == pytest.approx(0.4902, abs=2e-4)
    assert result["high"] == pytest.approx(0.9433, abs=2e-4)


@pytest.mark.parametrize("hits", [0, 5])
def test_the_interval_of_none_or_all_right_stays_in_0_to_1(hits):
    result = accuracy(torch.eye(2)[torch.zeros(5, dtype=torch.long)],
                      torch.tensor([0] * hits + [1] * (5 - hits)))
    assert result["accuracy"] == hits / 5
    assert 0 <= result["low"] < result["high"] <= 1
    assert result["high"] - result["low"] > 0.4


def test_copies_of_a_picture_tell_no_more_than_one():
    """100 faces, each twice: the interval is that of 100, not of 200."""
    right = torch.tensor([0] * 70 + [1] * 30)
    alone = accuracy(torch.eye(2)[right], torch.zeros(100, dtype=torch.long))
    twice = accuracy(torch.eye(2)[right.repeat(2)], torch.zeros(200, dtype=torch.long),
                     np.arange(100).repeat(2).reshape(100, 2).T.ravel())
    assert {**twice, "n": 100} == alone
    assert (twice["n"], twice["pictures"]) == (200, 100)
    blind = accuracy(torch.eye(2)[right.repeat(2)], torch.zeros(200, dtype=torch.long))
    assert blind["high"] - blind["low"] < 0.75 * (alone["high"] - alone["low"])


def test_the_interval_covers_the_truth_as_often_as_it_says_where_faces_are_copied():
    """2,000 draws of 60 pictures, a third of them four times."""
    chance = np.random.default_rng(0)
    same = np.concatenate([np.arange(60), np.repeat(np.arange(20), 3)])
    covered = 0
    for _ in range(2000):
        hits = chance.random(60) < 0.7
        found = accuracy(torch.eye(2)[torch.tensor(~hits[same]).long()],
                         torch.zeros(120, dtype=torch.long), same)
        covered += found["low"] <= 0.7 <= found["high"]
    assert 0.93 <= covered / 2000 <= 0.98


def test_copies_that_are_answered_differently_are_no_more_than_the_different_pictures():
    right = torch.tensor([0, 1] * 20)
    found = accuracy(torch.eye(2)[right], torch.zeros(40, dtype=torch.long), np.arange(40) // 2)
    expected = accuracy(torch.eye(2)[right[:20]], torch.zeros(20, dtype=torch.long))
    assert (found["low"], found["high"]) == (expected["low"], expected["high"])
