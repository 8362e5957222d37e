"""The ledger and the curves of several folders, and of one that others train in."""

import json

import pytest

from analysis.studies.training import ledger as ledgers
from iram import InputError
from iram.training.grids import Cell

CELL = Cell("none", 0, {"attention": "none"}, {"epochs": 10})


def finish(folder, cell=CELL):
    card = {"architecture": {"attention": "none", "backbone": "compact", "switches": {}},
            "seed": cell.seed, "weights_sha256": ""}
    (folder / f"{cell.name}.json").write_text(json.dumps(card))
    (folder / f"{cell.name}.safetensors").touch()


def log(folder, epochs, cell=CELL):
    (folder / cell.name).mkdir(parents=True)
    rows = "".join(f"{epoch},0.5\n" for epoch in range(1, epochs + 1))
    (folder / cell.name / "log.csv").write_text("epoch,validation_accuracy\n" + rows)


@pytest.fixture
def folders(tmp_path):
    log(tmp_path / "a", 2)
    log(tmp_path / "b", 5)
    return [tmp_path / "a", tmp_path / "b"]


def test_two_cards_of_one_name_are_an_input_error_that_names_both(folders):
    finish(folders[0])
    finish(folders[1])
    for made in (lambda: ledgers.ledger([CELL], folders), lambda: ledgers.ledger([], folders),
                 lambda: ledgers.curves(folders)):
        with pytest.raises(InputError, match=r"a/none-seed0.json and .*b/none-seed0.json are"):
            made()


def test_a_folder_that_is_given_twice_counts_once(folders):
    finish(folders[0])
    twice = [folders[0], folders[0] / ".." / "a"]
    assert list(ledgers.ledger([], twice)["name"]) == ["none-seed0"]
    assert len(ledgers.curves(twice)) == 2


def test_of_two_logs_of_a_name_the_curve_is_the_finished_one_or_the_longest(folders):
    assert list(ledgers.curves(folders)["epoch"]) == [1, 2, 3, 4, 5]
    finish(folders[0])
    assert list(ledgers.curves(folders)["epoch"]) == [1, 2]


def test_a_cell_that_is_finished_while_the_ledger_is_made_is_done(folders, monkeypatch):
    def finished_meanwhile(cell, folder):
        finish(folders[0])
        return original(cell, folder)

    original = ledgers.status
    monkeypatch.setattr(ledgers, "status", finished_meanwhile)
    (row,) = ledgers.ledger([CELL], folders).itertuples()
    assert (row.status, row.backbone) == ("done", "compact")
