"""The answers of trained models as files: compared again, and what is wrong with them told."""

import json

import pandas as pd
import pytest
from hits import measured, random_hits

from analysis.commands import main as cli
from analysis.studies.training.answers import read_answers, write_answers
from iram import InputError

NONE = measured("none", random_hits(0.6, 0))
MODELS = [NONE, measured("iram", random_hits(0.9, 1)),
          measured("iram-reuse-none", random_hits(0.8, 2), reuse="none")]
FACES = pd.DataFrame({
    "image_id": [f"face{i}" for i in range(400)], "usage": "PrivateTest",
    "label": pd.Categorical.from_codes([1] * 400, ["sad", "happy"]),
})


def kept(folder, models):
    """What an earlier comparison of these models leaves; returns its answers."""
    for model in models:
        model.card.update(label=model.label, seed=model.seed, weights_sha256="")
    write_answers(folder, models, FACES)
    return folder / "answers.parquet"


def test_answers_are_read_back_with_their_cards(tmp_path):
    models, faces = read_answers(kept(tmp_path, MODELS))
    assert [m.name for m in models] == [m.name for m in MODELS]
    assert [m.hits.mean() for m in models] == [m.hits.mean() for m in MODELS]
    assert faces.equals(FACES)


def test_nothing_of_models_that_are_no_longer_compared_is_left(tmp_path):
    out = tmp_path / "out"
    command = ["models", "--out", str(out), "--compare"]
    assert cli.main([*command, str(kept(tmp_path / "three", MODELS))]) == 0
    ours = {str(path.relative_to(out)) for path in out.rglob("*.*")}
    assert {"ablation.md", "cards/iram-seed0.json", "figures/ablation.png"} <= ours
    (out / "cards" / "mine.json").write_text("{}")
    (out / "figures" / "training_curves.png").write_text("of the ledger")
    assert cli.main([*command, str(kept(tmp_path / "one", [NONE]))]) == 0
    left = {str(path.relative_to(out)) for path in out.rglob("*.*")}
    assert left == {"accuracy.csv", "ablation.csv", "answers.parquet", "cards/none-seed0.json",
                    "cards/mine.json", "figures/training_curves.png"}


@pytest.mark.parametrize(
    "lacking", ["label", "recipe", "data", "data.sha256", "architecture.switches"]
)
def test_a_card_that_lacks_what_training_writes_is_an_input_error(lacking, tmp_path):
    path = kept(tmp_path, [NONE])
    card = json.loads((tmp_path / "cards" / "none-seed0.json").read_text())
    *within, field = lacking.split(".")
    del (card[within[0]] if within else card)[field]
    (tmp_path / "cards" / "none-seed0.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match=f"none-seed0.*of no training.*lacks {lacking}$"):
        read_answers(path)
