"""A face of a photograph explained by every model, and its lines in the table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from analysis.attributions import FACE_REGIONS
from analysis.attributions.explanation import Explanation, picture_size
from analysis.explain.explain import explain
from analysis.explain.faces import Face
from analysis.explain.regions import region_labels, region_values
from analysis.explain.words import ranked, sentence


@dataclass(frozen=True)
class Told:
    """What one model says of a face.

    Attributes:
        explanation: prediction, probabilities, attention and maps of methods.
        labels: (S, S) which of FACE_REGIONS each pixel of the model's picture is in.
        values: (8,) exact Shapley value of each region for the predicted class, in logits.
        against: (8,) the same of the runner-up.
        asked: (8,) of what is explained: `values`, or with --against their difference to those of
            the class that the predicted one is asked against.
    """

    explanation: Explanation
    labels: np.ndarray
    values: np.ndarray
    against: np.ndarray
    asked: np.ndarray

    @property
    def in_words(self) -> str:
        """What spoke for the prediction rather than the runner-up: `words.sentence`."""
        found = self.explanation
        return sentence(found.classes, found.probabilities, FACE_REGIONS,
                        self.values - self.against)


@dataclass(frozen=True)
class ExplainedFace:
    """A face and what the models say of it.

    Attributes:
        number: from 1, in the order of the photograph's faces.
        landmarks_known: whether the regions stand by the face's own landmarks, not the mean face's.
        regions: their names, in the order of labels and values.
    """

    number: int
    face: Face
    landmarks_known: bool
    told: Sequence[Told]
    regions: tuple[str, ...] = FACE_REGIONS


def explained(
    number: int, face: Face, camera: Tensor, known: bool, models: Sequence,
    methods: Sequence[str], against: str | None = None,
) -> ExplainedFace:
    """A face explained; the class explained is each model's own prediction."""
    told = [tell(model, face.picture, methods, camera, against) for model in models]
    return ExplainedFace(number, face, bool(known), told)


def tell(
    model, picture: np.ndarray, methods: Sequence[str], camera: Tensor | None = None,
    against: str | None = None,
) -> Told:
    """What a model says of a face in a picture, as of `explain`.

    Args:
        camera: (2, 4) how the face stands in it; None: as the mean face.
    """
    found = explain(model, picture, methods, against)
    labels = region_labels(camera, picture_size(model))
    rival = [found.classes.index(found.against)] if found.against else []
    first, second, *rivals = region_values(
        model, found.face, ranked(found.probabilities)[:2] + rival, labels, len(FACE_REGIONS))
    return Told(found, labels.numpy(), first, second, first - rivals[0] if rivals else first)


def table_rows(file: str, face: ExplainedFace, panel: str, overview: str) -> Iterator[dict]:
    """One line a model: where the face is, what is predicted, and what each region carries.

    Columns: `file`; `face`, its number; `left`, `top`, `right`, `bottom` of the crop in pixels of
    the upright picture; `outside`, the share of the crop past the picture's edge; `score` of the
    detector, empty where it was not asked; `regions`, placed by "landmarks" or as on the "mean
    face"; `model`; `prediction`; `runner_up`; `in_words`, what spoke for the one rather than
    the other; `p_CLASS`, probabilities that sum to 1; `shapley_REGION`, in logits of the predicted
    class, or where it is asked `against` a class, of their difference; `panel` and `overview`, the
    pictures of the face and of the photograph.
    """
    crop = face.face.crop
    for told in face.told:
        found = told.explanation
        probabilities = zip(found.classes, found.probabilities, strict=True)
        yield {
            "file": file, "face": face.number,
            "left": crop.left, "top": crop.top, "right": crop.right, "bottom": crop.bottom,
            "outside": float(face.face.outside), "score": face.face.score,
            "regions": "landmarks" if face.landmarks_known else "mean face",
            "model": found.model, "prediction": found.prediction,
            "runner_up": found.classes[ranked(found.probabilities)[1]], "in_words": told.in_words,
            **({"against": found.against} if found.against else {}),
            **{f"p_{name}": float(p) for name, p in probabilities},
            **{f"shapley_{name}": float(v)
               for name, v in zip(FACE_REGIONS, told.asked, strict=True)},
            "panel": panel, "overview": overview,
        }
