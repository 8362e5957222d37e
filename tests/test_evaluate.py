"""Evaluation: logits that do not depend on the batches, and accuracies with intervals."""

import pytest
import torch
from torch import nn
from toy import toy_faces

from iram import build_model
from iram.evaluate import accuracy, evaluating, predict


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
    torch.testing.assert_close(predict(model, dataset, flip=True), (plain + mirrored) / 2)


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
                      torch.tensor([0] * hits + [1] * (5 - hits)))  # fmt: skip
    assert result["accuracy"] == hits / 5
    assert 0 <= result["low"] < result["high"] <= 1
    assert result["high"] - result["low"] > 0.4
