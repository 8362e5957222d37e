"""The annotators' votes as a training target: by hand, mixed with the label, refused, resumed."""

import numpy as np
import pytest
import torch
from sources import fer_rows, write_votes
from toy import toy_faces
from trainings import RECIPE, killed_after, run, same_weights

from iram import InputError, open_dataset
from iram.training.recipe import Recipe
from iram.training.targets import targets

VOTED = Recipe(**RECIPE.to_dict() | {"votes": 0.75})


def voted(share_up=0.6):
    dataset = toy_faces()
    dataset.distribution = np.tile(np.float32([share_up, 1 - share_up]), (len(dataset), 1))
    return dataset


def test_targets_are_the_votes_as_far_as_the_recipe_says_and_the_label_for_the_rest():
    dataset = voted()
    found = targets(dataset, VOTED, 0)
    known = {0: [0.25 + 0.75 * 0.6, 0.75 * 0.4], 1: [0.75 * 0.6, 0.25 + 0.75 * 0.4]}
    torch.testing.assert_close(found, torch.tensor([known[k] for k in dataset.labels.tolist()]))
    assert targets(dataset, RECIPE, 0).sum(0).tolist() == torch.bincount(dataset.labels).tolist()


def test_votes_change_what_is_learned(tmp_path):
    one, other = (run(tmp_path / str(i), recipe, dataset=voted(), dtype="fp32")
                  for i, recipe in enumerate((RECIPE, VOTED)))
    assert not same_weights(one.model, other.model)


def test_data_that_tell_no_votes_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"votes is 0\.75; toy tells no votes: write ferplus:"):
        run(tmp_path, VOTED)


@pytest.mark.parametrize("wrong", [{"votes": 1.5}, {"votes": -0.1}, {"votes": True},
                                   {"votes": 0.5, "random_labels": True}])
def test_a_recipe_says_what_votes_can_be(wrong):
    with pytest.raises(InputError, match="recipe: votes is"):
        Recipe(**wrong)


def test_a_training_does_not_go_on_with_other_votes(tmp_path, monkeypatch):
    killed_after(monkeypatch, 1, tmp_path, recipe=VOTED, dataset=voted())
    with pytest.raises(InputError, match=r"is of another training \(votes: "):
        run(tmp_path, VOTED, dataset=voted(0.7))
    run(tmp_path, VOTED, dataset=voted())


def test_fer2013_tells_the_shares_of_the_votes_for_its_seven_expressions(fer_csv, tmp_path):
    counts = [[0, 0, 0, 0, 6, 0, 3, 1, 0, 0] for _ in range(12)]  # anger 6, fear 3, contempt 1
    counts[4] = [0] * 9 + [10]  # no face: its label stands in
    votes = write_votes(tmp_path / "votes.csv", fer_rows(), counts)
    dataset = open_dataset(f"fer2013:{fer_csv},votes={votes}")
    known = [2 / 3, 0, 1 / 3, 0, 0, 0, 0]
    label = np.eye(7)[dataset.labels[4]]
    assert np.allclose(dataset.distribution[[0, 4, 11]], [known, label, known])
    assert open_dataset(f"fer2013:{fer_csv}").distribution is None
