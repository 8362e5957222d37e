"""Training of the cells of a grid: what is finished is skipped, what is new is measured once."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

import torch

from iram import __version__
from iram.architecture import Architecture
from iram.data.copies import ALL_FACES, copied_kinds, face_groups
from iram.data.dataset import FaceDataset
from iram.dtype import PRECISION
from iram.errors import InputError
from iram.evaluate import VIEWS, accuracy, measure_name, predict
from iram.files import sweep, write_text
from iram.lock import BusyError, locked
from iram.model import FERClassifier
from iram.training.combining import combine
from iram.training.grids import Cell
from iram.training.initial import OTHERS, others
from iram.training.recipe import Recipe
from iram.training.train import DivergedError, Trained, difference, train
from iram.weights import as_shipped, load_model, read_card, save_model, write_card

WITHOUT_COPIES = "accuracy_without_copies"  # on a card, beside "accuracy"


def train_grid(
    cells: Iterable[Cell], dataset: FaceDataset, out: Path, *, device: str, dtype: str = "auto",
    progress: bool = True,
) -> list[str]:
    """Trains what `out` has no weights for; returns the names of the cells that diverged.

    A finished cell is `out/NAME.safetensors` with its card `out/NAME.json`; the log and, until
    it is finished, the checkpoint are in `out/NAME/`. What its card lacks of the accuracies of
    `measure` is added. A cell whose loss is no longer a number (or whose weights don't fit half
    precision) is marked by `out/NAME/diverged.txt`, and the rest goes on. Several processes may
    share a grid: a cell that another one is training (`out/NAME/lock`) is left to it.

    Raises:
        InputError: a finished cell or a checkpoint is of another training than the one asked for.
        BusyError: every cell that is not finished is being trained by another process.
    """
    diverged, busy, trained = [], [], 0
    for cell in cells:
        try:
            if is_done(cell, out) or not _train_unless_done(
                cell, dataset, out, device=device, dtype=dtype, progress=progress
            ):
                check_finished(cell, dataset, out, dtype)
                print(f"{cell.name}: finished before{_completed(cell, dataset, out)}")
            else:
                trained += 1
        except BusyError as error:
            busy.append(error)
            print(f"{cell.name}: left to another process, {error}")
        except (DivergedError, OverflowError) as error:  # the latter: weights beyond all measure
            diverged.append(cell.name)
            write_text(out / cell.name / "diverged.txt", f"{error}\n")
            print(f"{cell.name}: stopped, {error}")
    if busy and not trained and not diverged:
        raise busy[0]
    return diverged


def _train_unless_done(cell: Cell, dataset: FaceDataset, out: Path, **options) -> bool:
    """False if another process finished it before the lock was had."""
    folder = out / cell.name
    with locked(folder / "lock"):
        if is_done(cell, out):
            return False
        sweep(out)
        train_cell(cell, dataset, out, **options)
    return True


def is_done(cell: Cell, out: Path) -> bool:
    """True if the cell's weights and its card, which is written last, are there."""
    return all((out / f"{cell.name}.{kind}").exists() for kind in ("safetensors", "json"))


def check_finished(cell: Cell, dataset: FaceDataset, out: Path, dtype: str) -> None:
    """Raises InputError if the cell's card is not of the training that the cell asks for; any
    dtype is, of "auto"."""
    architecture, recipe = cell.build(dataset.classes, dataset.size)
    path = out / f"{cell.name}.safetensors"
    card = read_card(path)
    try:  # through the classes, so that a field added since has its default
        made = {
            "architecture": Architecture.from_dict(card["architecture"]).to_dict(),
            "recipe": Recipe.from_dict(card["recipe"]).to_dict(),
            "data": card["data"]["sha256"],
            "precision": card["precision"],
        } | {name: card[name] for name in (f"{field}_sha256" for field in OTHERS) if name in card}
    except (KeyError, TypeError) as error:
        card_path = path.with_suffix(".json")
        raise InputError(f"{card_path} is not the card of a training: {error}") from error
    wanted = {
        "architecture": architecture.to_dict(),
        "recipe": recipe.to_dict(),
        "data": dataset.sha256,
        "precision": PRECISION.get(dtype, made["precision"]),
    } | others(recipe)
    if changed := difference(made, wanted):
        raise InputError(
            f"{path} is of another training ({changed}); choose another --out or --suffix"
        )


def train_cell(
    cell: Cell, dataset: FaceDataset, out: Path, *, device: str, dtype: str = "auto",
    progress: bool = True,
) -> dict:
    """Trains one cell and writes its weights and card; returns the card."""
    architecture, recipe = cell.build(dataset.classes, dataset.size)
    training, validation = dataset.split("train"), dataset.split("validation")
    commit = code_commit()  # of the code that trains, whatever is checked out meanwhile
    trained = train(architecture, training, validation, recipe, cell.seed, out / cell.name,
                    device=device, dtype=dtype, progress=progress)
    card = {
        "label": cell.label,
        "seed": cell.seed,
        "data": {
            "name": dataset.name,
            "sha256": dataset.sha256,
            "training_faces": trained.faces,
        },
        "recipe": recipe.to_dict(),
        **trained.others,
        "selected_epoch": trained.epoch,
        "selected_on": "nothing: the last epoch"
        if recipe.takes_last
        else validation.metadata["usage"].iloc[0],
        "precision": trained.precision,
        "images_per_second": _throughput(trained),
        "torch": torch.__version__,
        "commit": commit,
    }
    # Before the card is written: a card says that its cell is finished.
    model = as_shipped(trained.model)
    if found := combine(model, dataset, cell.seed):
        card["ensemble"] = found
    card["accuracy"] = measure(model, dataset)
    if found := without_copies(model, dataset):
        card[WITHOUT_COPIES] = found
    card = save_model(model, out / f"{cell.name}.safetensors", card)
    for name in ("checkpoint.safetensors", "diverged.txt"):
        (out / cell.name / name).unlink(missing_ok=True)
    for name, result in (card["accuracy"] | card.get(WITHOUT_COPIES, {})).items():
        print(f"{cell.name}: {name} {100 * result['accuracy']:.2f}%"
              f" [{100 * result['low']:.2f}, {100 * result['high']:.2f}]")
    return card


def _completed(cell: Cell, dataset: FaceDataset, out: Path) -> str:
    """Adds what the card of a finished cell lacks of `measure`, and says so."""
    path = out / f"{cell.name}.safetensors"
    card = read_card(path)
    known = card.setdefault("accuracy", {})
    lacking = [name for name, *_ in _measures(dataset) if name not in known]
    if lacking:
        card["accuracy"] = measure(load_model(path), dataset, known)
    if WITHOUT_COPIES not in card and (found := without_copies(load_model(path), dataset)):
        card[WITHOUT_COPIES] = found
        lacking += found
    if not lacking:
        return ""
    write_card(path, card)
    return f"; added to its card: {'; '.join(lacking)}"


def measure(model: FERClassifier, dataset: FaceDataset, known: dict | None = None) -> dict:
    """Accuracy in fp32 on the validation and test splits, of the single picture, averaged with the
    mirror image ("flip") and over ten crops ("crops"), each with its 95% interval, by the data
    set's own split names. A data set without a test split gives none for it; what is `known` is
    not measured again."""
    results = {}
    for name, role, views in _measures(dataset):
        if known and name in known:
            results[name] = known[name]
        else:
            faces = dataset.split(role)
            results[name] = accuracy(predict(model, faces, views=views), faces.labels,
                                     faces.photographs())
    return results


def without_copies(model: FERClassifier, dataset: FaceDataset) -> dict:
    """Accuracy as in `measure`, of the single picture, on the faces that are no copies of training
    faces: "PrivateTest, without copies" (`iram.data.copies.face_groups`); {} if none is one."""
    found = {}
    for usage, role, views in _measures(dataset):
        faces = dataset.split(role)
        groups = face_groups(copied_kinds(faces))
        if views == VIEWS[0] and len(groups) > 1:
            logits, labels, same = predict(model, faces), faces.labels, faces.photographs()
            found |= {f"{usage}, {name}": accuracy(logits[places], labels[places], same[places])
                      for name, places in groups.items() if name != ALL_FACES}
    return found


def _measures(dataset: FaceDataset) -> list[tuple[str, str, str]]:
    """(name on the card, role of the split, views) of each accuracy that a card has."""
    split = dataset.metadata["split"]
    usages = {role: dataset.metadata["usage"][split == role].iloc[0]
              for role in ("validation", "test") if role in set(split)}
    return [(measure_name(usage, views), role, views)
            for role, usage in usages.items() for views in VIEWS]


def code_commit() -> str:
    """The commit that the code stands at, or the version where there is no checkout."""
    folder = Path(__file__).parents[2]
    command = ["git", "-C", folder, "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty"]
    try:
        if not (folder / ".git").exists():  # installed, perhaps inside somebody else's checkout
            raise FileNotFoundError
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return found.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return f"version {__version__}"


def _throughput(trained: Trained) -> float:
    """Median training images/s over the epochs."""
    return sorted(row["images_per_second"] for row in trained.log)[len(trained.log) // 2]
