"""What is no model, picture, target, mask or map that can be asked: one clear line each."""

import pytest
import torch
from nets import pictures, plain
from torch import nn
from torch.utils.checkpoint import checkpoint

from analysis import attribute
from analysis.attributions import ATTRIBUTIONS
from analysis.metrics import AGREEMENT, COMPLEXITY, LOCALISATION, REGION_SCORES, area_share
from iram.errors import InputError


class Wrapped(nn.Module):
    """A net with `after` done to what it puts out."""

    def __init__(self, after, net=None):
        super().__init__()
        self.net, self.after = net or plain(), after

    def forward(self, x):
        return self.after(self.net, x)


MODELS = {
    "a net that loses the axis of the batch": (
        lambda net, x: net(x).mean(0, keepdim=True), "for two pictures got \\(1, 3\\)"),
    "a net that squeezes": (lambda net, x: net(x).squeeze(), "for one picture got \\(3,\\)"),
    "a net that takes one picture": (
        lambda net, x: net(x.view(1, 1, 16, 16)),
        "takes one picture, but not two, of \\(1, 16, 16\\)"),
    "integer logits": (lambda net, x: net(x).long(), "must return float logits, not torch.int64"),
    "logits that are NaN": (lambda net, x: net(x) * float("nan"), "logits are NaN or infinite"),
}


@pytest.mark.parametrize("method", ["saliency", "gradcam", "occlusion"])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_gives_no_logits_of_each_picture_is_told(name, method):
    after, message = MODELS[name]
    with pytest.raises(InputError, match=message):
        attribute(Wrapped(after), pictures(), 0, method)


def test_a_net_that_goes_through_its_pictures_alone_gets_no_map_of_a_layer_but_all_others():
    model = Wrapped(lambda net, x: torch.cat([net(one[None]) for one in x]))
    with pytest.raises(InputError, match="layer"):
        attribute(model, pictures(), 0, "gradcam")
    with pytest.raises(InputError, match=r"'net.3' puts out|unknown layer"):
        attribute(model, pictures(), 0, "gradcam", layer="net.3")
    for method in ("saliency", "integrated_gradients", "occlusion"):
        torch.testing.assert_close(attribute(model, pictures(), 0, method),
                                   attribute(plain(), pictures(), 0, method))


@pytest.mark.parametrize("target", [None, "happy", ["happy"] * 3])
def test_a_target_that_is_no_number_is_told(target):
    with pytest.raises(InputError, match="targets must be whole class numbers"):
        attribute(plain(), pictures(), target, "saliency")


def test_a_net_on_the_meta_device_is_told_to_have_no_weights():
    with pytest.raises(InputError, match="on the meta device, and so has no weights"):
        attribute(plain().to("meta"), pictures(), 0, "saliency")


def test_batch_norm_without_running_statistics_is_told_by_its_name():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2, track_running_stats=False),
                          nn.Flatten(), nn.Linear(392, 3)).eval()
    with pytest.raises(InputError, match="batch norm '1' keeps no running statistics"):
        attribute(model, pictures(), 0, "saliency")
    model[1] = nn.InstanceNorm2d(2)  # takes each picture's alone
    assert attribute(model, pictures(), 0, "saliency").shape == (3, 16, 16)


@pytest.mark.parametrize("method", ["gradcam", "saliency", "deeplift"])
def test_a_compiled_net_is_asked_as_it_was_written(method):
    wanted = attribute(plain(), pictures(), 0, method)
    compiled = torch.compile(plain(), backend="eager")
    torch.testing.assert_close(attribute(compiled, pictures(), 0, method), wanted)


def test_reentrant_checkpoints_are_told_and_others_work():
    def through(reentrant: bool):
        return Wrapped(lambda net, x: checkpoint(net, x, use_reentrant=reentrant))

    for method in ("saliency", "deeplift", "integrated_gradients"):
        with pytest.raises(InputError, match="pass use_reentrant=False"):
            attribute(through(True), pictures(), 0, method)
    for method in ("saliency", "gradcam"):
        torch.testing.assert_close(attribute(through(False), pictures(), 0, method),
                                   attribute(plain(), pictures(), 0, method))


@pytest.mark.parametrize("method", ["smoothgrad", "gradient_shap", "integrated_gradients",
                                    "saliency", "gradcam", "deeplift"])
def test_a_net_in_half_precision_has_the_maps_of_the_whole_one_nearly(method):
    half, whole = (attribute(model, pictures(), 0, method)
                   for model in (plain().to(torch.bfloat16), plain()))
    assert half.dtype == torch.float32
    both = torch.stack([half.flatten(), whole.flatten()])
    assert float(torch.corrcoef(both)[0, 1]) > 0.9


MAPS = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
MASK = torch.zeros(3, 8, 8, dtype=torch.bool)
MASK[:, 2:5, 2:5] = True
REGIONS = (torch.arange(8)[:, None] // 4 * 2 + torch.arange(8) // 4).expand(3, -1, -1)
SHAPLEY = torch.rand(3, 4, generator=torch.Generator().manual_seed(1))
CALLS = {
    **{n: lambda m, f=f: f(m, MAPS) for n, f in AGREEMENT.items()},
    **{n: lambda m, f=f: f(m, MASK) for n, f in LOCALISATION.items()},
    **{n: lambda m, f=f: f(m) for n, f in COMPLEXITY.items()},
    **{n: lambda m, f=f: f(m, REGIONS, SHAPLEY) for n, f in REGION_SCORES.items()},
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("value", [-float("inf"), float("inf"), float("nan")])
def test_a_map_that_is_not_finite_has_no_score_and_the_others_have_theirs(name, value):
    broken = MAPS.clone()
    broken[1, 2, 2] = value
    scores = CALLS[name](broken)
    assert scores.isnan().tolist() == [False, True, False]
    torch.testing.assert_close(scores[[0, 2]], CALLS[name](MAPS)[[0, 2]])


@pytest.mark.parametrize("name", CALLS)
def test_maps_with_an_axis_of_channels_are_refused(name):
    with pytest.raises(InputError, match=r"1, 8, 8\)"):
        CALLS[name](MAPS[:, None])


@pytest.mark.parametrize("name", LOCALISATION)
def test_a_mask_of_0_and_255_is_refused_and_one_of_0_and_1_is_a_mask(name):
    metric = LOCALISATION[name]
    with pytest.raises(InputError, match=r"the mask holds numbers from 0 to 255; .*mask > 0"):
        metric(MAPS, MASK.to(torch.uint8) * 255)
    torch.testing.assert_close(metric(MAPS, MASK.float()), metric(MAPS, MASK))
    with pytest.raises(InputError, match="from 0 to 255"):
        area_share(MASK.to(torch.uint8) * 255)


def test_every_method_is_asked_after_the_same_checks():
    for method in ATTRIBUTIONS.where(by_name=False):
        if method not in ("attention", "attention_last", "attention_rollout", "mean_map"):
            with pytest.raises(InputError, match="targets must be"):
                attribute(plain(), pictures(), None, method)
