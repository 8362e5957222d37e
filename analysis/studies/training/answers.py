"""What trained models answered, kept beside their cards: whoever has neither their weights nor the
faces can compare them again, and count what another test needs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.engine.store import cell_key, read_cell, write_cell
from analysis.studies.training.measured import Measured, training_card
from iram.data.copies import ALL_FACES, copied_kinds, face_groups
from iram.data.dataset import FaceDataset
from iram.errors import InputError
from iram.weights import read_card, write_card

ANSWERS = "answers.parquet"
FACES = ["image_id", "usage", "label"]
COPIES = ["copy", "photograph"]  # columns that tables of earlier versions lack
KEY = cell_key(kind="answers of trained models")


def faces_of(dataset: FaceDataset) -> pd.DataFrame:
    """One row a face: `image_id`, `usage` (the data set's own name of the split) and `label`, its
    class as a categorical of all classes; `copy`, what it is of a training face
    (`iram.data.copies.copied_kinds`), and `photograph`, the same number for copies of each
    other."""
    label = pd.Categorical.from_codes(dataset.labels.numpy(), dataset.classes)
    faces = dataset.metadata[["image_id", "usage"]].assign(
        label=label, copy=pd.Categorical(copied_kinds(dataset)), photograph=dataset.photographs()
    )
    return faces.reset_index(drop=True)


def groups_of(faces: pd.DataFrame) -> dict[str, np.ndarray]:
    """The groups of `faces_of`, as `analysis.engine.faces.groups_of`."""
    if "copy" not in faces:
        return {ALL_FACES: np.arange(len(faces))}
    return face_groups(faces["copy"].to_numpy(dtype=str))


def write_answers(out: Path, models: Sequence[Measured], faces: pd.DataFrame) -> None:
    """Writes the models' cards, `cards/NAME.json`, and then `answers.parquet`.

    The table is `faces` with a column a model, named as its cell: the class it takes the face for.
    Cards of other models, which an earlier comparison left in `cards/`, are removed.
    """
    for model in models:
        write_card(out / "cards" / f"{model.name}.safetensors", model.card)
    classes = faces["label"].dtype
    columns = {m.name: pd.Categorical.from_codes(m.answers, dtype=classes) for m in models}
    write_cell(out / ANSWERS, faces.assign(**columns), KEY)
    for path in (out / "cards").glob("*.json"):
        if path.stem not in columns and _is_card(path):
            path.unlink()


def _is_card(path: Path) -> bool:
    try:
        read_card(path)
    except InputError:  # something else's
        return False
    return True


def read_answers(path: Path) -> tuple[list[Measured], pd.DataFrame]:
    """The models and the faces that `write_answers` wrote.

    Of a file without the columns of copies nothing is known of them: then no face is one.

    Raises:
        InputError: the file is missing, damaged or another's, or a model's card is not in `cards/`
            beside it, or of no training.
    """
    table = read_cell(path, KEY)
    if table is None:
        raise InputError(f"{path} is missing, damaged, or no table of answers; `iram models "
                         "--compare MODELS --data SPEC --out DIR` makes it")
    faces = table[[*FACES, *(name for name in COPIES if name in table)]]
    photographs = faces["photograph"].to_numpy() if "photograph" in faces else None
    labels = np.asarray(faces["label"].cat.codes)
    models = []
    for name in table.columns.drop(list(faces)):
        weights = path.parent / "cards" / f"{name}.safetensors"
        if not weights.with_suffix(".json").exists():
            raise InputError(f"{path} has answers of {name}, but {weights.with_suffix('.json')} is "
                             "missing: the cards belong beside it")
        card = training_card(weights)
        answers = np.asarray(table[name].cat.codes)
        models.append(Measured(card["label"], card["seed"], card, answers, labels,
                               photographs))
    return models, faces
