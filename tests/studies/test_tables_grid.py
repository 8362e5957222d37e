"""The conditions as a table: kinds and twins come from the fields alone."""

import numpy as np
import pytest
from answers import conditions

from analysis.stimuli.conditions import FRONTAL, Condition, select
from analysis.studies.occlusion.tables import grid


def test_a_kind_is_an_occluder_or_a_corruption_of_faces_that_are_not_turned():
    table = conditions(
        ("eyes", 0.3, "mean"), Condition(corruption="jpeg", severity=2), FRONTAL,
        Condition(roll_deg=15.0), Condition("eyes", 0.3, "mean", yaw_deg=30.0),
        Condition("eyes", 0.3, "mean", roll_deg=15.0),
        Condition("eyes", 0.3, "mean", corruption="jpeg", severity=2),
    )
    assert table["kind"].tolist() == ["clean", "eyes", "jpeg", "", "", "", "", ""]
    assert grid.clean(table) == 0
    assert {kind: rows.tolist() for kind, rows in grid.kinds(table).items()} == {
        "eyes": [1], "jpeg": [2],
    }
    assert list(grid.occluders(table)) == ["eyes"]


def test_the_twin_is_the_box_of_the_same_fraction_and_fill():
    table = conditions(
        ("eyes", 0.3, "mean"), ("eyes", 0.3, "noise"), ("eyes", 0.1, "mean"), ("box", 0.1, "mean"),
        ("box", 0.3, "mean"), ("cup", None, "mean"), Condition("box", 0.3, "noise", yaw_deg=0.0),
        Condition("eyes", 0.3, "mean", yaw_deg=0.0),
    )
    assert table["twin"].tolist() == [-1, 5, -1, 4, -1, -1, -1, -1, -1]


def test_what_covers_no_part_of_a_face_is_no_kind_but_is_an_occluder():
    table = conditions(("sham", 0.3, "mean"), ("eyes", 0.3, "mean"))
    assert list(grid.kinds(table)) == ["eyes"]
    assert list(grid.occluders(table)) == ["sham", "eyes"]


@pytest.mark.parametrize("preset", ["default", "heads", "pose"])
def test_in_a_preset_every_region_at_every_fraction_and_fill_has_its_twin(preset):
    chosen = select(preset)
    table = grid.grid(chosen, np.ones(len(chosen)))
    assert len(table) == len(chosen)
    regions = table[table["kind"].isin(["eyes", "brows", "nose", "mouth"])]
    assert (regions["twin"] >= 0).all()
    twins = table.loc[regions["twin"]]
    assert (twins["occluder"] == "box").all()
    for field in ("fraction", "fill"):
        assert twins[field].tolist() == regions[field].tolist()
