"""Training that goes on from a trained net: its weights first, its card, what is refused."""

import hashlib
from dataclasses import replace

import pytest
import torch
from test_roles import carded, opened
from toy import toy_faces
from trainings import RECIPE, architecture, killed_after, run, same_weights

from analysis.subjects.roles import TWIN, controls, groups
from analysis.subjects.training import training_of
from iram import InputError
from iram.model import FERClassifier
from iram.training import train
from iram.training.grids import Cell
from iram.training.train_grid import check_finished, train_cell
from iram.weights import save_model


@pytest.fixture
def trained(tmp_path):
    torch.manual_seed(5)
    path = tmp_path / "trained-seed0.safetensors"
    save_model(FERClassifier(architecture()), path, {"seed": 0})
    return path


def going_on(trained, **changes):
    return replace(RECIPE, pretrained=str(trained), **changes)


def test_it_starts_from_the_trained_weights(trained, tmp_path):
    still = going_on(trained, epochs=1, lr=1e-12, weight_decay=0.0)
    torch.manual_seed(5)
    before = dict(FERClassifier(architecture()).named_parameters())
    after = dict(run(tmp_path / "on", still).model.named_parameters())
    scratch = dict(run(tmp_path / "off", replace(still, pretrained="")).model.named_parameters())
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, atol=1e-3, rtol=1e-3)  # stored as halves
    assert any((scratch[name] - value).abs().max() > 0.1 for name, value in before.items())


def test_the_last_epoch_is_kept_whatever_is_best(trained, tmp_path, monkeypatch):
    falling = iter((0.9, 0.5, 0.1))
    monkeypatch.setattr(train, "accuracy", lambda *arguments: {"accuracy": next(falling)})
    recipe = going_on(trained)
    assert run(tmp_path / "run", recipe).epoch == recipe.epochs


def test_a_resumed_one_is_the_uninterrupted_one(trained, tmp_path, monkeypatch):
    recipe = going_on(trained)
    whole = run(tmp_path / "whole", recipe)
    killed_after(monkeypatch, 1, tmp_path / "killed", recipe=recipe)
    assert same_weights(whole.model, run(tmp_path / "killed", recipe).model)


def test_another_architecture_is_told(trained, tmp_path):
    with pytest.raises(InputError, match=r"pretrained .* another architecture .*: attention 'iram'"
                                         r", not 'none'"):
        run(tmp_path / "run", going_on(trained), attention="none")


def test_an_unknown_name_is_told(tmp_path):
    with pytest.raises(InputError, match="unknown model 'nosuch'"):
        run(tmp_path / "run", going_on("nosuch"))


def test_the_card_tells_the_weights_and_other_weights_under_the_name_are_refused(trained, tmp_path):
    cell = Cell("on", 0, {"attention": "iram", "width": 0.25},
                {"epochs": 1, "batch_size": 8, "pretrained": str(trained)})
    card = train_cell(cell, toy_faces(), tmp_path, device="cpu", progress=False)
    assert card["pretrained_sha256"] == hashlib.sha256(trained.read_bytes()).hexdigest()
    assert card["selected_on"] == "nothing: the last epoch"
    check_finished(cell, toy_faces(), tmp_path, "auto")
    save_model(FERClassifier(architecture()), trained, {"seed": 0})
    with pytest.raises(InputError, match="pretrained_sha256: "):
        check_finished(cell, toy_faces(), tmp_path, "auto")


def test_seeds_and_twins_that_each_went_on_from_their_own_net_belong_together(tmp_path):
    models = opened(*(
        carded(tmp_path, f"{module}-on-seed{seed}", f"{module}-on", module,
               seed, pretrained=f"{start}-seed{seed}")
        for module, start in (("iram", "iram"), ("none", "none"), ("cbam", "iram"))
        for seed in (0, 1)))
    assert {label: len(seeds) for label, seeds in groups(models).items()} == {
        "iram-on": 2, "none-on": 2, "cbam-on": 2}
    among = [(s.name, training_of(s)) for s in models]
    twins, _ = controls(TWIN, dict(among)["iram-on-seed0"], among)
    assert twins == ["none-on-seed0", "none-on-seed1"]
    assert not controls(TWIN, dict(among)["cbam-on-seed0"], among)[0]  # it went on from another
