"""Grids: what is trained, and in which order."""

import re

import pytest

from analysis.commands import train
from iram import InputError
from iram.architecture import Architecture
from iram.training.grids import GRIDS, Cell, product
from iram.training.recipe import Recipe
from iram.training.train import difference
from iram.weights import pretrained


def test_a_product_has_the_first_seed_of_all_modules_first():
    names = [cell.name for cell in product(["iram", "se"], [0, 1], "-x", {"width": 2}, {"lr": 1})]
    assert names == ["iram-x-seed0", "se-x-seed0", "iram-x-seed1", "se-x-seed1"]


@pytest.mark.parametrize("name", GRIDS)
def test_every_grid_can_be_built_and_names_each_cell_once(name):
    names = [cell.name for cell in GRIDS[name]]
    assert len(set(names)) == len(names)
    for cell in GRIDS[name]:
        architecture, recipe = cell.build(("a", "b", "c"), 48)
        assert architecture.classes == ("a", "b", "c")
        assert recipe.erasing == 0 or name == "robust" or "eras" in cell.label \
            or "-away" in cell.label


def test_the_help_of_iram_train_names_every_grid():
    told = train.__doc__.split("grids: ")[1].split("\n\n")[0]
    assert [name for name in GRIDS if not re.search(rf"\b{name}\b", told)] == []


def test_a_cell_with_an_unknown_recipe_field_says_which_are_known():
    with pytest.raises(InputError, match=r"unknown recipe field 'epoch'.*did you mean 'epochs'"):
        Cell("x", recipe={"epoch": 3}).build(("a", "b"), 48)


def test_the_study_trains_what_is_compared_first_then_its_controls_then_the_rest():
    names = [cell.name for cell in GRIDS["study"]]
    assert names[:4] == ["none-seed0", "iram-seed0", "cbam-seed0", "none-matched-seed0"]
    assert names[4] == "iram-random-labels-seed0"
    assert [n for n in names if "erasing" in n] == names[5:11]
    assert names[11:15] == [f"{name}-seed0" for name in ("se", "eca", "coordinate", "simam")]
    assert sum(n.startswith(("iram-reuse", "iram-reduction", "iram-fusion")) for n in names) == 7
    assert [cell.seed for cell in GRIDS["study"]] == [0] * 22 + [1] * 4 + [2] * 4
    assert {cell.label for cell in GRIDS["study"][22:]} == {"none", "iram", "cbam", "none-matched"}


def test_the_study_of_five_seeds_begins_as_the_study_and_holds_it():
    study, five = GRIDS["study"], GRIDS["study-5"]
    assert five[:22] == study[:22]
    assert {cell.name: cell for cell in study}.items() <= {cell.name: cell for cell in five}.items()
    assert len(five) == 5 * 22


def test_an_ablation_changes_one_switch_from_its_default():
    defaults = {"reuse": "both", "reduction": 1, "fusion": "adaptive"}
    ablated = [c for c in GRIDS["study"] if set(c.architecture) & set(defaults)]
    assert len(ablated) == 7
    for cell in ablated:
        ((name, value),) = [(k, v) for k, v in cell.architecture.items() if k != "attention"]
        assert value != defaults[name]
        assert cell.label == f"iram-{name}-{value}"
        assert cell.recipe == GRIDS["study"][1].recipe


def test_the_readings_are_decided_on_first_wirings_then_places_and_differ_in_nothing_else():
    cells = GRIDS["readings"]
    assert [cell.label for cell in cells[:5]] == [
        "iram-free", "iram-factored", "iram-free-block", "iram-factored-block", "iram-block"
    ]
    for cell in cells:
        assert cell.seed == 0, "other seeds are the confirmation's"
        assert cell.recipe == GRIDS["study"][1].recipe
        built, _ = cell.build(("a", "b"), 48)
        assert built.place == ("block" if cell.label.endswith("-block") else "branch")


def test_twins_differ_in_what_was_erased_and_in_nothing_else():
    base = GRIDS["study"][0].recipe
    fills = []
    for cell in GRIDS["study"]:
        if "erasing" in cell.label:
            changed = dict(cell.recipe.items() - base.items())
            assert set(changed) <= {"erasing", "erasing_fill", "erasing_shape"}
            fills.append(changed["erasing_fill"])
    assert fills == ["noise", "noise", "mean", "mean", "any", "any"]


@pytest.mark.parametrize("name", sorted(pretrained()))
def test_the_shipped_models_are_cells_of_the_grids(name):
    card = pretrained()[name]
    grids = ("study", "confirmation", "readings", "ferplus", "heads", "zoo", "away")
    shipping = [cell for grid in grids for cell in GRIDS[grid]]
    (cell,) = [cell for cell in shipping if cell.name == name]
    architecture, recipe = cell.build(tuple(card["architecture"]["classes"]), 48)
    assert Architecture.from_dict(card["architecture"]) == architecture
    assert difference(Recipe.from_dict(card["recipe"]).to_dict(), recipe.to_dict()) == ""
    assert (card["label"], card["seed"]) == (cell.label, cell.seed)
