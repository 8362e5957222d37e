"""The nets like those of other works: built, told of, saved, trained."""

import re
from pathlib import Path

import pytest
import torch
from toy import toy_faces

from iram import build_model
from iram.backbones import BACKBONES
from iram.evaluate import predict
from iram.training.grids import GRIDS, Cell
from iram.training.train_grid import train_cell
from iram.weights import load_model, save_model
from iram.zoo import works

ZOO = Path(__file__).parents[1] / "iram" / "zoo"
FILES = [path for path in ZOO.glob("*.py")
         if path.name not in ("__init__.py", "common.py", "views.py")]
CELLS = [cell for cell in GRIDS["zoo"] if cell.seed == 0]


def small(name, attention="none", **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_model(name, attention, width=0.25, **options).eval()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_is_short_and_begins_with_what_is_known_and_guessed(path):
    text = path.read_text("utf-8")
    told = text.split('"""')[1]
    assert len(text.splitlines()) <= 60
    assert re.match(r"(After|In the spirit of) [A-Z]", told)
    assert all(word in told for word in ("Known:", "Guessed:", "Source:"))


@pytest.mark.parametrize("name", works())
def test_a_net_takes_faces_of_other_sizes_and_numbers_of_classes(name):
    model = small(name, num_classes=3, input_size=40)
    assert model(torch.rand(2, 1, 40, 40)).shape == (2, 3)
    assert BACKBONES.about(name).work.startswith(("after ", "in the spirit of "))


def test_every_net_has_its_cell():
    assert {cell.architecture["backbone"] for cell in CELLS} >= set(works())


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.label)
def test_a_cell_is_trained_and_comes_back_with_the_same_logits(cell, tmp_path):
    dataset, recipe = toy_faces(size=24), cell.recipe | {"epochs": 1, "batch_size": 8}
    if "teacher" in recipe:
        teacher = tmp_path / "teacher.safetensors"
        save_model(small("compact", classes=dataset.classes, input_size=24), teacher, {"seed": 0})
        recipe["teacher"] = str(teacher)
    tiny = Cell(cell.label, 0, cell.architecture | {"width": 0.25}, recipe)
    card = train_cell(tiny, dataset, tmp_path, device="cpu", progress=False)
    model = load_model(tmp_path / f"{tiny.name}.safetensors")
    assert card["recipe"]["terms"] == cell.recipe.get("terms", "")
    assert card["parameters"] == sum(p.numel() for p in model.parameters())
    validation = dataset.split("validation")
    right = (predict(model, validation).argmax(1) == validation.labels).double().mean()
    assert card["accuracy"]["PublicTest"]["accuracy"] == pytest.approx(right.item(), abs=1e-6)
