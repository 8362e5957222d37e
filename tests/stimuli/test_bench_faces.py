"""Which faces the benchmark shows: samples, and those that can be turned."""

import numpy as np
import pytest
import tiny

from analysis.engine.sampling import sample
from analysis.stimuli.placed import to_be_turned
from iram.errors import InputError


def test_a_sample_is_part_of_a_larger_one():
    dataset = tiny.dataset()
    few, more = (set(sample(dataset, n, seed=0).metadata["image_id"]) for n in (10, 25))
    assert len(few) == 10
    assert few < more
    assert sample(dataset, 1000, 0) is dataset
    assert set(sample(dataset, 10, seed=1).metadata["image_id"]) != few
    with pytest.raises(InputError, match="--limit 0"):
        sample(dataset, 0, 0)


def landmarks_file(path, yaws, rows):
    """FaceMesh landmarks of faces with these yaws: the mean face, turned."""
    from analysis.stimuli.landmarks import mean_landmarks
    from analysis.stimuli.pose import rotation_matrix

    mean = mean_landmarks() * 48
    middle = mean.mean(0)
    away = [1, 1, -1]  # landmark depths point away from the viewer
    points = [((mean - middle) @ rotation_matrix(yaw, 0, 0).T + middle) * away for yaw in yaws]
    values = np.round(np.array(points) * 32).astype(np.int16)
    np.savez(path, points=values, row=np.array(rows))
    return path


def test_only_near_frontal_photographs_are_turned_and_they_keep_their_landmarks(tmp_path, capsys):
    path = landmarks_file(tmp_path / "points.npz", [0, 40, -5, -30], [3, 0, 7, 9])
    dataset = to_be_turned(tiny.dataset(10), path)
    assert dataset.metadata["row"].tolist() == [3, 7]
    assert dataset.landmarks.shape == (2, 468, 3)
    assert np.isfinite(dataset.landmarks).all()
    assert "the 2 of 10 faces" in capsys.readouterr().out
    assert sample(dataset, 1, seed=0).landmarks.shape == (1, 468, 3)


def test_landmarks_of_other_pictures_are_told(tmp_path):
    path = landmarks_file(tmp_path / "points.npz", [0], [999])
    with pytest.raises(InputError, match="is it of these pictures"):
        to_be_turned(tiny.dataset(10), path)


def test_without_landmarks_all_photographs_are_turned_and_it_is_said(capsys):
    assert len(to_be_turned(tiny.dataset(10), None)) == 10
    assert "whatever their own pose" in capsys.readouterr().out
