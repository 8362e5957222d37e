"""What everything is called in figures and printed tables, with units.

What is registered has told its title there; words that belong to nothing registered stand here.
Unknown names (somebody's own weights) are shown as they are, with spaces for underscores.
"""

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module

from iram.names import label_of, seed_of


class Titles(Mapping):
    """name -> title of what is registered, read where it is registered.

    Their modules are imported when a figure letters the first of them, not before: they load torch,
    and those of the studies stand above the figures.
    """

    def __init__(self, *places: str):
        self._places = places  # of registries, or dicts of titles, each as "module:NAME"

    def _all(self) -> dict[str, str]:
        found = {}
        for place in self._places:
            module, _, name = place.partition(":")
            names = getattr(import_module(module), name)
            found |= getattr(names, "titles", names)
        return found

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


MODULES = Titles("iram.attention:ATTENTION")
NETS = Titles("iram.architecture:BACKBONES", "analysis.figures.names:TAUGHT")
DATASETS = Titles("iram.data:DATASETS")
OCCLUDERS = Titles("analysis.stimuli.occluders:GROWING", "analysis.stimuli.occluders:OBJECTS")
FILLS = Titles("analysis.stimuli.fills:FILLS")
CORRUPTIONS = Titles("analysis.stimuli.corruptions:CORRUPTIONS")
METHODS = Titles("analysis.attributions:ATTRIBUTIONS")
SIMILARITIES = Titles("analysis.metrics:AGREEMENT")
TRIALS = Titles("analysis.metrics:TRIALS")
HYPOTHESES = Titles("analysis.subjects.hypotheses:TITLES")
INTERVENTIONS = Titles("analysis.subjects.interventions:INTERVENTIONS")

ZOO = "zoo-"  # how labels of nets like those of other works begin (`iram.training.grids`)
TAUGHT = {"distilled": "separable CNN, distilled"}  # cells that are called by how they are trained
ACCURACY = "accuracy (%)"
DROP = "drop of accuracy (points)"
LOST = "lost of what both recognise clean (%)"
FRACTION = "occluded share of the face area (%)"
HIDDEN = "self-occluded (% of face)"
ANGLES = {"yaw_deg": "yaw (degrees, to the picture's right)",
          "pitch_deg": "pitch (degrees, up)"}
REFERENCE = "region_shapley"  # the method whose values the others' are held against
SHARE_CHANGE = "change of attention's log share on the region (below 0: it leaves)"
OVER_FACES = "95% over faces"
OVER_SEEDS = "95% over faces and training seeds"

VARIANTS = {
    "matched": "parameters matched", "random-labels": "shuffled labels",
    "permuted-weights": "permuted weights", "erasing-noise": "erased with noise",
    "erasing-mean": "erased with gray", "erasing-occluders": "erased with occluders",
    "away": "taught to look away", "away-erasing": "went on with erasing",
    "away-consistency": "taught that its answer stays", "away-falls-0": "taught all but the fall",
    "away-falls-1": "taught a quarter of the fall", "away-falls-16": "taught four times the fall",
    "away-attention-falls": "taught the fall alone",
    "heads": "rendered heads", "ferplus": "FERPlus", "wide": "twice as wide",
}
ORDERS = {"morf": "most relevant first", "lerf": "least relevant first"}
QUESTIONS = {  # the study's questions, and the hypotheses that have to hold for a yes
    "Does attention move off what is occluded?": ("H1",),
    "Is the movement learned?": ("H2a", "H2b", "H2c", "H2d"),
    "Does it cause the robustness?": ("H3",),
}
ANSWERS = {"supported": "yes", "refuted": "no", "undecided": "undecided",
           "not tested": "not tested yet"}
CLASSES = {"flat": "gray", "noise": "noise", "texture": "textures and other faces",
           "object": "objects", "real": "really occluded", "all": "as a whole"}  # of fill
EFFECTS = {
    "total": "in all", "indirect": "saved by where attention moves",
    "unmatched": "saved by where and how much",
    "elsewhere": "saved by as large a change elsewhere",
}
OUTCOMES = {"margin": "true-class margin (logits)", "accuracy": ACCURACY.replace("%", "points")}
MOVED = {  # the measures by which attention leaves
    "effective_change": "what it makes of the features", "mass_change": "the attention map",
    "weighted_change": "weighted by evidence", "standard_change": "in standard deviations",
    "channels_leave": "share of channels",
}
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
    return f"{OVER_FACES} and training seeds" if any(n > 1 for n in seeds) else OVER_FACES


def title(name: str, names: Mapping[str, str]) -> str:
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


def reference_title(references: Iterable[str]) -> str:
    """What nets are compared with, where all are with the same; its training seed is not told."""
    names = {label_of(name) for name in references if isinstance(name, str)}
    return model_titles(names)[names.pop()] if len(names) == 1 else "the reference"


def _family_title(name: str) -> str:
    if name.startswith(ZOO):
        return _net_title(name.removeprefix(ZOO))
    module, _, rest = name.partition("-")
    if module not in MODULES:
        return name
    return ", ".join(filter(None, (MODULES[module], VARIANTS.get(rest, rest.replace("-", " ")))))


def _net_title(name: str) -> str:
    """The backbone's title, and what else the label says: "regional CNN, no attention"."""
    parts = name.split("-")
    for length in range(len(parts), 0, -1):
        if (net := "_".join(parts[:length])) in NETS:
            rest = "-".join(parts[length:])
            return ", ".join(filter(None, (NETS[net], MODULES.get(rest, rest.replace("-", " ")))))
    return ZOO + name


def one_per_family(models: Iterable[str]) -> list[str]:
    """The first of every model's training seeds, for figures that show one model."""
    return list({label_of(model): model for model in reversed(list(models))}.values())[::-1]


def condition_title(occluder: str, fill: str, fraction: float | None) -> str:
    """Such as "eyes 30%, noise"; objects in their own look by their name alone."""
    share = "" if fraction is None or fraction != fraction else f" {100 * fraction:.0f}%"
    look = "" if fill == "object" else f", {title(fill, FILLS)}"
    return title(occluder, OCCLUDERS) + share + look


def asked_against(name: str) -> str:
    """What is explained where predictions were asked against a class, or "second"."""
    return f"each prediction rather than {'its runner-up' if name == 'second' else name}"
