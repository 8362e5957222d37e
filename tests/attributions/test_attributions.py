"""The contract that every attribution method keeps."""

import gc
import warnings
import weakref

import pytest
import torch
from nets import MODELS, QUICK, TARGET, ask, classifier, pictures, plain
from torch import nn
from torch.nn import functional as F

from analysis import attribute
from analysis.attributions import ATTRIBUTIONS, missing, options_of
from analysis.attributions.base import NEEDS
from analysis.attributions.question import undisturbed
from analysis.stimuli.resizing import resize
from iram.errors import InputError

PAIRS = [
    (method, model) for method in ATTRIBUTIONS for model in MODELS
    if not missing(method, MODELS[model])
]
METHODS = [(method, model) for method, model in PAIRS if model == "iram"]


def state(model: nn.Module) -> list:
    """All that an attribution could leave behind."""
    hooks = [
        (len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks), m.training)
        for m in model.modules()
    ]
    parameters = [(p.requires_grad, p.grad, p.detach().clone()) for p in model.parameters()]
    return [hooks, parameters, [b.clone() for b in model.buffers()], set(vars(model))]


def same(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.mark.parametrize(("method", "name"), PAIRS)
def test_maps_are_finite_floats_at_the_size_of_the_picture(method, name):
    maps = ask(MODELS[name], pictures(), TARGET, method)
    assert maps.shape == (3, 16, 16)
    assert maps.dtype == torch.float32
    assert maps.isfinite().all()
    assert not maps.requires_grad
    assert not maps.is_inference()


@pytest.mark.parametrize(("method", "name"), PAIRS)
def test_a_map_does_not_depend_on_its_batch_mates_and_is_the_same_again(method, name):
    x = pictures()
    together = ask(MODELS[name], x, TARGET, method)
    size = together.abs().max()
    assert torch.equal(together, ask(MODELS[name], x, TARGET, method))
    alone = ask(MODELS[name], x[1:2], int(TARGET[1]), method)
    torch.testing.assert_close(alone[0], together[1], rtol=0, atol=float(1e-5 * size))
    order = torch.tensor([2, 0, 1])
    mixed = ask(MODELS[name], x[order], TARGET[order], method)
    torch.testing.assert_close(mixed, together[order], rtol=0, atol=float(1e-5 * size))


@pytest.mark.parametrize(("method", "name"), PAIRS)
def test_nothing_of_a_pass_stays_in_memory(method, name):
    """A hook that holds the tensor that it is on would keep the whole pass."""
    made, model = [], MODELS[name]

    def note(module, given, result) -> None:
        if isinstance(result, torch.Tensor):
            made.append(weakref.ref(result))

    hooks = [module.register_forward_hook(note) for module in model.modules()]
    try:
        ask(model, pictures(), TARGET, method)
    finally:
        for hook in hooks:
            hook.remove()
    gc.collect()
    assert made
    assert not [one for one in made if one() is not None]


@pytest.mark.parametrize(("method", "name"), PAIRS)
def test_the_model_and_the_picture_are_left_as_they_were(method, name):
    model, x = MODELS[name], pictures()
    before, picture, randomness = state(model), x.clone(), torch.get_rng_state()
    ask(model, x, TARGET, method)
    assert same(state(model), before)
    assert torch.equal(x, picture)
    assert not x.requires_grad
    assert torch.equal(torch.get_rng_state(), randomness)


class Breaking(nn.Module):
    """A net that works until it has been asked twice, and raises ever after."""

    def __init__(self):
        super().__init__()
        self.layers, self.asked = plain(), 0

    def forward(self, x):
        self.asked += 1
        if self.asked > 2:
            raise OSError("broken")
        return self.layers(x)


@pytest.mark.parametrize(
    "method", [m for m in ATTRIBUTIONS if not missing(m, MODELS["plain"])]
)
def test_the_model_is_left_as_it_was_after_an_error(method):
    model = Breaking()
    model.train()
    model.layers[3].weight.requires_grad_(False)
    before = state(model)
    for _ in range(3):  # those that ask once meet the error at the third call
        try:
            ask(model, pictures(), TARGET, method)
        except OSError:
            break
    assert model.asked > 2
    assert same(state(model), before)


@pytest.mark.parametrize(("method", "name"), METHODS)
def test_a_model_in_training_mode_is_asked_in_eval_mode_and_put_back(method, name):
    model = classifier(name)
    wanted = ask(model, pictures(), TARGET, method)
    model.train()
    model.backbone.stem.eval()  # a mixture of modes
    before = state(model)
    torch.testing.assert_close(ask(model, pictures(), TARGET, method), wanted)
    assert same(state(model), before)


@pytest.mark.parametrize("inside", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize(("method", "name"), METHODS)
def test_it_works_where_gradients_are_off(method, name, inside):
    wanted = ask(MODELS[name], pictures(), TARGET, method)
    with inside():
        maps = ask(MODELS[name], pictures(), TARGET, method)
    torch.testing.assert_close(maps, wanted)


@pytest.mark.parametrize(("method", "name"), METHODS)
def test_a_constant_picture_has_a_finite_map(method, name):
    for value in (0.0, 0.5):
        assert ask(MODELS[name], torch.full((1, 1, 16, 16), value), 0, method).isfinite().all()


@pytest.mark.parametrize(("method", "name"), METHODS)
def test_pictures_of_another_size_are_brought_to_the_models_and_maps_back(method, name):
    x = pictures(2, 32)
    options = {"regions": torch.arange(32)[:, None] // 16 + torch.zeros(1, 32).long()}
    options = options if "regions" in options_of(method) else {}
    maps = ask(MODELS[name], x, 1, method, **options)
    assert maps.shape == (2, 32, 32)
    if not options:  # one resizing, from the method's own size to the picture's
        smaller = F.interpolate(x, (16, 16), mode="bilinear", antialias=True)
        with undisturbed(MODELS[name]):
            raw = ATTRIBUTIONS[method](
                MODELS[name], smaller, torch.tensor([1, 1]), **QUICK.get(method, {})
            )
        torch.testing.assert_close(maps, resize(raw.detach(), 32, 32))


@pytest.mark.parametrize("method", ATTRIBUTIONS)
def test_every_method_says_what_it_needs_and_documents_itself(method):
    assert set(ATTRIBUTIONS.about(method).needs) <= set(NEEDS)
    assert ATTRIBUTIONS[method].__doc__


def test_any_callable_can_be_asked_where_only_logits_are_needed():
    network = plain()

    def model(x):
        with torch.no_grad():
            return network(x)

    methods = [m for m in ATTRIBUTIONS if not missing(m, model)]
    assert {"occlusion", "region_shapley", "feature_ablation", "kernel_shap"} <= set(methods)
    for method in methods:
        torch.testing.assert_close(
            ask(model, pictures(), TARGET, method), ask(network, pictures(), TARGET, method)
        )
    with pytest.raises(InputError, match="gradcam needs a torch module"):
        attribute(model, pictures(), 0, "gradcam")


def test_a_model_without_attention_is_told_apart():
    with pytest.raises(InputError, match=r"attention needs a model with attention .*'none'"):
        attribute(MODELS["none"], pictures(), 0, "attention")
    with pytest.raises(InputError, match="this Sequential is none"):
        attribute(MODELS["plain"], pictures(), 0, "attention_rollout")


class Cut(nn.Module):
    """A module that no gradient passes through."""

    def __init__(self):
        super().__init__()
        self.layers = plain()

    def forward(self, x):
        with torch.no_grad():
            return self.layers(x)


@pytest.mark.parametrize(
    "method", [m for m in ATTRIBUTIONS if "gradients" in ATTRIBUTIONS.about(m).needs]
)
def test_a_model_that_cuts_the_graph_is_an_error_not_a_map_of_zeros(method):
    with pytest.raises(InputError, match="no gradient passes"):
        ask(Cut(), pictures(), 0, method)
    model = Cut()
    model.lacks = {"gradients": "it cuts the graph"}
    assert "gradients" in missing(method, model)


def test_methods_warn_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for method, name in METHODS:
            ask(MODELS[name], pictures(2), 0, method)
