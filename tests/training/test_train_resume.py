"""Training: the same weights however often it is killed; checkpoints of another training."""

import itertools

import pytest
import torch
from toy import toy_faces
from trainings import Killed, killed_after, read_log, run, same_weights, without_times

from iram import InputError
from iram.training.checkpoint import load_checkpoint, save_checkpoint
from iram.training.recipe import Recipe
from iram.training.train import _Run


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_a_killed_run_goes_on_to_the_same_weights_and_log(tmp_path, monkeypatch, epochs):
    recipe = Recipe(epochs=3, batch_size=8, lr=0.02, mixup=0.2, erasing=0.5)
    whole = run(tmp_path / "whole", recipe)
    killed_after(monkeypatch, epochs, tmp_path / "killed", recipe=recipe)
    resumed = run(tmp_path / "killed", recipe)
    assert same_weights(whole.model, resumed.model)
    assert resumed.epoch == whole.epoch
    assert without_times(resumed.log) == without_times(whole.log)
    logs = (without_times(read_log(tmp_path / name)) for name in ("whole", "killed"))
    assert next(logs) == next(logs)


@pytest.mark.parametrize("muon", [0, 0.02])
def test_the_moving_average_and_muon_go_on_where_they_were(tmp_path, monkeypatch, muon):
    recipe = Recipe(epochs=3, batch_size=8, lr=0.02, ema=0.9, start_size=8, grown=0.5, muon=muon)
    whole = run(tmp_path / "whole", recipe)
    killed_after(monkeypatch, 2, tmp_path / "killed", recipe=recipe)
    resumed = run(tmp_path / "killed", recipe)
    assert same_weights(whole.model, resumed.model)
    assert without_times(resumed.log) == without_times(whole.log)


def test_a_run_killed_twice_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    whole = run(tmp_path / "whole")
    killed_after(monkeypatch, 1, tmp_path / "killed")
    killed_after(monkeypatch, 1, tmp_path / "killed")
    assert same_weights(whole.model, run(tmp_path / "killed").model)


def test_an_interruption_within_an_epoch_keeps_the_epochs_before(tmp_path, monkeypatch):
    whole = run(tmp_path / "whole")
    step, count = _Run.step, itertools.count(1)

    def interrupted(self, *arguments):
        if next(count) == 7:  # the third batch of the second epoch of four
            raise KeyboardInterrupt
        return step(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(_Run, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "killed")
    assert [row["epoch"] for row in read_log(tmp_path / "killed")] == ["1"]
    assert same_weights(whole.model, run(tmp_path / "killed").model)


def test_a_run_killed_before_its_last_checkpoint_still_gets_a_whole_log(tmp_path, monkeypatch):
    def killed(*arguments):
        raise Killed

    killed_after(monkeypatch, 2, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("iram.training.train.save_checkpoint", killed)
        with pytest.raises(Killed):
            run(tmp_path)
    run(tmp_path)
    assert [row["epoch"] for row in read_log(tmp_path)] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"recipe": Recipe(epochs=3, batch_size=8, lr=0.03)}, r"recipe\.lr: 0\.02 there, 0\.03"),
        ({"seed": 4}, "seed: 0 there, 4 now"),
        ({"dataset": toy_faces(seed=9)}, r"data: toy.*-0 there, toy.*-9 now"),
        ({"dataset": toy_faces((40, 12, 12))}, "faces: 32 there, 40 now"),
        ({"attention": "se"}, r"architecture\.attention: iram there, se now"),
        ({"dtype": "bf16"}, "precision: fp32 there, bf16 autocast now"),
    ],
)
def test_a_checkpoint_of_another_training_names_the_difference(
    tmp_path, monkeypatch, changed, message
):
    killed_after(monkeypatch, 1, tmp_path)
    with pytest.raises(InputError, match=message) as error:
        run(tmp_path, **changed)
    assert "weight_decay" not in str(error.value), "what is the same is not listed"
    assert str(tmp_path / "checkpoint.safetensors") in str(error.value)


@pytest.mark.parametrize("share", [0, 0.3, 0.99])
def test_a_truncated_checkpoint_is_an_input_error(tmp_path, monkeypatch, share):
    killed_after(monkeypatch, 1, tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match="not a whole checkpoint"):
        run(tmp_path)


def test_other_tensors_in_the_place_of_the_checkpoint_are_an_input_error(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "checkpoint.safetensors"
    for metadata in (None, {"state": "{}"}, {"state": "[1]"}, {"state": "no JSON"}):
        save_file({"model/x": torch.ones(2)}, path, metadata=metadata)
        with pytest.raises(InputError, match="not a whole checkpoint"):
            run(tmp_path)


def test_a_checkpoint_from_before_a_field_was_added_goes_on(tmp_path, monkeypatch):
    killed_after(monkeypatch, 2, tmp_path)
    groups, state = load_checkpoint(tmp_path / "checkpoint.safetensors")
    del state["identity"]["recipe"]["random_labels"], state["identity"]["recipe"]["erasing_shape"]
    del state["identity"]["architecture"]["place"]
    save_checkpoint(tmp_path / "checkpoint.safetensors", groups, state)
    assert [row["epoch"] for row in run(tmp_path).log] == [1, 2, 3]
