"""How long the suite will take here, measured on a few faces before anything is run."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import torch

from analysis.attributions import ATTRIBUTIONS, FACE_REGIONS, attribute
from analysis.attributions.layers import activation
from analysis.attributions.question import fitted
from analysis.engine.cells import missing
from analysis.engine.parallel import HERE
from analysis.engine.timing import duration
from analysis.metrics import TRIALS
from analysis.stimuli.fills.imputation import impute
from analysis.studies.attribution.methods import (
    can_lose_weights,
    is_quick,
    presets,
    skipped,
    takes,
)
from analysis.studies.attribution.perturbed import SHARES
from analysis.studies.attribution.plan import FILLS, Suite
from analysis.studies.attribution.sanity import blocks_from_top
from analysis.subjects import Subject
from iram.threads import one_thread

PROBED = 4  # faces
DRAWS = 10  # of max-sensitivity
TRACED = 50  # perturbations of infidelity


@dataclass(frozen=True)
class Cost:
    """What is still to be made of one method of one model, in seconds on this machine's cores."""

    model: str
    method: str
    seconds: float

    def __str__(self) -> str:
        return f"  {self.model:24s} {self.method:24s} about {duration(self.seconds)}"


def estimate(suite: Suite) -> list[Cost]:
    """Costs of all that is missing: per model its reference, then each method."""
    with one_thread():
        return [_shared(cost) for cost in _costs(suite)]


def dear_costs(suite: Suite) -> list[Cost]:
    """What each dear method costs on the first model, whether or not it was asked for."""
    with one_thread():
        return [_shared(cost) for cost in _dear_costs(suite)]


def _shared(cost: Cost) -> Cost:
    return replace(cost, seconds=cost.seconds / HERE.count)


def _costs(suite: Suite) -> list[Cost]:
    costs, lacking = [], list(chain(*chain(*missing(suite))))
    for subject in suite.subjects:
        todo = [cell for cell in lacking if cell.of[0] is subject]
        forward = _forward(suite, subject)
        for cell in todo:
            if cell.kind in ("clean", "reference"):
                passes = 1 if cell.kind == "clean" else 2 ** len(FACE_REGIONS)
                costs.append(Cost(subject.name, cell.kind, cell.cost * passes * forward))
        for method in dict.fromkeys(cell.of[1] for cell in todo if cell.of[1]):
            kinds = [cell.of[2] or cell.kind for cell in todo if cell.of[1] == method]
            costs.append(
                Cost(subject.name, method, _method(suite, subject, method, kinds, forward))
            )
    return costs


def _dear_costs(suite: Suite) -> list[Cost]:
    subject, dear = suite.subjects[0], presets()["dear"]
    lacking = skipped(subject.model, dear)
    forward = _forward(suite, subject)
    return [
        Cost(subject.name, m, _method(suite, subject, m, (
            "maps", "rows", "sanity", *suite.trials_of(subject, m)), forward))
        for m in dear if m not in lacking
    ]


def _method(suite: Suite, subject: Subject, method: str, kinds: Sequence[str], forward: float):
    """Seconds for the cells of these kinds, or FAMILY/NAME of those of one metric."""
    curves, sanity = (len(suite.some(n)) for n in (suite.sizes.curves, suite.sizes.sanity))
    seconds, maps = 0.0, 0
    if "maps" in kinds:
        maps += len(suite.dataset) + len(suite.some(suite.sizes.reference))  # clean, occluded
    if any(kind.startswith("localisation/") for kind in kinds):  # beside what cells hold
        maps += len(suite.some(suite.sizes.reference))
    if "sanity" in kinds and can_lose_weights(subject.model):
        face = suite.seen_by(subject).images([0])
        maps += sanity * (1 + len(blocks_from_top(subject.model, face)))
    if "rows" in kinds:
        maps += curves * DRAWS * is_quick(method)
        pictures = 4 * curves * (len(SHARES) - 2)  # two orders, own and another face's map
        seconds += pictures * (len(FILLS) * forward + _imputing(suite))
        seconds += curves * TRACED * forward
    for trial in (kind.partition("/")[2] for kind in kinds if kind.startswith("trials/")):
        about, faces = TRIALS.about(trial), len(suite.faces_of_trial(trial))
        maps += about.maps * faces
        seconds += about.passes * faces * forward
    if ATTRIBUTIONS.about(method).cost == "dear":  # forward passes and hardly anything else
        return seconds + maps * _passes(suite, subject, method) * forward
    return seconds + maps * _attributing(suite, subject, method)


def _passes(suite: Suite, subject: Subject, method: str) -> int:
    """Pictures that a dear method shows to the model for one map."""
    image, counted = suite.seen_by(subject).images([0]), 0
    if ATTRIBUTIONS.about(method).needs:
        return activation(subject.model, fitted(subject.model, image)).shape[1]

    def count(pictures):
        nonlocal counted
        counted += len(pictures)
        return torch.zeros(len(pictures), 2)

    options = suite.options(subject, method, np.arange(1))
    attribute(count, image, 0, method, **options)
    return counted


def _attributing(suite: Suite, subject: Subject, method: str) -> float:
    """Seconds a map."""
    if method == "mean_map":
        return 0.0
    count = min(PROBED, len(suite.dataset))
    faces = np.arange(count)
    images = suite.seen_by(subject).images(faces)
    target = torch.zeros(count, dtype=torch.long)
    call = lambda: suite.attribute(  # noqa: E731
        subject, method, images, faces, target, rival=target + 1)
    once = takes(method, "samples") or takes(method, "steps")
    return _seconds(call, warm=not once and not ATTRIBUTIONS.about(method).trivial) / count


def _forward(suite: Suite, subject: Subject) -> float:
    """Seconds a face in a forward pass."""
    subject.model  # noqa: B018 (read outside of inference, or no gradient can pass later)
    images = suite.seen_by(subject).images(slice(0, 64))
    return _seconds(lambda: subject.logits(images)) / len(images)


def _imputing(suite: Suite) -> float:
    """Seconds to impute half of a face."""
    images = suite.dataset.images(slice(0, 16))
    mask = torch.rand(len(images), *images.shape[2:], generator=torch.Generator().manual_seed(0))
    return _seconds(lambda: impute(images, mask < 0.5)) / len(images)


def _seconds(call: Callable, warm: bool = True) -> float:
    """Of one call, after one that also allocates."""
    if warm:
        call()
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
