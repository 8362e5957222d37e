"""How many faces a second each of several nets answers: in one run, in turns."""

import time
from collections.abc import Sequence
from statistics import median

from torch import Tensor

from analysis.engine.parallel import one_thread
from analysis.subjects import Subject
from iram.progress import progress_bar

TURNS, SECONDS = 7, 0.2


def passes_per_second(
    subjects: Sequence[Subject], faces: Tensor, turns: int = TURNS, seconds: float = SECONDS
) -> dict[str, tuple[float, float, float]]:
    """{model: median, least and most over the turns} of the faces that it answers a second, on one
    core, by the passes that the subjects make (fp32 and eager unless they say otherwise).

    In every turn each model has its time, one after the other: what else the machine does meets
    all of them alike.

    Args:
        faces: (N, C, S, S), one batch.
        seconds: that a model has at least in each turn.
    """
    found: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    with one_thread(), progress_bar(total=turns * len(subjects), unit="turn") as bar:
        for subject in subjects:
            subject.logits(faces)  # the first pass also allocates
        for _ in range(turns):
            for subject in subjects:
                found[subject.name].append(_speed(subject, faces, seconds))
                bar.update()
    return {name: (median(own), min(own), max(own)) for name, own in found.items()}


def _speed(subject: Subject, faces: Tensor, seconds: float) -> float:
    started, passes = time.perf_counter(), 0
    while passes == 0 or time.perf_counter() - started < seconds:
        subject.logits(faces)
        passes += 1
    return passes * len(faces) / (time.perf_counter() - started)
