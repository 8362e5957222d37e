"""What is measured of landmarks: the yaw of turned faces, and the mean face."""

import numpy as np
import pandas as pd
import pytest
from landmark_finders import NAN, face_at

from analysis.commands.main import main
from analysis.stimuli.landmarks import mean_landmarks
from analysis.stimuli.landmarks.points import COUNT
from analysis.stimuli.layout import mean_layout
from analysis.stimuli.layout.remade import mean_face_table, mean_landmarks_table
from analysis.stimuli.measured_yaw import measure_yaw, yaw_table
from iram.errors import InputError


class Signs:
    """A data set whose pictures say by their gray value which yaw they were asked for."""

    renders, name = True, "signs"

    def __len__(self):
        return 70

    def turned(self, part, yaw_deg, pitch_deg):
        import torch

        own = torch.arange(70)[part] % 2  # every other face looks 10 degrees to the right
        images = ((yaw_deg + 10 * own + 100) / 255)[:, None, None, None].expand(-1, 1, 48, 48)
        return images, torch.zeros(len(own))


def half_of_the_yaw(picture):
    """Measures half of what was asked, and nothing of what is turned left by over 40 degrees."""
    yaw = float(picture[0, 0]) - 100
    return face_at(yaw / 2) if yaw > -40 else np.full((COUNT, 3), NAN)


def test_measured_yaw_is_what_the_finder_says_of_each_turned_picture():
    measured = measure_yaw(Signs(), half_of_the_yaw, [-45, 0, 30], progress=False)
    assert np.isnan(measured[0, ::2]).all()
    np.testing.assert_allclose(measured[0, 1::2], -17.5, atol=0.01)
    np.testing.assert_allclose(measured[1:, 1::2], [[5] * 35, [20] * 35], atol=0.01)
    table = yaw_table(measured, [-45, 0, 30]).set_index("requested_yaw_deg")
    assert table["n"].tolist() == [70, 70, 70]
    assert table["found"].tolist() == [0.5, 1, 1]
    assert table["paired"].tolist() == [35, 70, 70]
    np.testing.assert_allclose(table["measured_yaw_deg"], [-22.5, 0, 15], atol=0.01)


def test_the_measured_yaw_is_the_median_change_with_a_seeded_interval():
    change = np.random.default_rng(0).normal(20, 5, 400)
    own = np.random.default_rng(1).normal(0, 8, 400)
    measured = np.stack([own, own + change])
    measured[1, :100] = np.nan
    row = yaw_table(measured, [0, 30], seed=3).iloc[1]
    assert row["measured_yaw_deg"] == pytest.approx(np.median(change[100:]))
    assert row["low"] < row["measured_yaw_deg"] < row["high"]
    error = 1.2533 * 5 / 300**0.5  # of a median of normal values
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * error, rel=0.25)
    assert row.equals(yaw_table(measured, [0, 30], seed=3).iloc[1])
    nothing = yaw_table(np.full((1, 3), np.nan), [0]).iloc[0]
    assert nothing["paired"] == 0
    assert np.isnan(nothing["measured_yaw_deg"])


def test_the_mean_face_is_the_median_and_its_near_frontal_part_symmetric():
    points = np.stack([face_at(shift=shift) for shift in (-1, 0, 0, 7)] + [face_at(40)] * 2
                      + [np.full((COUNT, 3), NAN)])
    table = mean_landmarks_table(points, 48)
    np.testing.assert_allclose(table, mean_landmarks(), atol=2e-4)
    parts = mean_face_table(points[:4], 48)
    nose = parts[parts["part"] == "nose"][["x", "y"]].to_numpy()
    np.testing.assert_allclose(nose, mean_landmarks()[[168, 305, 2, 75], :2], atol=1e-4)
    with pytest.raises(InputError, match="no face was found"):
        mean_face_table(points[-1:], 48)


def test_the_mean_face_that_ships_is_remade_from_fer2013(iram_data, tmp_path):
    folder = iram_data / "fer2013"
    assert main(["landmarks", "--data", f"fer2013:{folder / 'fer2013.csv.xz'}",
                 "--split", "PublicTest", "--from", str(folder / "landmarks_test.npz"),
                 "--mean-face", "--out", str(tmp_path)]) == 0
    from importlib.resources import files

    shipped = files("analysis.stimuli.layout") / "mean_face.csv"
    assert (tmp_path / "mean_face.csv").read_bytes() == shipped.read_bytes()
    remade = pd.read_csv(tmp_path / "mean_landmarks.csv")
    np.testing.assert_allclose(remade, mean_landmarks(), atol=0.003)
    assert mean_layout(48).face.any()
