"""Nets of other precisions, whose scales are those of the batch, and that are made at the first
pass: they work."""

import outside
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from analysis.attributions import attribute
from analysis.attributions.judgement import Judgement, judged
from analysis.subjects import open_subjects
from analysis.subjects.check import check
from analysis.subjects.loading import load_outside
from analysis.subjects.probe import pictures
from iram.errors import InputError

SEVEN = outside.CLASSES


def opened(spec):
    return open_subjects(str(spec), SEVEN)[0]


def found(spec, what):
    return next(f for f in check(str(spec)) if f.what == what)


# Numbers of half precision


@pytest.mark.parametrize("kind", ["half", "bfloat16", "double"])
@pytest.mark.parametrize("method", ["gradcam", "saliency", "smoothgrad", "gradient_shap",
                                    "deeplift", "occlusion", "integrated_gradients",
                                    "lrp_epsilon", "lrp_gamma", "lrp_composite", "fullgrad"])
def test_nets_of_other_precisions_give_maps_in_single_precision(tmp_path, kind, method):
    spec = outside.write_net(tmp_path, more=f"\ndef other():\n    return Net().{kind}()\n")
    single = opened(spec).model
    model = opened(spec.replace(":build", ":other")).model
    x = pictures(2)
    assert model(x).dtype in (torch.float32, torch.float64)
    torch.testing.assert_close(model(x).float(), single(x), atol=0.05, rtol=0.1)
    options = {"regions": "face"} if method == "feature_ablation" else {}
    maps = attribute(model, x, 1, method, **options)
    assert maps.dtype == torch.float32
    assert maps.isfinite().all()


@pytest.mark.parametrize("method", ["lrp_epsilon", "lrp_gamma", "lrp_composite", "fullgrad",
                                    "deeplift"])
def test_what_has_to_sum_does_so_in_half_precision_as_well(tmp_path, method):
    more = "\n\ndef half():\n    return Net().half()\n\n\nclass Own(Net):\n"
    more += "    def forward(self, x):\n        return super().forward(x.half())\n\n\n"
    more += "def own():\n    return Own().half()\n"
    spec = outside.write_net(tmp_path, more=more)
    whole, half, own = (opened(spec.replace(":build", name)).model
                        for name in (":build", ":half", ":own"))
    assert judged(half, pictures(2), 1, method) == Judgement()
    maps = attribute(half, pictures(2), 1, method)
    rough = attribute(whole, pictures(2), 1, method)
    assert (maps - rough).abs().mean() < 0.1 * rough.abs().mean()
    assert "gives no copy in it" in judged(own, pictures(2), 1, method).refused


def test_a_bare_module_of_half_precision_is_explained_as_well():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                        nn.Linear(4, 7)).bfloat16().eval()
    for method in ("gradcam", "saliency"):
        maps = attribute(net, pictures(2), 1, method)
        assert maps.dtype == torch.float32
        assert maps.shape == (2, 48, 48)


# Weights that are made at the first pass


LAZY = {
    "linear": "nn.Sequential(nn.Conv2d(3, 4, 3, 4), nn.ReLU(), nn.Flatten(), nn.LazyLinear(7))",
    "everything": "nn.Sequential(nn.LazyConv2d(4, 3, 4), nn.LazyBatchNorm2d(), nn.ReLU(), "
                  "nn.Flatten(), nn.LazyLinear(7))",
    "own": "Grows()",
}
GROWS = '''

class Grows(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = None

    def forward(self, x):
        x = x[:, :, ::8, ::8].flatten(1)
        if self.fc is None:
            self.fc = nn.Linear(x.shape[1], 7)
        return self.fc(x)


def lazy():
    return {made}
'''


@pytest.mark.parametrize("kind", LAZY)
def test_lazy_modules_are_made_by_the_seed_and_take_weights(tmp_path, kind):
    spec = outside.write_net(tmp_path, more=GROWS.replace("{made}", LAZY[kind])).replace(
        ":build", ":lazy")
    torch.manual_seed(3)
    first = opened(spec)
    assert opened(spec).weights_sha256 == first.weights_sha256
    assert all(f.good for f in check(spec) if f.what in ("forward", "state", "factory"))
    state = first.model.net.state_dict()
    save_file({k: v * 2 if v.is_floating_point() else v for k, v in state.items()},
              tmp_path / "w.safetensors")
    outside.describe(tmp_path / "net.py", extra='weights = "w.safetensors"')
    torch.testing.assert_close(opened(spec).model.net.state_dict()["fc.weight" if kind == "own" else
                               f"{len(first.model.net) - 1}.weight"],
                               state[list(state)[-2]] * 2)


def test_a_lazy_net_that_can_not_take_the_pictures_is_told_in_one_line(tmp_path):
    spec = outside.write_net(tmp_path, more="\ndef lazy():\n    return nn.Sequential(nn.Conv2d(5, "
                             "4, 3), nn.LazyConv2d(4, 3))\n").replace(":build", ":lazy")
    with pytest.raises(InputError, match=r"net\.py: RuntimeError: .*channels"):
        opened(spec)


# Nets whose scales are those of the batch


def test_a_torch_net_that_is_quantised_as_it_runs_is_asked_one_picture_at_a_time(tmp_path):
    spec = outside.write_net(tmp_path, more="\ndef dynamic():\n    return torch.ao.quantization."
                             "quantize_dynamic(Net().eval(), {nn.Linear})\n")
    model, _ = load_outside(spec.replace(":build", ":dynamic"))
    x = torch.cat([pictures(3), pictures(1) * 0])
    torch.testing.assert_close(model(x), torch.cat([model(one[None]) for one in x]))
    assert "quantised as it runs" in model.notes[0]
    assert found(spec.replace(":build", ":dynamic"), "batch independence").good
