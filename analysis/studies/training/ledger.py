"""From cards and logs to `ledger.csv`, one row a cell, and `curves.csv`, one row an epoch."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from iram.architecture import switched
from iram.data.copies import WITHOUT
from iram.errors import InputError
from iram.evaluate import VIEWS, measure_name, single_views
from iram.training.grids import Cell
from iram.training.ledger import read_log, status
from iram.training.recipe import Recipe
from iram.training.train_grid import WITHOUT_COPIES
from iram.weights import read_card

FINISHED = ("parameters", "selected_epoch", "selected_on", "images_per_second", "precision",
            "commit", "weights_sha256")
RANK = ("missing", "unfinished", "diverged")
SUFFIX = {"single": "", "flip": "_flip", "crops": "_crops"}
SCORES = [f"{role}{SUFFIX[views]}{part}" for role in ("validation", "test") for views in VIEWS
          for part in ("", "_low", "_high")]
SCORES += [f"test_{name.replace(' ', '_')}{part}" for name in WITHOUT
           for part in ("", "_low", "_high")]
COLUMNS = ("name", "label", "seed", "attention", "switches", "backbone", "recipe", "data", "status",
           "note", *FINISHED[:3], *SCORES, *FINISHED[3:])


def ledger(cells: Iterable[Cell], folders: Sequence[Path]) -> pd.DataFrame:
    """One row per cell of the grids, then one per further card in the folders.

    A card, which training writes last, says that its cell is done; the weights need not be there.

    status: done, diverged, unfinished or missing, the best that a folder has; `note` says why or
        how far.
    switches, recipe: what is not at its default, as "epochs=24 erasing=0.5".
    validation, test: accuracy on the split that the epoch was chosen on (FER2013: PublicTest) and
        on the test split (PrivateTest), `_flip` with the mirror image averaged in, `_crops` over
        ten crops, `_without_copies` and `_without_near_copies` on the faces that are no copies of
        training faces; `_low` and `_high` the 95% Wilson interval over the faces.

    Raises:
        InputError: two folders have a card of one name.
    """
    folders = _different(folders)
    rows = {cell.name: _cell_row(cell, folders) for cell in cells}
    for folder in folders:
        for path in sorted(folder.glob("*.json")):
            if path.stem not in rows:
                rows[path.stem] = {"name": path.stem, "status": "done"} | _card_row(path)
        for mark in sorted(folder.glob("*/diverged.txt")):
            name, note = mark.parent.name, mark.read_text(encoding="utf-8").strip()
            rows.setdefault(name, {"name": name, "status": "diverged", "note": note})
    table = pd.DataFrame(rows.values(), columns=COLUMNS)
    whole = ["seed", "parameters", "selected_epoch"]
    return table.astype(dict.fromkeys(whole, "Int64"))


def curves(folders: Sequence[Path]) -> pd.DataFrame:
    """One row per model and epoch: name, and the columns of the training log.

    Of a name that several folders have a log of it is the one beside the card, else the longest.
    """
    logs, ranks = {}, {}
    for folder in _different(folders):
        for path in sorted(folder.glob("*/log.csv")):
            name, log = path.parent.name, pd.DataFrame(read_log(path))
            rank = (folder / f"{name}.json").exists(), len(log)
            if name not in logs or rank > ranks[name]:
                logs[name], ranks[name] = log.assign(name=name), rank
    if not logs:
        return pd.DataFrame(columns=["name", "epoch", "validation_accuracy"])
    table = pd.concat(logs.values(), ignore_index=True)
    return table[["name", *(column for column in table if column != "name")]]


def _different(folders: Sequence[Path]) -> list[Path]:
    """Each folder once; InputError if two have a card of one name, since which one counts?"""
    different = list({folder.resolve(): folder for folder in folders}.values())
    cards: dict[str, Path] = {}
    for path in (path for folder in different for path in sorted(folder.glob("*.json"))):
        if (other := cards.setdefault(path.name, path)) != path:
            raise InputError(f"{other} and {path} are cards of one name: name folders that differ, "
                             "or train with another --suffix")
    return different


def _cell_row(cell: Cell, folders: Sequence[Path]) -> dict:
    row = {"name": cell.name, "label": cell.label, "seed": cell.seed}
    found = [status(cell, folder) for folder in folders] or [("missing", "")]
    for folder in folders:  # after the status: a cell may be finished just now
        if (card := folder / f"{cell.name}.json").exists():
            return row | {"status": "done"} | _card_row(card)
    what, note = max(found, key=lambda pair: RANK.index(pair[0]))
    planned, recipe = cell.build(("a", "b"), 48)
    row |= {"status": what, "note": note}
    return row | _described(planned.to_dict(), recipe.to_dict())


def _card_row(path: Path) -> dict:
    card = read_card(path)
    row = {name: card.get(name) for name in ("label", "seed", *FINISHED)}
    row["data"] = card.get("data", {}).get("name")
    row |= _described(card["architecture"], Recipe.from_dict(card.get("recipe", {})).to_dict())
    accuracy = card.get("accuracy", {})
    for role, split in zip(("validation", "test"), single_views(accuracy), strict=False):
        for views, suffix in SUFFIX.items():
            if result := accuracy.get(measure_name(split, views)):
                row |= _scores(f"{role}{suffix}", result)
        for name in WITHOUT if role == "test" else ():
            if result := card.get(WITHOUT_COPIES, {}).get(f"{split}, {name}"):
                row |= _scores(f"test_{name.replace(' ', '_')}", result)
    return row


def _scores(name: str, result: dict) -> dict:
    return {name: result["accuracy"], f"{name}_low": result["low"],
            f"{name}_high": result["high"]}


def _described(architecture: dict, recipe: dict) -> dict:
    default = Recipe().to_dict()
    changed = {k: v for k, v in recipe.items() if v != default[k]}
    return {
        "attention": architecture["attention"], "backbone": architecture["backbone"],
        "switches": _pairs(switched(architecture)), "recipe": _pairs(changed),
    }


def _pairs(values: dict) -> str:
    return " ".join(f"{key}={value}" for key, value in values.items())
