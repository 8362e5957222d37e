"""The page on the ablation says what its table holds, and no more."""

import numpy as np
import pytest
from hits import measured

from analysis.studies.training.ideas import IDEAS, ideas_page
from analysis.studies.training.tables import ablation_table
from iram.attention.iram import FUSION, REUSE
from iram.training.grids import GRIDS

BASE = np.r_[np.ones(700), np.zeros(300)]


def worse(by: int) -> np.ndarray:
    hits = BASE.copy()
    hits[:by] = 0
    return hits


def swapped(count: int) -> np.ndarray:
    """Other answers, no other accuracy."""
    hits = BASE.copy()
    hits[:count], hits[-count:] = 0, 1
    return hits


def page(*models) -> str:
    return ideas_page(ablation_table(models, "PrivateTest"), models)


def line(text: str, switches: str) -> str:
    (found,) = [line for line in text.splitlines() if f"(`{switches}`)" in line]
    return found.split("`): ")[1]


def test_each_switch_is_told_as_its_interval_allows():
    text = page(
        *(measured("iram", worse(10 * s), s) for s in range(3)),
        measured("iram-reuse-none", worse(100), 0, reuse="none"),
        *(measured("iram-reuse-layer", worse(100 + 10 * s), s, reuse="layer") for s in range(3)),
        measured("iram-reduction-4", swapped(50), 0, reduction=4),
        measured("iram-fusion-multiply", 1 - worse(0), 0, fusion="multiply"),
    )
    assert "70.0% (seed 0), 69.0% (seed 1), 68.0% (seed 2)" in text
    assert line(text, "reuse=none").startswith(
        "the idea helps, as far as one training of each can tell (-10.0 ["
    )
    assert line(text, "reuse=layer").startswith("the idea helps (-10.0 [")
    assert "3 seeds" in line(text, "reuse=layer")
    nothing = line(text, "reduction=4")
    assert nothing.startswith("nothing measurable (+0.0 [-")
    low = float(nothing.split("[-")[1].split(",")[0])
    assert 1.0 < low < 3.0
    assert f"the idea gives at most {low:.1f} points" in nothing
    assert line(text, "fusion=multiply").startswith("the idea helps")
    assert line(text, "reduction=16") == "not trained."


def test_an_idea_that_costs_is_told_to_cost():
    text = page(
        measured("iram", worse(200), 0), measured("iram-reuse-none", worse(0), 0, reuse="none")
    )
    assert line(text, "reuse=none").startswith("the idea costs accuracy, as far as one training")
    assert "how far seeds lie apart is not known" in text


def test_without_a_seed_in_common_nothing_is_compared():
    text = page(measured("iram", BASE, 1), measured("iram-reuse-none", BASE, 0, reuse="none"))
    assert line(text, "reuse=none") == "no seed in common with IRAM as it is."


@pytest.mark.parametrize("models", [(), (measured("none", BASE), measured("iram", BASE))])
def test_without_a_switch_there_is_no_page(models):
    assert page(*models) == ""


def test_every_cell_of_the_ablation_has_its_place_on_the_page():
    values = {(idea.switch, value) for idea in IDEAS for value in idea.without}
    ablation = [c.architecture for c in GRIDS["study"] if len(c.architecture) > 1]
    switched = [(k, str(v)) for a in ablation for k, v in a.items() if k != "attention"]
    assert values == set(switched)
    assert {v for k, v in values if k == "reuse"} == set(REUSE) - {"both"}
    assert {v for k, v in values if k == "fusion"} == set(FUSION) - {"adaptive"}
