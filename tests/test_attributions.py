"""The contract that every attribution method keeps."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import analysis
from analysis import attribute
from analysis.attributions import (
    ATTRIBUTIONS,
    FACE_REGIONS,
    face_regions,
    missing,
    options_of,
    requires,
    shapley_values,
)
from analysis.attributions.layers import spatial_layers
from analysis.attributions.question import undisturbed
from analysis.maps import resize
from iram.errors import InputError
from iram.model import build_model

ROOT = Path(__file__).parents[1]
QUICK = {
    "mean_map": {"mean": torch.eye(4)},
    "region_shapley": {"regions": torch.arange(16)[:, None] // 8 + torch.zeros(1, 16).long()},
    "kernel_shap": {"samples": 12},
    "occlusion": {"window": 5, "stride": 4},
    "integrated_gradients": {"steps": 4},
    "smoothgrad": {"samples": 3},
    "gradient_shap": {"samples": 3},
}
TARGET = torch.tensor([0, 2, 1])


def classifier(attention: str = "iram"):
    """A small net for 16-px pictures whose gates are not constant."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_model("compact", attention, 3, width=0.25, input_size=16)
        for name, parameter in model.named_parameters():
            if "expand" in name or "input_weight" in name:
                parameter.data.normal_()
    return model.eval()


def plain():
    """A net from outside, with in-place ReLUs and a batch norm."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(6, 3),
        ).eval()  # fmt: skip


MODELS = {
    "iram": classifier(),
    "se": classifier("se"),
    "none": classifier("none"),
    "plain": plain(),
}
PAIRS = [
    (method, model) for method in ATTRIBUTIONS for model in MODELS
    if not missing(method, MODELS[model])
]  # fmt: skip
METHODS = [(method, model) for method, model in PAIRS if model == "iram"]


def pictures(count: int = 3, size: int = 16) -> torch.Tensor:
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(2))


def ask(model, x, target, method, **options):
    return attribute(model, x, target, method, **QUICK.get(method, {}) | options)


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
)  # fmt: skip
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
    assert requires(method) <= {"layers", "gradients", "attention"}
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


@pytest.mark.parametrize("method", [m for m in ATTRIBUTIONS if "gradients" in requires(m)])
def test_a_model_that_cuts_the_graph_is_an_error_not_a_map_of_zeros(method):
    with pytest.raises(InputError, match="no gradient passes"):
        ask(Cut(), pictures(), 0, method)
    model = Cut()
    model.differentiable = False
    assert "gradients" in missing(method, model)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (3, "no class 3: the model has classes 0 to 2"),
        (-1, "no class -1"),
        (torch.tensor([0, 1, 7]), "no class 7"),
        (torch.tensor([0, 1]), r"\(2,\) targets for 3 pictures"),
        (torch.zeros(3, 1, dtype=torch.long), "targets for 3 pictures"),
        (1.0, "whole class numbers"),
        (torch.tensor([True, False, True]), "whole class numbers"),
    ],
)
@pytest.mark.parametrize("name", ["iram", "plain"])
def test_a_target_that_is_no_class_is_an_error(name, target, message):
    with pytest.raises(InputError, match=message):
        attribute(MODELS[name], pictures(), target)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (pictures()[0], "must be a tensor"),
        (torch.zeros(0, 1, 16, 16), "not empty"),
        (torch.zeros(1, 1, 16, 16, dtype=torch.uint8), "divide 0-255 by 255"),
        (torch.zeros(1, 3, 16, 16), r"takes no pictures of \(3, 16, 16\)"),
        (torch.tensor([0.0, torch.nan]).view(2, 1, 1, 1).expand(2, 1, 16, 16), "pictures 1 of 2"),
        (torch.full((1, 1, 16, 16), torch.inf), "NaN or infinite"),
        ([[0.0]], "got list"),
    ],
)
def test_pictures_that_cannot_be_explained_are_an_error(x, message):
    with pytest.raises(InputError, match=message):
        attribute(MODELS["iram"], x, 0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_floats_are_brought_to_the_models_type(dtype):
    x = pictures().to(dtype)
    maps = attribute(MODELS["iram"], x, TARGET)
    assert maps.dtype == torch.float32
    assert torch.equal(maps, attribute(MODELS["iram"], x.float(), TARGET))


def test_unknown_names_list_the_real_ones():
    model, x = MODELS["plain"], pictures()
    with pytest.raises(InputError, match="did you mean 'gradcam'"):
        attribute(model, x, 0, "grad_cam")
    with pytest.raises(InputError, match=r"gradcam: unknown option 'layers'.*layer, relu"):
        attribute(model, x, 0, "gradcam", layers="3")
    with pytest.raises(InputError, match=r"unknown layer '33'.*known: 0, 1, 2, 3, 4, 5$"):
        attribute(model, x, 0, "gradcam", layer="33")
    with pytest.raises(InputError, match="unknown layer without places '9'"):
        attribute(model, x, 0, "activation_energy", layer="9")
    with pytest.raises(InputError, match="no attention layer '6'; there are 0, 1, 2, 3, 4, 5"):
        attribute(MODELS["iram"], x, 0, "attention_layer", layer=6)
    with pytest.raises(InputError, match="unknown baseline 'noise'"):
        attribute(model, x, 0, "integrated_gradients", baseline="noise")


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("occlusion", {"window": 17}, "window is 17; it must be 1 to 16"),
        ("occlusion", {"stride": 6}, "stride is 6; it must be 1 to 5"),
        ("occlusion", {"batch_size": 0}, "batch size is 0"),
        ("integrated_gradients", {"steps": 0}, "steps is 0"),
        ("smoothgrad", {"samples": 0}, "samples is 0"),
        ("smoothgrad", {"ids": ["a"]}, "1 ids for 3 pictures"),
        ("gradient_shap", {"baselines": "mean"}, "give a list"),
        ("centre_gaussian", {"spread": 0}, "spread is 0"),
        ("mean_map", {"mean": None}, "mean_map needs"),
        ("kernel_shap", {"regions": torch.zeros(16, 16).long()}, "2 regions or more"),
        ("region_shapley", {"regions": torch.arange(16).repeat(16, 1)}, "from 0 to 9; found 10"),
        ("region_shapley", {"regions": torch.zeros(16, 16)}, "integer labels"),
        ("region_shapley", {"regions": torch.zeros(8, 8).long()}, r"\(8, 8\); the pictures need"),
        ("feature_ablation", {"regions": "faces"}, "did you mean 'face'"),
        ("feature_ablation", {"regions": -torch.ones(16, 16).long()}, "found -1"),
    ],
)
def test_an_option_out_of_range_is_an_error(method, options, message):
    with pytest.raises(InputError, match=message):
        ask(MODELS["plain"], pictures(), TARGET, method, **options)


@pytest.mark.parametrize("method", [m for m in ATTRIBUTIONS if "seed" in options_of(m)])
def test_chance_is_the_pictures_own(method):
    model = MODELS["iram"]
    x = pictures(1).expand(2, 1, 16, 16)
    twins = ask(model, x, 0, method)
    assert torch.allclose(twins[0], twins[1])
    named = ask(model, x, 0, method, ids=["a", "b"])
    assert not torch.allclose(named[0], named[1])
    assert not torch.allclose(ask(model, x, 0, method, seed=1), twins)


def test_layers_of_our_nets_are_found_by_name_and_the_last_stage_is_the_default():
    model, x = MODELS["iram"], pictures()
    names = spatial_layers(model, x)
    assert names[-2:] == ["backbone.blocks.5", "backbone.head"]
    assert "classifier" not in names
    default = attribute(model, x, TARGET, "gradcam")
    assert torch.equal(default, attribute(model, x, TARGET, layer="backbone.blocks.5"))
    assert not torch.equal(default, attribute(model, x, TARGET, layer="backbone.blocks.1"))


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "hirescam", "layercam", "score_cam"])
def test_an_in_place_relu_after_the_layer_does_not_change_its_map(method):
    model = plain()
    wanted = plain()
    for module in wanted.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    x = pictures()
    for layer in ("3", "4"):
        torch.testing.assert_close(
            attribute(model, x, TARGET, method, layer=layer),
            attribute(wanted, x, TARGET, method, layer=layer),
        )


def test_the_parts_of_the_mean_face_are_all_there_and_mirror_symmetric_within_a_pixel():
    for size in (24, 48, 97):
        labels = face_regions(size)
        assert labels.shape == (size, size)
        assert labels.unique().tolist() == list(range(len(FACE_REGIONS)))
    eyes = (face_regions(48) == FACE_REGIONS.index("eyes")).nonzero().float().mean(0)
    assert 14 < eyes[0] < 22
    assert abs(float(eyes[1]) - 23.5) < 1


def test_regions_follow_the_picture_to_the_models_size():
    model = MODELS["plain"]
    model16 = MODELS["iram"]
    labels = torch.zeros(32, 32, dtype=torch.uint8)
    labels[:, 16:] = 1
    x = pictures(2, 32)
    values = shapley_values(model16, x, 0, labels)
    small = F.interpolate(x, (16, 16), mode="bilinear", antialias=True)
    torch.testing.assert_close(values, shapley_values(model16, small, 0, labels[:16, 8:24]))
    assert shapley_values(model, x, 0, "face").shape == (2, len(FACE_REGIONS))


def test_the_package_offers_attribute_and_the_command_line_does_not_load_torch_for_it():
    assert "attribute" in analysis.__all__
    with pytest.raises(AttributeError, match="nosuch"):
        analysis.nosuch  # noqa: B018
    code = "import analysis.cli, sys; print('torch' in sys.modules, 'captum' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


def test_methods_warn_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for method, name in METHODS:
            ask(MODELS[name], pictures(2), 0, method)
