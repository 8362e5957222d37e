"""What things are called on the page, and the colours of maps: those of the figures."""

import numpy as np
from matplotlib import colormaps

from analysis.figures.attention import MAP_COLOURS, SIGNED_COLOURS
from analysis.figures.style import OCCLUDER_TITLES

OCCLUDERS = OCCLUDER_TITLES | {"none": "nothing", "drawn": "what was drawn"}
FILLS = {
    "mean": "mean gray", "noise": "noise", "blur": "blur", "texture": "random texture",
    "other_class": "face of another expression", "same_class": "face of the same expression",
    "phase_scrambled": "scrambled phases", "imputed": "imputed pixels", "black": "black",
    "object": "the object's own look",
}  # fmt: skip
METHODS = {
    "attention_last": "Attention, last layer", "attention_layer": "Attention, one layer",
    "attention_rollout": "Attention rollout", "gradcam": "Grad-CAM", "gradcam++": "Grad-CAM++",
    "hirescam": "HiResCAM", "layercam": "LayerCAM", "score_cam": "Score-CAM",
    "deeplift": "DeepLIFT", "input_x_gradient": "Input × gradient", "smoothgrad": "SmoothGrad",
    "gradient_shap": "GradientSHAP", "guided_backprop": "Guided backprop",
    "feature_ablation": "Region ablation", "kernel_shap": "KernelSHAP",
    "region_shapley": "Exact Shapley of regions", "random": "Random map",
    "centre_gaussian": "Centre Gaussian", "sobel": "Edge map",
}  # fmt: skip
CORRUPTIONS = {"jpeg": "JPEG", "none": "nothing"}
REGIONS = {"rest": "surroundings of the face"}


def title(name: str, names: dict[str, str] | None = None) -> str:
    """A name's title, or the name with spaces for underscores."""
    return (names or {}).get(name, name.replace("_", " "))


def method_title(name: str) -> str:
    """A method's title, as it begins a line."""
    told = title(name, METHODS)
    return told[:1].upper() + told[1:]


def colours() -> dict[str, np.ndarray]:
    """(256, 3) uint8 each: `rising` for gates and sizes, `signed` for values about 0."""
    steps = np.linspace(0, 1, 256)
    return {name: (colormaps[which](steps)[:, :3] * 255).round().astype(np.uint8)
            for name, which in (("rising", MAP_COLOURS), ("signed", SIGNED_COLOURS))}  # fmt: skip
