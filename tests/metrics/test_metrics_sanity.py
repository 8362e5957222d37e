"""The cascade of random weights: what it changes, in which order, and that nothing stays so."""

import pytest
import torch
from torch import nn

from analysis.metrics import cascade, cascade_similarity
from analysis.metrics.sanity import RANDOMISATIONS, layers_from_top
from iram import build_model
from iram.errors import InputError


class Backwards(nn.Module):
    """Registers its layers in another order than it calls them, and uses one without calling it."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(6, 5)
        self.gain = nn.Parameter(torch.rand(6))
        self.functional = nn.Linear(6, 6)
        self.first = nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU())

    def forward(self, x):
        features = self.first(x).mean((2, 3))
        return self.last(nn.functional.linear(features, self.functional.weight) * self.gain)


@pytest.fixture
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built = Backwards()
        nn.init.normal_(built.first[1].weight)
        built(torch.rand(8, 1, 8, 8))  # running statistics that are not those of a new layer
        return built.eval()


IMAGES = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(3))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def changed(model, before) -> set[str]:
    return {
        name for name, value in model.state_dict().items() if not torch.equal(value, before[name])
    }


def gradient_maps(model):
    images = IMAGES.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(images)[:, 0].sum(), images)
    return gradient[:, 0]


def test_layers_are_named_from_the_top_as_registered_or_as_called(model):
    assert layers_from_top(model) == ["first.1", "first.0", "functional", "last", ""]
    called = layers_from_top(model, IMAGES[:1])
    assert called[:3] == ["last", "first.1", "first.0"]
    assert set(called) == {"last", "first.1", "first.0", "functional", ""}
    assert all(not module._forward_pre_hooks for module in model.modules())


def test_a_pass_that_fails_leaves_no_hook(model):
    with pytest.raises(RuntimeError):
        layers_from_top(model, torch.zeros(1, 7, 8, 8))
    assert all(not module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize("how", RANDOMISATIONS)
def test_layers_lose_their_weights_one_after_another(model, how):
    before, seen = state(model), []
    with cascade(model, generator(), how, ["last", "first.0"]) as stages:
        for layer in stages:
            seen.append((layer, changed(model, before)))
    last = {"last.weight", "last.bias"}
    assert seen == [("last", last), ("first.0", last | {"first.0.weight", "first.0.bias"})]


@pytest.mark.parametrize("how", RANDOMISATIONS)
def test_the_model_is_as_before_after_the_cascade_after_a_part_and_after_an_error(model, how):
    before, tensors = state(model), [id(p) for p in model.parameters()]

    def last_stage():
        with cascade(model, generator(), how) as stages:
            list(stages)
            assert "first.0.weight" in changed(model, before)
            raise RuntimeError("a method that fails")

    with pytest.raises(RuntimeError, match="a method that fails"):
        last_stage()
    assert changed(model, before) == set()
    with cascade(model, generator(), how) as stages:
        next(stages)
        assert changed(model, before)
    assert changed(model, before) == set()
    assert [id(p) for p in model.parameters()] == tensors
    assert not any(module.training for module in model.modules())


def test_what_a_forward_pass_does_to_running_statistics_is_undone_too(model):
    before = state(model)
    with cascade(model.train(), generator()) as stages:
        for _ in stages:
            model(IMAGES)
    assert changed(model, before) == set()


def test_permuting_keeps_the_values_of_every_tensor(model):
    before = state(model)
    with cascade(model, generator()) as stages:
        list(stages)
        for name, value in model.state_dict().items():
            assert torch.equal(value.flatten().sort().values, before[name].flatten().sort().values)
        assert {"first.0.weight", "functional.weight", "gain", "last.weight"} <= changed(
            model, before
        )


def test_reinitialising_draws_from_the_layers_own_start_or_with_its_mean_and_spread(model):
    with torch.no_grad():
        model.functional.weight.fill_(100)
        model.gain.copy_(torch.tensor([1000.0, 1001, 1002, 1000, 1001, 1002]))
    with cascade(model, generator(), "reinitialise") as stages:
        list(stages)
        assert model.functional.weight.abs().max() <= 6**-0.5
        assert (model.first[1].running_mean == 0).all()
        assert 990 < model.gain.min() < model.gain.max() < 1010


@pytest.mark.parametrize("how", RANDOMISATIONS)
def test_equal_generators_give_equal_weights_whatever_was_drawn_before(model, how):
    def weights(seed):
        with cascade(model, generator(seed), how) as stages:
            list(stages)
            return state(model)

    torch.rand(10)
    one, global_state = weights(1), torch.get_rng_state()
    assert all(torch.equal(v, one[k]) for k, v in weights(1).items())
    assert not torch.equal(weights(2)["last.weight"], one["last.weight"])
    assert torch.equal(torch.get_rng_state(), global_state)


def test_a_block_stands_for_all_that_no_other_name_stands_for(model):
    before = state(model)
    with cascade(model, generator(), layers=["first.0", "first", ""]) as stages:
        assert next(stages) == "first.0"
        assert changed(model, before) == {"first.0.weight", "first.0.bias"}
        assert next(stages) == "first"
        assert "first.1.weight" in changed(model, before)
        assert next(stages) == ""
        assert {"gain", "last.weight", "functional.weight"} <= changed(model, before)


def test_a_layer_that_does_not_exist_is_refused_with_the_real_ones(model):
    with pytest.raises(InputError, match=r"'lst' \(did you mean 'last'\?\).*functional"), cascade(
        model, generator(), layers=["lst"]
    ):
        pass
    with pytest.raises(InputError, match="permute, reinitialise"), cascade(
        model, generator(), how="zero"
    ):
        pass


def test_a_map_of_the_picture_stays_and_one_of_the_model_does_not(model):
    def of_the_picture(_):
        return IMAGES[:, 0]

    layers = layers_from_top(model, IMAGES[:1])
    sound = cascade_similarity(model, gradient_maps, generator(), layers=layers)
    unsound = cascade_similarity(model, of_the_picture, generator(), layers=layers)
    assert sound.layers == unsound.layers == layers
    for metric in ("spearman", "ssim"):
        assert sound.similarity[metric].shape == (5, 5)
        assert unsound.similarity[metric].min().item() == pytest.approx(1)
        assert sound.similarity[metric][-1].mean() < 0.7


def test_similarity_takes_any_metric_of_agreement(model):
    result = cascade_similarity(
        model, gradient_maps, generator(), layers=["last"], metrics=("pearson", "top_k_iou")
    )
    assert set(result.similarity) == {"pearson", "top_k_iou"}
    with pytest.raises(InputError, match="unknown agreement metric"):
        cascade_similarity(model, gradient_maps, generator(), layers=["last"], metrics=("cosine",))


@pytest.mark.parametrize("attention", ["iram", "none"])
def test_the_projects_own_models_can_be_cascaded_by_blocks(attention):
    model = build_model(attention=attention, width=0.25).eval()
    image, before = torch.rand(1, 1, 48, 48), state(model)
    layers = ["classifier", *(f"backbone.blocks.{i}" for i in range(5, -1, -1)), "backbone.stem"]
    covered = set(layers_from_top(model))
    with cascade(model, generator(), layers=layers) as stages:
        logits = [model(image).detach() for _ in stages]
    assert len(logits) == len(layers)
    assert all(name.startswith(tuple(layers)) for name in covered)
    assert changed(model, before) == set()
