"""Which trials of methods a model can have, and why it goes without the others."""

from ast import literal_eval

from analysis.attributions.layers import activation
from analysis.attributions.question import fitted
from analysis.metrics import TRIALS
from analysis.subjects import Subject
from analysis.subjects.roles import EXPOSURES, wanted
from analysis.subjects.training import Training, training_of
from iram import contract
from iram.data.dataset import FaceDataset
from iram.errors import InputError, one_line
from iram.weights import PRETRAINED


def untried(subject: Subject, dataset: FaceDataset) -> dict[str, str]:
    """{trial: why this model can't have it, with these faces}."""
    reasons = {"layers": _layers(subject, dataset), "covering": covering(subject, dataset.name)[1],
               "weights": contract.lacks(subject.model).get("weights", "")}
    found = {}
    for trial in TRIALS:
        if why := [reasons[need] for need in TRIALS.about(trial).needs if reasons[need]]:
            found[trial] = "; ".join(why)
    return found


def _layers(subject: Subject, dataset: FaceDataset) -> str:
    """Why no layer with places can be read; "" where one can."""
    if why := contract.lacks(subject.model).get("layers"):
        return why
    try:
        activation(subject.model, fitted(subject.model, dataset.images([0])))
    except (InputError, RuntimeError) as error:
        return one_line(error)
    return ""


def covering(subject: Subject, data: str) -> tuple[str, str]:
    """What pixels show that the training covered, "noise" or "mean", as `FILLS` calls it; and why
    no covered face of this data is in the training's domain. One of both is "".

    The card must tell it: covered faces that are not known to have been seen are not in domain.
    """
    training = training_of(subject)
    if not training.erasing:
        return "", f"no face was covered in its training{_judges(training)}"
    trained, _ = literal_eval(dict(training.material)["data"])
    if trained != data:
        return "", f"it learned on covered faces of {trained}, and these are of {data}"
    return ("noise" if dict(training.erasing)["erasing_fill"] == "noise" else "mean"), ""


def _judges(training: Training) -> str:
    """The shipped nets that are this one but for covered faces in training."""
    names = dict.fromkeys(wanted(role, training) for role in EXPOSURES)
    shipped = [name for name in names if any(PRETRAINED.glob(f"{name}-seed*.safetensors"))]
    return f"; it was in that of {', '.join(shipped)}" if shipped else ""
