"""What attribution is asked with: what it refuses, and what each argument does."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from nets import MODELS, TARGET, ask, pictures, plain
from torch import nn
from torch.nn import functional as F

import analysis
from analysis import attribute
from analysis.attributions import (
    ATTRIBUTIONS,
    FACE_REGIONS,
    face_regions,
    options_of,
    shapley_values,
)
from analysis.attributions.layers import spatial_layers
from iram.errors import InputError

ROOT = Path(__file__).parents[2]


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


class Centring(nn.Module):
    """Takes the mean gray out of the very pictures that it is given."""

    def forward(self, x):
        x -= 0.5
        return torch.stack([x.mean((1, 2, 3)), x[..., 0].mean((1, 2))], 1)


@pytest.mark.parametrize("method", ["saliency", "occlusion", "gradcam"])
def test_a_net_that_changes_its_pictures_is_told_how_not_to(method):
    x = pictures()
    with pytest.raises(InputError, match=r"changes the pictures .* write x = x - mean, not x -="):
        attribute(Centring(), x, 0, method)
    assert torch.equal(x, pictures())
    cut = nn.Sequential(nn.Hardtanh(0, 1, inplace=True), nn.Flatten(), nn.Linear(256, 2))
    assert attribute(cut, 3 * x - 1, 0, "occlusion").any()  # the same answer, however often


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
    code = (
        "import analysis.commands.main; from sys import modules as m; "
        "print('torch' in m, 'captum' in m)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]
