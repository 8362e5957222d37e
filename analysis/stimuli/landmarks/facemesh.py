"""MediaPipe FaceMesh (Kartynnik et al. 2019, arXiv 1907.06724), where it is installed.

MediaPipe 0.10.21 is the last release that carries the net's weights, and holds numpy below 2: it
is an optional extra that wants an environment of its own (`make landmarks`).
"""

import contextlib
import os
from collections.abc import Iterator

import numpy as np

from analysis.stimuli.landmarks.points import COUNT
from iram.errors import InputError
from iram.extras import install_hint

SMALLEST = 192  # side that pictures are enlarged to at least: what the net looks at (48 px: 4 x)
PADDING = 0.25  # of the side, in the picture's mean gray: the detector wants air round a face
CONFIDENCE = 0.5
INSTALL = (
    "MediaPipe FaceMesh is not installed here; `make landmarks DATA=SPEC OUT=FILE.npz` sets up an "
    "environment of its own, as does, in a fresh one (Python 3.11 or 3.12), "
    f"`{install_hint('landmarks')}`"
)


class FaceMesh:
    """Finds the 468 landmarks of the one face in a picture.

    `find(picture)` of (S, S) uint8 gives (468, 3) float32: x, y and depth (away from the viewer, 0
    in the middle of the head) in pixels of the picture; NaN if no face is found. Found is not
    right: it also "finds" a third of the faces that are upside down.

    Raises:
        InputError: MediaPipe is missing, or is a release without FaceMesh.
    """

    def __init__(self):
        solutions, self._cv2 = _mediapipe()
        with _quiet():
            self._mesh = solutions.face_mesh.FaceMesh(
                static_image_mode=True, max_num_faces=1, min_detection_confidence=CONFIDENCE
            )
            self(np.zeros((SMALLEST, SMALLEST), np.uint8))  # the first picture starts its threads

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        size, cv2 = len(picture), self._cv2
        large = size * -(-SMALLEST // size)
        border = round(PADDING * large)
        enlarged = cv2.resize(picture, (large, large), interpolation=cv2.INTER_CUBIC)
        padded = np.pad(enlarged, border, constant_values=int(picture.mean()))
        faces = self._mesh.process(cv2.cvtColor(padded, cv2.COLOR_GRAY2RGB)).multi_face_landmarks
        if not faces:
            return np.full((COUNT, 3), np.nan, np.float32)
        points = np.array([[p.x, p.y, p.z] for p in faces[0].landmark]) * len(padded)
        return ((points - [border, border, 0]) * size / large).astype(np.float32)


def _mediapipe():
    """MediaPipe's solutions, and OpenCV, which comes with it."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    try:
        import cv2
        from mediapipe.python import solutions
    except ImportError as error:
        raise InputError(f"{INSTALL} ({error})") from None
    return solutions, cv2


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What is written to stderr from C++ is dropped: on starting, FaceMesh warns of itself."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
