"""Everything tried on one batch: what will work of a model, and what won't, with reasons."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from analysis.attributions import ATTRIBUTIONS
from analysis.attributions.judgement import judged
from analysis.attributions.once import once
from analysis.subjects import probe
from analysis.subjects.examine import examine_insides
from analysis.subjects.loading import is_outside, load_outside
from analysis.subjects.probe import Finding
from analysis.subjects.recognition import faces_of, recognition
from iram import contract
from iram.architecture import FER2013_CLASSES
from iram.data import open_dataset
from iram.data.classes import canonical
from iram.errors import InputError, listing
from iram.weights import load_model

FACES = "heads:n=14"
NEEDED = ("forward", "finite", "determinism", "batch independence", "outputs", "state", "factory",
          "description")
SLOW = 0.2  # seconds for four faces


def check(
    spec: str, device: str = "cpu", data: str | None = None, layer: str | None = None
) -> list[Finding]:
    """What became of each trial, on four rendered heads of 48 px.

    Args:
        data: faces that it is to recognise; rendered heads by default. See `recognition`.
        layer: that class activation maps read; None: see `analysis.attributions.layers.chosen`.

    Raises:
        InputError: the model can't be opened at all, or has no such layer.
    """
    outside = is_outside(spec)
    model, key = load_outside(spec, device) if outside else (load_model(spec, device), "")
    images = open_dataset(FACES).images(slice(0, 4)).to(device)
    found = [Finding("note", True, note) for note in getattr(model, "notes", ())]
    found += probe.basics(model, images)
    if not all(finding.good for finding in found):
        return found
    probe.with_layer(model, layer, device)
    timed, logits = speed(model, images)
    found += [timed, probe.outputs(model, logits)]
    if spec.partition(":")[2]:
        found.append(_repeats(spec, device, key))
    found += [classes(model), recognition(model, faces_of(data), device)]
    known, target = {}, logits.argmax(1)
    with once():
        if outside:
            try:
                known = examine_insides(model, images, target)
            except InputError as error:
                return [*found, Finding("description", False, str(error))]
        return [*found, *insides(model, images, target, known), *families(model, images, target)]


def is_usable(findings: list[Finding]) -> bool:
    """Whether a study takes the model at all."""
    return all(finding.good for finding in findings if finding.what in NEEDED)


def speed(model: nn.Module, images: Tensor) -> tuple[Finding, Tensor]:
    """How long a face takes, and the pictures' logits; of a slow net no more are asked for."""
    for many in (images, images.repeat(4, 1, 1, 1)):
        with torch.no_grad():
            started = time.perf_counter()
            logits = model(many)
            seconds = time.perf_counter() - started
        if seconds > SLOW:
            break
    told = f"{1000 * seconds / len(many):.2f} ms a face, {len(many)} at once"
    return Finding("speed", True, told), logits[: len(images)]


def classes(model: nn.Module) -> Finding:
    """Its classes beside FER2013's, as an example of a data set."""
    own = model.classes
    known, wanted = {canonical(n): n for n in own}, {canonical(n) for n in FER2013_CLASSES}
    lacks = [name for name in FER2013_CLASSES if canonical(name) not in known]
    besides = [name for key, name in known.items() if key not in wanted]
    told = f"{len(own)}, of which {7 - len(lacks)} are FER2013's"
    told += f"; it lacks {listing(lacks)}" if lacks else ""
    told += f"; besides: {listing(besides)}" if besides else ""
    return Finding("classes", len(lacks) <= 5, told)


def insides(
    model: nn.Module, images: Tensor, target: Tensor, known: Mapping[str, Finding]
) -> Iterator[Finding]:
    """Gradients, layers, attention and what replacing it does, weights and copies; what is `known`
    is not tried again."""
    lacks = contract.lacks(model)
    trials = {"gradients": lambda *one: probe.gradient(*one, target), "layers": probe.layers,
              "attention": probe.attention, "interventions": probe.interventions}
    for need, trial in trials.items():
        if need in lacks:
            yield Finding(need, False, lacks[need])
        elif need in ("gradients", "layers") or model.has_attention:
            yield known.get(need) or trial(model, images)
        else:
            yield Finding(need, False, "it has no attention")
    yield from (Finding(need, False, why) for need, why in lacks.items() if need not in trials)


def families(model: nn.Module, images: Tensor, target: Tensor) -> Iterator[Finding]:
    """A line per family of attribution methods (a file of `analysis.attributions`), tried on two
    faces, or on one where a method takes several passes, for the classes in `target`."""
    members: dict[str, list[str]] = {}
    for method, function in ATTRIBUTIONS.items():
        members.setdefault(function.__module__.rpartition(".")[2], []).append(method)
    members.pop("trivial", None)  # they ask nothing of a model
    tried = {family: {method: _trial(model, images, target, method) for method in methods}
             for family, methods in members.items()}
    for family, trials in tried.items():
        works = [method for method, why in trials.items() if not why]
        fails: dict[str, list[str]] = {}
        for method, why in trials.items():
            if why:
                fails.setdefault(why, []).append(method)
        told = [listing(works)] if works else []
        told += [f"not {listing(names)}: {why}" for why, names in fails.items()]
        yield Finding(f"maps: {family.replace('_', ' ')}", bool(works), "; ".join(told))


def _trial(model: nn.Module, images: Tensor, target: Tensor, method: str) -> str:
    """What is wrong with a method's maps; "" if nothing is."""
    some = slice(2 if ATTRIBUTIONS.about(method).cost == "cheap" else 1)
    found = judged(model, images[some], target[some], method)
    return found.refused or found.marked


def _repeats(spec: str, device: str, key: str) -> Finding:
    """Whether the factory gives the same weights again: a run that is gone on with needs that."""
    try:
        same = load_outside(spec, device)[1] == key
    except InputError as error:
        return Finding("factory", False, f"can't be made twice in one process: {error}")
    return Finding("factory", same, "gives the same weights at every call" if same else
                   "gives other weights at every call: name weights in the "
                   f"description, {Path(spec.partition(':')[0]).stem}.toml")


def table(findings: list[Finding]) -> list[str]:
    """A line per trial, and one per hint at what may be wrong."""
    lines = [f"  {'yes' if f.good else 'no':5s}{f.what:24s}{f.told}" for f in findings]
    return lines + [f"hint: {hint}" for f in findings for hint in f.hints]
