"""One judgement on a method and a model, for the check and for the study; identities of methods."""

import warnings

import numpy as np
import outside
import pandas as pd
import pytest
import torch
from nets import MODELS, change, pictures
from torch import nn

from analysis import attribute
from analysis.attributions.completeness import Incomplete, gaps
from analysis.attributions.judgement import Judgement, judged
from analysis.attributions.once import once
from analysis.studies.attribution import report
from analysis.subjects.check import check


class Steep(nn.Module):
    """A logit that jumps within 1% of the way from black to the picture."""

    def forward(self, x):
        total = x.mean((1, 2, 3))
        return torch.stack([torch.sigmoid(2000 * (total - 0.02)), total], 1)


def test_gaps_are_what_is_missed_beyond_a_share_and_a_least_amount():
    total, change_ = torch.tensor([1.0, 1.06, 0.01, float("nan")]), torch.tensor([1.0, 1, 0, 1])
    found = gaps(total, change_, 0.05, 0.02)
    torch.testing.assert_close(found, torch.tensor([0, 0, 0, float("nan")]), equal_nan=True)
    assert gaps(total, change_, 0.05, 0.0)[1] == pytest.approx(0.06)


def test_integrated_gradients_take_more_steps_where_few_are_not_complete_and_warn_if_all_are_not():
    x = pictures(2)
    few = attribute(MODELS["plain"], x, 0, "integrated_gradients", steps=32)
    torch.testing.assert_close(attribute(MODELS["plain"], x, 0, "integrated_gradients"), few)
    steep, asked = Steep(), []
    steep.register_forward_hook(lambda m, a, out: asked.append(len(out)))
    with pytest.warns(Incomplete, match="integrated_gradients: .*more than 128 steps are needed"):
        attribute(steep, x, 0, "integrated_gradients", baseline="black")
    assert sum(asked) >= 2 * (32 + 128)
    asked.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        maps = attribute(steep, x, 1, "integrated_gradients", baseline="black")
    assert sum(asked) < 2 * 64
    torch.testing.assert_close(maps.sum((1, 2)), change(steep, x, torch.tensor([1, 1]), "black"))


def test_kernel_shap_of_one_sample_warns_that_it_is_not_efficient():
    with pytest.warns(Incomplete, match="more than 1 samples are needed"):
        attribute(MODELS["plain"], pictures(2), 0, "kernel_shap", samples=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attribute(MODELS["plain"], pictures(2), 0, "kernel_shap", samples=64)


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def planted(function) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), Function(function), nn.Flatten(),
                         nn.Linear(588, 2)).eval()


def test_a_method_is_refused_marked_or_neither():
    x = pictures(2)
    assert judged(MODELS["plain"], x, 0, "deeplift") == ("", "")
    assert judged(MODELS["plain"], x, 0, "attention").refused.startswith("needs a model with")
    assert "no rule for sinc" in judged(planted(lambda x: torch.sinc(9 * x)), x, 0,
                                        "deeplift").marked
    assert judged(planted(lambda x: x * 0), x, 0, "saliency").refused == (
        "its maps are the same at every place")
    assert "no gradient passes" in judged(planted(torch.detach), x, 0, "saliency").refused
    assert "no ReLU" in judged(planted(torch.tanh), x, 0, "guided_backprop").marked
    assert judged(planted(lambda x: x), x, 0, "random") == ("", "")  # asks nothing of it


@pytest.mark.parametrize("method", ["feature_ablation", "kernel_shap", "region_shapley"])
def test_a_net_that_answers_every_picture_alike_gives_no_maps_of_regions(method):
    constant = planted(lambda x: x)
    constant[-1].weight.data.zero_()
    assert judged(constant, pictures(2), 0, method).refused == (
        "its maps are the same at every place")


def test_what_the_check_refuses_is_told_by_the_same_words(tmp_path):
    result = "self.fc(9 * torch.sinc(9 * x).mean((2, 3)))"
    [found] = [f for f in check(outside.write_net(tmp_path, result=result))
               if f.what == "maps: deeplift"]
    assert not found.good
    assert "not deeplift: contributions to" in found.told
    assert "there is no rule for sinc" in found.told


def line(method: str, value: float, beyond: float, n: int = 40) -> dict:
    numbers = {"value": value, "chance": value - beyond, "beyond": beyond, "behind_best": 0.0}
    bounds = {f"{name}_{end}": numbers[name] + (0.01 if end == "high" else -0.01)
              for name in ("beyond", "behind_best") for end in ("low", "high")}
    return {"method": method, "metric": "shapley_rank", "n": n, "low": value - 0.01,
            "high": value + 0.01, **numbers, **bounds}


@pytest.mark.parametrize(("lines", "told"), [
    ([line("gradcam", 0.5, 0.2), line("sobel", 0.1, 0.05)],
     "most faithful: gradcam; not told apart from it: sobel"),
    ([line("gradcam", 0.1, -0.2)], "most faithful: none, the best lies below chance"),
    ([line("gradcam", 0.5, 0.2, 29)], "most faithful: unknown (29 faces, 30 are needed)"),
])
def test_no_winner_is_named_below_chance_or_by_few_faces(lines, told):
    assert report._faithful("net", pd.DataFrame(lines))[-1].strip() == told


def test_a_star_stands_above_chance_only():
    stars = [report._sign(pd.Series(line("gradcam", 0.5, beyond, n)))
             for beyond, n in ((0.2, 40), (-0.2, 40), (0.2, 29), (np.nan, 40))]
    assert stars == [" *", "  ", "  ", "  "]


class Counted(nn.Module):
    """100 channels, of which the first 40 are dead; it counts the pictures that it is shown."""

    classes, input_size = ("a", "b", "c"), 16

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.relu = nn.Conv2d(1, 100, 4, 4), nn.ReLU()
        self.head, self.shown = nn.Linear(100, 3), 0
        self.conv.bias.data[:40] = -9

    def forward(self, x):
        made = self.relu(self.conv(x))
        self.shown += len(made)
        return self.head(made.mean((2, 3)))


@pytest.mark.parametrize("method", ["score_cam", "ablation_cam"])
def test_a_method_of_a_pass_a_channel_is_tried_on_a_few_that_are_not_dead(method):
    model, x = Counted(), torch.rand(1, 1, 16, 16)
    assert judged(model, x, 0, method) == Judgement()
    assert model.shown < 40


def test_where_these_move_no_logit_it_is_tried_on_all():
    model, x = Counted(), torch.rand(1, 1, 16, 16)
    model.conv.weight.data[60:80] *= 100
    model.head.weight.data[:, 60:80] = 0
    assert judged(model, x, 0, "ablation_cam") == Judgement()
    assert model.shown > 100


def test_once_asks_for_what_methods_share_once_and_changes_no_map():
    model, x = Counted(), torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    methods = ("gradcam", "hirescam", "eigen_cam", "activation_energy", "saliency",
               "gradient_size", "input_x_gradient")
    apart = [attribute(model, x, 0, method) for method in methods]
    model.shown = 0
    with once():
        together = [attribute(model, x, 0, method) for method in methods]
        assert model.shown == 3 + 3 * len(x)  # classes; features, their gradient, the picture's
        others = attribute(model, x.flip(3), 0, "gradcam"), attribute(model, x, 1, "gradcam")
    torch.testing.assert_close(together, apart, rtol=0, atol=0)
    for one in others:
        assert not torch.equal(one, together[0])
