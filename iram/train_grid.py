"""Training of the cells of a grid: what is finished is skipped, what is new is measured once."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

import torch

from iram import __version__
from iram.data.dataset import FaceDataset
from iram.evaluate import accuracy, predict
from iram.files import atomic_path
from iram.grids import Cell
from iram.model import FERClassifier
from iram.train import DivergedError, Trained, train
from iram.weights import load_model, save_model


def train_grid(
    cells: Iterable[Cell], dataset: FaceDataset, out: Path, *, device: str, bf16: bool
) -> list[str]:
    """Trains what `out` has no weights for; returns the names of the cells that diverged.

    A finished cell is `out/NAME.safetensors` with its card `out/NAME.json`; the log and, until
    it is finished, the checkpoint are in `out/NAME/`. A cell whose loss is no longer a number is
    marked by `out/NAME/diverged.txt`, and the rest goes on.
    """
    diverged = []
    for cell in cells:
        if is_done(cell, out):
            print(f"{cell.name}: finished before")
            continue
        try:
            train_cell(cell, dataset, out, device=device, bf16=bf16)
        except DivergedError as error:
            diverged.append(cell.name)
            with atomic_path(out / cell.name / "diverged.txt") as path:
                path.write_text(f"{error}\n")
            print(f"{cell.name}: stopped, {error}")
    return diverged


def is_done(cell: Cell, out: Path) -> bool:
    """True if the cell's card, which is written last, is there."""
    return (out / f"{cell.name}.json").exists()


def train_cell(cell: Cell, dataset: FaceDataset, out: Path, *, device: str, bf16: bool) -> dict:
    """Trains one cell and writes its weights and card; returns the card."""
    architecture, recipe = cell.build(dataset.classes, dataset.size)
    training, validation = dataset.split("train"), dataset.split("validation")
    trained = train(architecture, training, validation, recipe, cell.seed, out / cell.name,
                    device=device, bf16=bf16)  # fmt: skip
    card = {
        "label": cell.label,
        "seed": cell.seed,
        "data": {"name": dataset.name, "sha256": dataset.sha256, "training_faces": len(training)},
        "recipe": recipe.to_dict(),
        "selected_epoch": trained.epoch,
        "selected_on": validation.metadata["usage"].iloc[0],
        "precision": "bf16 autocast" if bf16 else "fp32",
        "images_per_second": _throughput(trained),
        "torch": torch.__version__,
        "commit": code_commit(),
    }
    path = out / f"{cell.name}.safetensors"
    # Measured on the weights as shipped: saved in half precision, and read back.
    card = save_model(trained.model, path, card)
    card["accuracy"] = measure(load_model(path), dataset)
    card = save_model(trained.model, path, card)
    (out / cell.name / "checkpoint.safetensors").unlink(missing_ok=True)
    for name, result in card["accuracy"].items():
        print(f"{cell.name}: {name} {100 * result['accuracy']:.2f}%"
              f" [{100 * result['low']:.2f}, {100 * result['high']:.2f}]")  # fmt: skip
    return card


def measure(model: FERClassifier, dataset: FaceDataset) -> dict[str, dict]:
    """Accuracy in fp32 on the validation and test splits, plain and averaged with the mirror
    image ("flip"), each with its 95% interval, by the data set's own split names."""
    results = {}
    for role in ("validation", "test"):
        faces = dataset.split(role)
        usage = faces.metadata["usage"].iloc[0]
        for flip in (False, True):
            logits = predict(model, faces, flip=flip)
            results[f"{usage}, flip" if flip else usage] = accuracy(logits, faces.labels)
    return results


def code_commit() -> str:
    """The commit that the code stands at, or the version where there is no checkout."""
    folder = Path(__file__).parent
    command = ["git", "-C", folder, "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return found.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return f"version {__version__}"


def _throughput(trained: Trained) -> float:
    """Median training images/s over the epochs."""
    return sorted(row["images_per_second"] for row in trained.log)[len(trained.log) // 2]
