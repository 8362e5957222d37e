"""Class activation maps: a layer's features weighted by how they move the target's logit.

A is the layer's output (N, C, h, w), G the gradient of the target's logit there. Every method
takes `layer` (a module's name; by default the last one whose output has places, see
`layers.chosen`) and returns (N, h, w) at that layer's size. Signed unless `relu=True`, which cuts
what speaks against the class, as the papers' figures do.
"""

import torch
from torch import Tensor

from analysis.attributions.base import attribution
from analysis.attributions.layers import activation, activation_and_gradient


@attribution("gradcam", "gradients", "layers", title="Grad-CAM")
def gradcam(model, x, target, layer: str | None = None, relu: bool = False) -> Tensor:
    """sum_c mean_hw(G_c) A_c. Selvaraju et al., ICCV 2017, equations 1-2 (there with the ReLU)."""
    features, gradient = activation_and_gradient(model, x, target, layer)
    return combined(gradient.mean((2, 3), keepdim=True), features, relu)


@attribution("gradcam++", "gradients", "layers", title="Grad-CAM++")
def gradcam_plus_plus(model, x, target, layer: str | None = None, relu: bool = False) -> Tensor:
    """sum_c w_c A_c, w_c = sum_hw a_c relu(G_c), a = G^2 / (2 G^2 + sum_hw(A) G^3).

    Chattopadhyay et al., WACV 2018, equations 10-19, for a score exp(logit): the factor exp(logit)
    of the weights, the same at all places of a picture, is left out. a = 0 where G is 0.
    """
    features, gradient = activation_and_gradient(model, x, target, layer)
    below = 2 * gradient**2 + features.sum((2, 3), keepdim=True) * gradient**3
    share = torch.where(below != 0, gradient**2 / torch.where(below != 0, below, 1), 0)
    weights = (share * gradient.relu()).sum((2, 3), keepdim=True)
    return combined(weights, features, relu)


@attribution("hirescam", "gradients", "layers", title="HiResCAM")
def hirescam(model, x, target, layer: str | None = None, relu: bool = False) -> Tensor:
    """sum_c G_c A_c, place by place. Draelos & Carin 2020 (arXiv 2011.08891), equation 3."""
    features, gradient = activation_and_gradient(model, x, target, layer)
    return combined(gradient, features, relu)


@attribution("layercam", "gradients", "layers", title="LayerCAM")
def layercam(model, x, target, layer: str | None = None, relu: bool = False) -> Tensor:
    """sum_c relu(G_c) A_c, place by place. Jiang et al., TIP 2021, equations 5-7.

    The outer ReLU changes nothing after a layer whose features are never negative.
    """
    features, gradient = activation_and_gradient(model, x, target, layer)
    return combined(gradient.relu(), features, relu)


def combined(weights: Tensor, features: Tensor, relu: bool) -> Tensor:
    """(N, h, w): the weighted sum over channels, cut at 0 if asked for."""
    maps = (weights * features).sum(1)
    return maps.relu() if relu else maps


def most_varied(features: Tensor, most: int | None = None) -> Tensor:
    """(C',): the numbers of so many channels that vary most over the places; all by default."""
    if most is None or most >= features.shape[1]:
        return torch.arange(features.shape[1], device=features.device)
    return features.float().var((2, 3)).sum(0).topk(most).indices


@attribution("eigen_cam", "layers", title="Eigen-CAM", signed=False, of_class=False)
def eigen_cam(model, x, target, layer: str | None = None) -> Tensor:
    """The features' first principal component, A v: the same for every class.

    v is the first right singular vector of the places' features (hw, C), not centred. Muhammad &
    Yeasin, IJCNN 2020. Its sign is free; here it is the one in which the map's sum is positive, so
    that the map is high where features are strong. pytorch-grad-cam centres the channels first.
    """
    features = activation(model, x, layer)
    places = features.flatten(2).mT.double()  # (N, hw, C)
    v = torch.linalg.svd(places, full_matrices=False).Vh[:, 0]
    maps = (places @ v[:, :, None])[..., 0]
    maps = maps * torch.where(maps.sum(1, keepdim=True) < 0, -1, 1)
    return maps.unflatten(1, features.shape[2:]).float()
