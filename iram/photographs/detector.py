"""Where the faces of a photograph are: by YuNet where it is installed, else by OpenCV's cascade.

How well each does stands in results/photographs/detectors.csv, which
tests/benchmarks/bench_faces.py measures.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from iram.extras import install_hint
from iram.photographs import cascade, yunet
from iram.photographs.found import DetectorMissing, FoundFace, distinct


def find_faces(
    picture: np.ndarray, min_score: float | None = None, detector: ModuleType | None = None
) -> list[FoundFace]:
    """The faces of a picture (H, W) gray or (H, W, 3) RGB uint8, from left to right.

    Args:
        min_score: the lowest score of a face; None: what the detector was measured with (0.7 of
            YuNet's, from 0 to 1; 6 windows of the cascade's).
        detector: `yunet` or `cascade`; None: the one that is installed, `yunet` first.

    Raises:
        DetectorMissing: neither detector is installed.
        InputError: a score that the detector can't give.
    """
    detector = detector or _detector()
    least = detector.MIN_SCORE if min_score is None else detector.checked(min_score)
    return sorted(distinct(detector.find(picture, least)), key=lambda face: face.box)


def detector_name(min_score: float | None = None) -> str:
    """What a result depends on: detector, settings and release.

    Raises:
        DetectorMissing: neither detector is installed.
    """
    least = "" if min_score is None else f" from {min_score:g}"
    return _detector().name() + least


def detector_told() -> str:
    """Which detector finds faces here, in words.

    Raises:
        DetectorMissing: neither detector is installed.
    """
    detector = _detector()
    if detector is yunet:
        return yunet.TITLE
    return f"{cascade.TITLE}, which misses more: YuNet is not installed ({install_hint('faces')})"


def _detector() -> ModuleType:
    """`yunet` or `cascade`: each has TITLE, MIN_SCORE, `checked`, `find` and `name`."""
    if yunet.installed():
        return yunet
    cascade.opencv()
    return cascade


__all__ = ["DetectorMissing", "FoundFace", "detector_name", "detector_told", "find_faces"]
