"""What everything is called in figures and printed tables, with units: each name once, here.

Unknown names (a newly registered occluder, somebody's own weights) are shown as they are, with
spaces for underscores.
"""

from collections.abc import Iterable

from iram.names import label_of, seed_of

ACCURACY = "accuracy (%)"
DROP = "drop of accuracy (points)"
FRACTION = "occluded share of the face area (%)"
HIDDEN = "self-occluded (% of face)"
ANGLES = {"yaw_deg": "yaw (degrees, to the picture's right)",
          "pitch_deg": "pitch (degrees, up)"}
SHARE_CHANGE = "change of attention's log share on the region (below 0: it leaves)"
OVER_FACES = "95% over faces"

MODULES = {
    "iram": "IRAM", "none": "no attention", "cbam": "CBAM", "se": "SE", "eca": "ECA",
    "coordinate": "coordinate", "simam": "SimAM",
}
VARIANTS = {
    "matched": "parameters matched", "random-labels": "shuffled labels",
    "permuted-weights": "permuted weights", "erasing-noise": "erased with noise",
    "erasing-mean": "erased with gray", "erasing-occluders": "erased with occluders",
    "heads": "rendered heads", "ferplus": "FERPlus", "wide": "twice as wide",
}
DATASETS = {"fer2013": "FER2013", "ferplus": "FERPlus", "rafdb": "RAF-DB",
            "heads": "rendered heads"}
OCCLUDERS = {
    "box": "random box", "sham": "sham (background)", "blob": "random blob",
    "dropout": "random patches", "brows": "brows", "eyes": "eyes", "brows_eyes": "brows and eyes",
    "nose": "nose", "cheeks": "cheeks", "mouth": "mouth", "chin": "chin",
    "upper_half": "upper half", "lower_half": "lower half", "left_half": "left half",
    "right_half": "right half", "sunglasses": "sunglasses", "spectacles": "spectacles",
    "surgical_mask": "surgical mask", "hand": "hand", "scarf": "scarf", "hair": "hair",
    "microphone": "microphone", "cup": "cup", "vr_headset": "VR headset",
}
FILLS = {
    "mean": "mean gray", "noise": "noise", "blur": "blur", "texture": "random texture",
    "other_class": "face of another expression", "same_class": "face of the same expression",
    "phase_scrambled": "scrambled phases", "imputed": "imputed pixels", "black": "black",
    "object": "the object's own look",
}
CORRUPTIONS = {
    "gaussian_noise": "Gaussian noise", "gaussian_blur": "Gaussian blur",
    "pixelate": "pixelation", "jpeg": "JPEG", "contrast": "contrast",
}
METHODS = {
    "attention": "own attention", "attention_last": "own attention, last",
    "attention_layer": "own attention, one layer", "attention_rollout": "attention rollout",
    "activation_energy": "activation energy", "gradcam": "Grad-CAM", "gradcam++": "Grad-CAM++",
    "hirescam": "HiResCAM", "layercam": "LayerCAM", "score_cam": "Score-CAM",
    "deeplift": "DeepLIFT", "saliency": "saliency", "input_x_gradient": "input × gradient",
    "integrated_gradients": "integrated gradients", "smoothgrad": "SmoothGrad",
    "gradient_shap": "GradientSHAP", "guided_backprop": "guided backprop",
    "occlusion": "occlusion", "feature_ablation": "region ablation", "kernel_shap": "KernelSHAP",
    "region_shapley": "exact Shapley", "random": "random map",
    "centre_gaussian": "centre Gaussian", "sobel": "edge map", "mean_map": "mean map",
}
SIMILARITIES = {
    "spearman": "Spearman's correlation", "pearson": "Pearson's correlation",
    "top_k_iou": "overlap of the top tenth (IoU)", "ssim": "structural similarity",
}
ORDERS = {"morf": "most relevant first", "lerf": "least relevant first"}
HYPOTHESES = {
    "H1": "leaves the occluded region", "H2a": "more than with permuted weights",
    "H2b": "more than the twin without attention", "H2c": "more than with shuffled labels",
    "H2d": "taught by erasing in training", "H3": "its movement raises the margin",
    "H4": "leaves really occluded regions", "H5": "goes to visible, expressive regions",
    "H6": "more of it than SE, ECA and CBAM",
}
COMPONENTS = {
    "leaves": "share on the region falls", "permuted masks": "more than for another face's mask",
    "mechanical: the visible face gains": "the visible face gains (mechanical null)",
    "mechanical: it gains more than beside a sham": "more than beside a patch off the face",
    "sham": "more than for a patch beside the face",
    "matched textures": "also when filled with texture",
    "more than permuted-weights": "more than with permuted weights",
    "more than twin": "more than the activation of the twin without",
    "more than random-labels": "more than with shuffled labels",
    "exposure": "nets that saw erasing show more",
    "nets that saw erasing leave": "and their share on the region falls",
    "real faces": "share on the real occlusion falls",
    "indirect effect": "natural indirect effect on the margin",
    "more than any change as large": "more than a change as large elsewhere",
    "expressive": "share on the expression's regions rises",
    "other expressions' regions": "more than on other expressions' regions",
    **{f"more than {module}": f"more than {MODULES[module]}" for module in ("se", "eca", "cbam")},
}
QUESTIONS = {  # the study's questions, and the hypotheses that have to hold for a yes
    "Does attention move off what is occluded?": ("H1",),
    "Is the movement learned?": ("H2a", "H2b", "H2c", "H2d"),
    "Does it cause the robustness?": ("H3",),
}
ANSWERS = {"supported": "yes", "refuted": "no", "undecided": "undecided",
           "not tested": "not tested yet"}
INTERVENTIONS = {
    "clean": "clean picture's attention", "change_elsewhere": "as large a change elsewhere",
    "uniform": "attention without a place", "other_image": "another face's attention",
    "shuffled": "shuffled attention", "inverted": "inverted attention",
    "clean_unmatched": "clean picture's, as it is",
}
EFFECTS = {
    "total": "in all", "indirect": "saved by attention's movement",
    "elsewhere": "saved by as large a change elsewhere",
}
OUTCOMES = {"margin": "true-class margin (logits)", "accuracy": ACCURACY.replace("%", "points")}
TYPES = {"upper": "upper face", "lower": "lower face", "side": "side", "glasses": "glasses"}
GROUPS = {
    "occluded": "occluded", **TYPES, "pose_30": "turned over 30 degrees",
    "pose_45": "turned over 45 degrees", "occluded_not_turned": "occluded, not turned",
    "turned_not_occluded": "turned, not occluded", "not_listed": "in no list",
}
LABELS = {"own": "the data set's labels", "ferplus": "the labels of FERPlus's majority",
          "agreed": "faces on whose label FER2013 and FERPlus agree"}
KINDS = {"module": "modules", "control": "other recipes or sizes", "ablation": "IRAM's switches"}


def over(seeds: Iterable[float]) -> str:
    """What intervals are over that are of so many training seeds each; unknown ones don't count."""
    return f"{OVER_FACES} within training seeds" if any(n > 1 for n in seeds) else OVER_FACES


def title(name: str, names: dict[str, str]) -> str:
    """The name's title in one of the tables above."""
    return names.get(name, name.replace("_", " "))


def model_titles(models: Iterable[str]) -> dict[str, str]:
    """Each model's title. Seeds, and that weights know rendered heads, are told only where they
    tell two of these models apart."""
    models = list(dict.fromkeys(models))
    families = {model: label_of(model) for model in models}
    if all("heads" in name.split("-") for name in families.values()):
        families = {model: name.replace("-heads", "") for model, name in families.items()}
    titles = {model: _family_title(name) for model, name in families.items()}
    shared = [one for one in titles.values() if list(titles.values()).count(one) > 1]
    return {model: f"{one}, seed {seed_of(model)}" if one in shared and seed_of(model) is not None
            else one for model, one in titles.items()}


def _family_title(name: str) -> str:
    module, _, rest = name.partition("-")
    if module not in MODULES:
        return name
    return ", ".join(filter(None, (MODULES[module], VARIANTS.get(rest, rest.replace("-", " ")))))


def one_per_family(models: Iterable[str]) -> list[str]:
    """The first of every model's training seeds, for figures that show one model."""
    return list({label_of(model): model for model in reversed(list(models))}.values())[::-1]


def condition_title(occluder: str, fill: str, fraction: float | None) -> str:
    """Such as "eyes 30%, noise"; objects in their own look by their name alone."""
    share = "" if fraction is None or fraction != fraction else f" {100 * fraction:.0f}%"
    look = "" if fill == "object" else f", {title(fill, FILLS)}"
    return title(occluder, OCCLUDERS) + share + look
