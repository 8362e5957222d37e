"""What keeps IRAM's share of the map where it starts."""

import pandas as pd
import pytest
from toy import toy_faces

from analysis.studies.training import gates
from analysis.studies.training.gates import measured
from iram import InputError

FACES = toy_faces((128, 12, 12))


def after(steps, **options):
    return measured(FACES, steps, width=0.25, **options)


def test_a_flat_gate_gives_its_share_the_gradient_of_a_level_and_none_of_a_shape():
    table = after(1)
    assert (table["grad_t"] > 0).all()
    assert table["level"].to_numpy() == pytest.approx(table["grad_t"].to_numpy(), rel=1e-3)
    assert (table["shape"] < 1e-6 * table["level"]).all()


def test_level_and_shape_are_all_of_the_gradient():
    table = after(1, start="random")
    assert (table["shape"] > 1e-3 * table["level"]).all()
    # Root mean squares keep the triangle's inequality, and the parts differ from the whole.
    assert (table["grad_t"] <= 1.001 * (table["level"] + table["shape"])).all()
    assert (table["grad_t"] >= 0.999 * (table["level"] - table["shape"]).abs()).all()


def test_a_hundred_times_the_learning_rate_moves_the_share_that_much_further():
    slow, fast = after(1), after(1, factor=100.0)
    ratio = fast["a_moved"] / slow["a_moved"]
    assert ratio.to_numpy() == pytest.approx(100, rel=0.05)
    assert fast["gain_moved"].to_numpy() == pytest.approx(slow["gain_moved"].to_numpy(), rel=1e-4)


def test_the_first_module_reuses_no_module_before_it():
    table = after(1)
    assert table["l"].isna().tolist() == [True] + 5 * [False]


def test_a_fusion_without_a_share_is_refused():
    with pytest.raises(InputError, match="fusion is 'multiply': only adaptive"):
        after(1, fusion="multiply")


def test_the_command_writes_a_line_per_layer_of_each_training(tmp_path, monkeypatch):
    monkeypatch.setattr(gates, "ASKED", ((1.0, "even"), (100.0, "random")))
    gates.main(["--data", "heads:n=140", "--steps", "1", "--out", str(tmp_path)])
    table = pd.read_csv(tmp_path / "gates.csv")
    assert table[["steps", "factor", "start", "layer"]].values.tolist() == [
        [1, factor, start, layer] for factor, start in gates.ASKED for layer in range(6)]
    assert (table["grad_t"] > 0).all()
