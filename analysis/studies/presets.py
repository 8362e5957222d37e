"""How much of each part `iram study` and the notebooks run, as plain data."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from analysis.studies.attribution.questions import Sizes
from iram.data.classes import match_classes
from iram.data.dataset import FaceDataset
from iram.errors import InputError
from iram.names import label_of
from iram.registry import unknown
from iram.weights import pretrained

HEADS = "heads"
SHIPPED = ""  # for models: all that ship for such data


@dataclass(frozen=True)
class Preset:
    """One extent of the whole study.

    Attributes:
        data: what is studied where no --data is given.
        models, heads_models: on photographs, and on rendered heads; SHIPPED is all that ship.
        every_seed: whether a name without a seed is all its shipped seeds in the first two parts
            too. In the third it always is: there, training seeds decide.
        faces: of occlusion, at most; None is all.
        conditions, heads_conditions: of occlusion, on photographs and on rendered heads.
        explained: faces of attribution.
        methods: of attribution.
        sizes: on how many of them its dearer measures are taken.
        moved: faces of the shift.
        shift_conditions: of the shift.
    """

    data: str
    models: str
    heads_models: str
    every_seed: bool
    faces: int | None
    conditions: str
    heads_conditions: str
    explained: int | None
    methods: str
    sizes: Sizes
    moved: int | None
    shift_conditions: str

    def to_dict(self) -> dict:
        return asdict(self)


HEADS_MODELS = "iram-heads,none-heads,se-heads,cbam-heads"
PRESETS = {
    # Every part and every table once, to see that all works: a minute or two.
    "smoke": Preset(
        data="heads:n=320", models="iram,none", heads_models="iram-heads,none-heads",
        every_seed=False,
        faces=64, conditions="smoke", heads_conditions="smoke",
        explained=32, methods="attention,gradcam,input_x_gradient,centre_gaussian",
        sizes=Sizes(reference=8, curves=8, pairs=8, sanity=2),
        moved=64,
        shift_conditions="lower_half-0.3-mean,lower_half-0.3-noise,sham-0.3-mean,sham-0.3-noise",
    ),
    # What decides the questions, on as many faces as an hour or so on two cores allows.
    "default": Preset(
        data="heads:n=5000", models="iram,none,cbam", heads_models=HEADS_MODELS, every_seed=False,
        faces=None, conditions="default", heads_conditions="heads",
        explained=100, methods="cheap", sizes=Sizes(reference=64, curves=32, pairs=32, sanity=8),
        moved=1000, shift_conditions="default",
    ),
    # Everything, on all faces, with all that ships: days on two cores, hours on a GPU.
    "paper": Preset(
        data="heads:n=18000", models=SHIPPED, heads_models=SHIPPED, every_seed=True,
        faces=None, conditions="full", heads_conditions="full,heads",
        explained=None, methods="all", sizes=Sizes(1000, 500, 500, 64),
        moved=None, shift_conditions="default",
    ),
}


def shipped(dataset: FaceDataset) -> str:
    """The names of all shipped weights for such faces, one for all seeds of a label: those trained
    on this very data set if there are any, else all that were trained on photographs.

    Only models that know every class of the data set.
    """
    cards = {name: card for name, card in pretrained().items() if _knows(card, dataset)}
    made_of = {name: card.get("data", {}).get("name") for name, card in cards.items()}
    fitting = [name for name, data in made_of.items() if data == dataset.name]
    fitting = fitting or [name for name, data in made_of.items() if data != HEADS]
    return ",".join(dict.fromkeys(label_of(name) for name in fitting))


def _knows(card: dict, dataset: FaceDataset) -> bool:
    try:
        match_classes(dataset.classes, card["architecture"]["classes"])
    except InputError:
        return False
    return True


@dataclass(frozen=True)
class Setup:
    """What a notebook runs.

    Attributes:
        preset: how much of each part.
        data: the specification of the faces.
        out: the folder of its runs.
        ran_lists: the lists of really occluded faces, None without.
    """

    preset: Preset
    data: str
    out: Path
    ran_lists: Path | None = None

    @property
    def models(self) -> str:
        return self.preset.heads_models if self._rendered else self.preset.models

    @property
    def model(self) -> str:
        """The first of them, whose attention is asked about."""
        return self.models.partition(",")[0]

    @property
    def conditions(self) -> str:
        return self.preset.heads_conditions if self._rendered else self.preset.conditions

    @property
    def _rendered(self) -> bool:
        return self.data.partition(":")[0] == HEADS


def set_up(
    preset: str | None = None, data: str | None = None, out: Path | str = "../runs/notebooks"
) -> Setup:
    """What a notebook runs; of what is left out the environment decides.

    Args:
        preset: a name in PRESETS; default: of the variable IRAM_PRESET, else smoke.
        data: a specification, such as fer2013:fer2013.csv; default: FER2013 in the folder that
            IRAM_DATA names (fer2013/fer2013.csv.xz, and ran_lists beside it), else rendered heads.
        out: the folder of all runs; IRAM_OUT goes before it.

    Raises:
        InputError: no such preset.
    """
    name = preset or os.environ.get("IRAM_PRESET", "smoke")
    if name not in PRESETS:
        raise InputError(unknown("preset", name, PRESETS))
    folder, chosen = os.environ.get("IRAM_DATA"), PRESETS[name]
    known = f"fer2013:{folder}/fer2013/fer2013.csv.xz" if folder else chosen.data
    spec = data or known
    where = Path(os.environ.get("IRAM_OUT", out), name, spec.partition(":")[0])
    return Setup(chosen, spec, where, Path(folder, "ran_lists") if folder and not data else None)
