"""What the three studies take, of what is asked for: by a command, or from Python."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from analysis.stimuli.conditions import Condition, select
from analysis.stimuli.placed import to_be_turned
from analysis.studies import inputs
from analysis.studies.attribution.methods import check_layer
from analysis.studies.attribution.methods import select as select_methods
from analysis.studies.attribution.questions import Sizes
from analysis.studies.inputs import Data, Folder
from analysis.studies.shift import run as shifting
from analysis.studies.shift.readers import readable
from analysis.subjects.choice import ASKED
from analysis.subjects.opening import Models, each_of, name_layers, open_study, open_subjects
from analysis.subjects.roles import every_seed, given_random_labels

Conditions: TypeAlias = str | Condition | Sequence[str | Condition]


def benchmark_arguments(
    data: Data, models: Models, conditions: Conditions, *, out: Folder | None, split: str | None,
    limit: int | None, seed: int, placement: str, landmarks: Folder | None,
    batch_size: int | None, dtype: str, device: str, reference: str | None, backend: str = "auto",
) -> dict[str, Any]:
    """What `occlusion.run.planned` takes, of the arguments of `benchmark`."""
    chosen, backend = select(conditions), inputs.one_of("backend", backend, ASKED)
    subjects, dataset, common = _common(
        data, models, out, split, dtype, device, batch_size, limit, seed, backend)
    file = None if landmarks is None else Path(landmarks)
    turns = any(condition.in_depth for condition in chosen) and not dataset.renders
    if turns:
        dataset = to_be_turned(dataset, file)
    cameras, known = None, None if turns and placement == "mean" else file
    if any(condition.occluder != "none" for condition in chosen):
        cameras = inputs.cameras(dataset, placement, known)
    elif not turns:
        inputs.unused_landmarks(file, "no condition covers a face")
    return {"subjects": subjects, "dataset": dataset, "conditions": chosen, "cameras": cameras,
            "reference": reference, "out": inputs.out_folder(out), "backend": backend, **common}


def shift_arguments(
    data: Data, models: Models, conditions: Conditions, *, out: Folder | None, split: str | None,
    limit: int | None, seed: int, placement: str, landmarks: Folder | None,
    ran_lists: Folder | None, batch_size: int | None, dtype: str, device: str,
    backend: str = "auto", permuted: bool = True,
) -> dict[str, Any]:
    """What `shift.run.planned` takes, of the arguments of `shift`."""
    usual = isinstance(conditions, str) and conditions == "default"
    chosen = shifting.checked(shifting.DEFAULT if usual else select(conditions))
    seeds = [every_seed(one) if isinstance(one, str) else one for one in each_of(models)]
    subjects, dataset, common = _common(
        data, seeds, out, split, dtype, device, batch_size, limit, seed)
    for line in readable(subjects)[1]:
        print(line, flush=True)
    return {"subjects": subjects, "dataset": dataset, "conditions": chosen,
            "cameras": inputs.cameras(dataset, placement, landmarks),
            "ran_lists": None if ran_lists is None else Path(ran_lists),
            "out": inputs.out_folder(out), "backend": backend, "permuted": permuted, **common}


def attribution_arguments(
    data: Data, models: Models, methods: str | Sequence[str], *, out: Folder | None,
    split: str | None, limit: int | None, seed: int, random_labels: Models, placement: str,
    landmarks: Folder | None, device: str, sizes: dict[str, int], layer: str | None = None,
    backend: str = "auto", against: str | None = None,
) -> dict[str, Any]:
    """What `attribution.run.planned` takes, of the arguments of `attribution_suite`."""
    inputs.at_least_one_face(sizes)
    chosen, device = select_methods(methods), inputs.device(device)
    check_layer(layer, chosen)
    subjects, dataset = open_study(models, inputs.faces(data, split), device)
    name_layers(subjects, layer)
    others = each_of(random_labels)
    controls = open_subjects(others, dataset.classes, device) if others else []
    return {"subjects": subjects, "dataset": dataset, "methods": chosen, "seed": seed,
            "limit": limit, "sizes": Sizes(**sizes), "layer": layer, "against": against or "",
            "backend": inputs.one_of("backend", backend, ASKED),
            "randomised": given_random_labels(subjects, controls),
            "cameras": inputs.cameras(dataset, placement, landmarks),
            "out": inputs.out_folder(out)}


def _common(data, models, out, split, dtype, device, batch_size, limit, seed, backend="auto"):
    """The subjects, the faces, and the options that two studies share."""
    inputs.whole_number("batch_size", batch_size, inputs.LARGEST_BATCH)
    device, dataset = inputs.device(device), inputs.faces(data, split)
    chosen = inputs.dtype(dtype, device, out, backend)
    subjects, dataset = open_study(models, dataset, device, chosen == "bf16")
    options = {"limit": limit, "seed": seed, "dtype": chosen, "batch_size": batch_size}
    return subjects, dataset, options
