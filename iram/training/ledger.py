"""How far a grid is: from the cards, logs and marks that training leaves in its folder."""

import csv
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from iram.architecture import Architecture
from iram.errors import InputError
from iram.training.grids import Cell
from iram.training.recipe import Recipe
from iram.training.train_grid import is_done
from iram.weights import PRETRAINED, read_card


def status(cell: Cell, out: Path) -> tuple[str, str]:
    """What became of a cell in this folder, and a word on it.

    Returns:
        ("done", ""), ("diverged", why), ("unfinished", "5 of 24 epochs"), or ("missing", "").
    """
    if is_done(cell, out):
        return "done", ""
    mark = out / cell.name / "diverged.txt"
    if mark.exists():
        return "diverged", mark.read_text(encoding="utf-8").strip()
    if epochs := epochs_done(cell, out):
        return "unfinished", f"{epochs} of {cell.epochs} epochs"
    return "missing", ""


def ships(cell: Cell) -> bool:
    """Whether weights of the cell's name, architecture and recipe ship with the package.

    They need not be of the same data: a grid does not say on what it is trained.
    """
    path = PRETRAINED / f"{cell.name}.safetensors"
    if not path.is_file():
        return False
    card = read_card(path)
    made = Architecture.from_dict(card["architecture"])
    wanted, recipe = cell.build(made.classes, made.input_size)
    return (made, Recipe.from_dict(card["recipe"])) == (wanted, recipe)


def epochs_done(cell: Cell, out: Path) -> int:
    """How many epochs of the cell this folder's log has."""
    return len(read_log(out / cell.name / "log.csv"))


def read_log(path: Path) -> list[dict[str, float]]:
    """The rows of a training's log, one an epoch; none if there is no such file.

    Raises:
        InputError: it is not such a log.
    """
    if not path.exists():
        return []
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
        return [row | {"epoch": int(row["epoch"])} for row in rows]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not the log of a training: {error!r}") from error


def seconds_left(cells: Iterable[Cell], out: Path) -> float | None:
    """About how long the cells that are not done will take at the speed of those that are.

    A cell's speed is the median of the finished ones with its attention and backbone, or of all.
    None if no card in the folder tells one.
    """
    speeds, faces = _speeds(out)
    if not speeds:
        return None
    everything = median(speed for known in speeds.values() for speed in known)
    seconds = 0.0
    for cell in cells:
        if not is_done(cell, out):
            epochs = cell.epochs - epochs_done(cell, out)
            backbone = cell.architecture.get("backbone", "compact")
            known = speeds.get((backbone, cell.architecture.get("attention")))
            seconds += epochs * faces / (median(known) if known else everything)
    return seconds


def _speeds(out: Path) -> tuple[dict[tuple[str, str], list[float]], int]:
    """Images/s by (backbone, attention), and the largest number of training faces."""
    speeds, faces = {}, 0
    for weights in sorted(out.glob("*.safetensors")):
        if weights.with_suffix(".json").exists():
            card = read_card(weights)
            if "images_per_second" in card and "data" in card:
                kind = card["architecture"]["backbone"], card["architecture"]["attention"]
                speeds.setdefault(kind, []).append(card["images_per_second"])
                faces = max(faces, card["data"]["training_faces"])  # some learn only a few
    return speeds, faces
