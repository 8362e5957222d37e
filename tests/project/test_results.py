"""The committed tables of training are those of the committed answers and cards."""

from pathlib import Path

import pandas as pd
import pytest

from analysis.commands import main as cli
from analysis.engine.store import read_table
from analysis.studies.training.ledger import ledger
from iram.training.grids import GRIDS

TRAINING = Path(__file__).parents[2] / "results" / "training"


COMPARED = {  # folder -> what the comparison leaves there
    "": ["accuracy.csv", "ablation.csv", "ablation.md", "copies.csv"],
    "ferplus": ["accuracy.csv", "copies.csv"],
    "ferplus/majority": ["accuracy.csv", "copies.csv"],
}


@pytest.mark.parametrize("folder", COMPARED)
def test_the_comparison_is_that_of_the_answers(folder, tmp_path):
    kept = TRAINING / folder
    command = ["models", "--compare", str(kept / "answers.parquet"), "--out", str(tmp_path)]
    assert cli.main(command) == 0
    for name in COMPARED[folder]:
        assert (tmp_path / name).read_text("utf-8") == (kept / name).read_text("utf-8")


def test_the_ledger_is_that_of_the_cards():
    told = read_table(TRAINING / "ledger.csv").set_index("name")
    found = ledger(GRIDS["study"], [TRAINING / "cards"]).set_index("name")
    done = found.index[found["status"] == "done"]
    columns = ["status", "label", "switches", "recipe", "validation", "test", "test_crops",
               "selected_epoch", "weights_sha256"]
    assert len(done) >= 31
    told, found = (table.loc[done, columns].astype(object).fillna("") for table in (told, found))
    for name in columns:
        pd.testing.assert_series_equal(told[name], found[name], check_dtype=False, atol=1e-6)


def test_every_answer_is_of_a_class_and_right_as_often_as_its_card_says():
    table = pd.read_parquet(TRAINING / "answers.parquet")
    told = read_table(TRAINING / "ledger.csv").set_index("name")
    models = table.columns.drop(["image_id", "usage", "label", "copy", "copy_label", "photograph"])
    assert len(models) >= 31
    for name in models:
        share = (table[name].astype(str) == table["label"].astype(str)).mean()
        assert share == pytest.approx(told.loc[name, "test"], abs=0.001)
