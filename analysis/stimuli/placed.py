"""Where the faces of a data set stand, as far as it is known; and which of them may be turned."""

from pathlib import Path

import numpy as np
from torch import Tensor

from analysis.stimuli.landmarks import count_known, known_landmarks, read_mesh
from analysis.stimuli.layout import fit_cameras
from analysis.stimuli.pose import own_pose
from iram.data.dataset import FaceDataset
from iram.errors import InputError

NEAR_FRONTAL_DEG = 15


def placed(dataset: FaceDataset, landmarks: Path | None) -> Tensor | None:
    """(N, 2, 4) the camera of each face; None, with a word, where no face's landmarks are known.

    Landmarks are of the clean pictures, from the file, of rendered heads from their own geometry,
    or from what ships for FER2013's test faces. Prints for how many faces they are known: the
    others are taken for the mean face.

    Raises:
        InputError: no such file, or no face of the data set stands in it.
    """
    points = known_landmarks(dataset, landmarks)
    known, unknown = count_known(points)
    if not known:
        print(f"occluders: placed as on the mean face on all {unknown} faces (no landmarks known)")
        return None
    print(f"occluders: placed by the landmarks of {known} of {len(dataset)} faces"
          + (f", as on the mean face on {unknown}" if unknown else ""))
    return fit_cameras(points / dataset.size)


def to_be_turned(dataset: FaceDataset, landmarks: Path | None) -> FaceDataset:
    """The photographs that a study of pose may turn, with their landmarks.

    With landmarks, those within 15 degrees of frontal, and of unknown pose none; without, all,
    since nothing is known of their pose. Prints which.

    Raises:
        InputError: no such file, or no face of the data set is near frontal in it.
    """
    if landmarks is None:
        print(f"no --landmarks: all {len(dataset)} faces are turned as the mean face, whatever "
              "their own pose")
        return dataset
    dataset.landmarks = read_mesh(landmarks).of(dataset)
    yaw = own_pose(dataset.landmarks)[:, 0]
    frontal = np.flatnonzero(np.abs(yaw) < NEAR_FRONTAL_DEG)
    if not len(frontal):
        raise InputError(f"{landmarks}: no face of {dataset.name} is within {NEAR_FRONTAL_DEG} "
                         "degrees of frontal in it; is it of these pictures?")
    unknown = int(np.isnan(yaw).sum())
    print(f"turned: the {len(frontal)} of {len(dataset)} faces within {NEAR_FRONTAL_DEG} degrees "
          f"of frontal ({unknown} have no landmarks)")
    return dataset.subset(frontal)
