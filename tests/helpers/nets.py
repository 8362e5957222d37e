"""Small nets for the tests of attribution, the same in every run, and how they are asked."""

import torch
from torch import nn

from analysis import attribute
from analysis.attributions import ATTRIBUTIONS
from analysis.attributions.masking import baseline
from analysis.attributions.question import undisturbed
from iram.model import build_model

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
STEPS = torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])  # a picture of 2 x 2


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
        ).eval()


MODELS = {
    "iram": classifier(),
    "se": classifier("se"),
    "none": classifier("none"),
    "plain": plain(),
}


def pictures(count: int = 3, size: int = 16) -> torch.Tensor:
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(2))


def ask(model, x, target, method, **options):
    return attribute(model, x, target, method, **QUICK.get(method, {}) | options)


def raw(model, x, target, method, **options):
    """The map at the method's own size."""
    with undisturbed(model):
        return ATTRIBUTIONS[method](model, x, target, **options).detach()


def pooled() -> nn.Module:
    """Channels x and -2x; logits 4 mean(x) + mean(-2x) and -4 mean(x) + 2 mean(-2x)."""
    model = nn.Sequential(
        nn.Conv2d(1, 2, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(2, 2, bias=False),
    )
    model[0].weight.data = torch.tensor([1.0, -2.0]).view(2, 1, 1, 1)
    model[3].weight.data = torch.tensor([[4.0, 1.0], [-4.0, 2.0]])
    return model


def placed(weights) -> nn.Module:
    """One channel, x itself; one logit, its product with a weight per place (and its negative)."""
    model = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Flatten(), nn.Linear(4, 2, bias=False))
    model[0].weight.data.fill_(1)
    model[2].weight.data = torch.stack([torch.tensor(weights), -torch.tensor(weights)])
    return model


def without_in_place(model: nn.Module) -> nn.Module:
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return model


def change(model, x, target, fill):
    with torch.no_grad():
        return (model(x) - model(baseline(x, fill))).gather(1, target[:, None])[:, 0]
